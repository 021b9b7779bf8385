// Parking under load: the dispatcher sleeps whenever it can, publishers sleep whenever they must,
// and every wake-up counts.
//
// Forbidden: a lost wake-up. Nothing else wakes the sleeper here (no timeout, no second event), so
// it shows as no progress, and the watchdog ends the process. Also: an event lost, repeated,
// reordered or torn; a timeout of a publisher that had room.
//
// HERALD_EXPECT_FENCE=<what stats().fence must say> checks that the kernel was asked, see
// tests/integration/membarrier_refused_test.sh.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/cpu_pause.h"
#include "herald/herald.h"
#include "support/stamp.h"
#include "support/stress_run.h"

namespace herald::stress {
namespace {

using namespace std::chrono_literals;

const char* name_of(Fence fence) {
  switch (fence) {
    case Fence::kAutomatic:
      return "Automatic";
    case Fence::kMembarrier:
      return "Membarrier";
    case Fence::kSequentiallyConsistent:
      break;
  }
  return "SequentiallyConsistent";
}

// Signals that interrupt every system call of the threads they are sent to (no SA_RESTART). The
// handler stays: the last signals may be on their way when a storm ends.
class SignalStorm {
 public:
  SignalStorm() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGUSR1, &action, nullptr);
  }
  SignalStorm(const SignalStorm&) = delete;
  SignalStorm& operator=(const SignalStorm&) = delete;

  /// Before begin(), and for threads that live until end().
  void add(pthread_t thread) { targets_.push_back(thread); }
  void begin(Random random) {
    thread_ = std::jthread([this, random](const std::stop_token& stop) { blow(stop, random); });
  }
  void end() { thread_ = {}; }
  [[nodiscard]] std::uint64_t sent() const { return sent_.load(std::memory_order_relaxed); }

 private:
  void blow(const std::stop_token& stop, Random random) {
    while (!stop.stop_requested()) {
      pthread_kill(targets_[random.below(targets_.size())], SIGUSR1);
      sent_.fetch_add(1, std::memory_order_relaxed);
      std::this_thread::sleep_for(std::chrono::microseconds(random.below(40)));
    }
  }

  std::vector<pthread_t> targets_;
  std::atomic<std::uint64_t> sent_{0};
  std::jthread thread_;
};

class ParkingStress : public Test, public ::testing::WithParamInterface<Fence> {
 protected:
  // A bus that parks at once, in the fence mode under test. Null if the kernel refuses the mode, as
  // it may only where it is expected to.
  void SetUp() override {
    absl::StatusOr<Bus> made = Bus::create({.thread = {.on_start =
                                                           [this] {
                                                             dispatcher_ = pthread_self();
                                                             started_.count_down();
                                                           }},
                                            .wait = WaitStrategy::kPark,
                                            .fence = GetParam(),
                                            .batch_events = 8});
    if (!made.ok()) {
      ASSERT_EQ(GetParam(), Fence::kMembarrier);
      ASSERT_NE(std::string(made.status().message()).find("kernel refuses membarrier"),
                std::string::npos);
      GTEST_SKIP() << "this kernel has no such mode to test: " << made.status().message();
    }
    started_.wait();
    bus_ = std::move(*made);
    type_ = bus_->define<Stamp>("stamp").value();
    subscription_ =
        bus_->subscribe(*type_, [this](const Stamp& stamp, const Event&) { check_.receive(stamp); })
            .value();
  }

  void TearDown() override {
    if (bus_.has_value()) {
      check_.expect_flawless();
      EXPECT_TRUE(bus_->stats().conserved());
    }
  }

  [[nodiscard]] StampPublisher publisher(std::uint64_t id, std::size_t capacity,
                                         std::optional<std::chrono::nanoseconds> max_wait = {}) {
    return StampPublisher(
        bus_->publisher({.capacity_events = capacity, .max_wait = max_wait}).value(), *type_, id,
        random(id));
  }

  // Publishes one event, waits for its delivery, pauses, and so on, until the dispatcher has slept
  // `sleeps` times. The race is decided between its last look and its sleep, 1 to 100 us after the
  // delivery: the pause is tuned so that it sleeps in about half of the rounds.
  void ping_pong(std::uint64_t sleeps, Random random) {
    constexpr std::uint64_t kBlock = 500;
    constexpr std::uint64_t kLongestPause = 1U << 22U;
    StampPublisher publisher = this->publisher(0, 16);
    std::uint64_t pause = 500;
    std::uint64_t rounds = 0;
    for (std::uint64_t slept = 0; slept < sleeps; rounds += kBlock) {
      ASSERT_NO_FATAL_FAILURE(ping_pong_rounds(publisher, kBlock, pause, random));
      const std::uint64_t before = std::exchange(slept, bus_->stats().parks);
      pause = slept - before > kBlock / 2 ? pause * 7 / 8 + 1 : pause * 8 / 7 + 1;
      ASSERT_LT(pause, kLongestPause) << "the dispatcher does not go to sleep";
    }
    std::printf("%llu sleeps in %llu rounds, pause at the end up to %llu turns\n",
                static_cast<unsigned long long>(sleeps), static_cast<unsigned long long>(rounds),
                static_cast<unsigned long long>(pause));
  }

  void ping_pong_rounds(StampPublisher& publisher, std::uint64_t count, std::uint64_t most_pause,
                        Random& random) {
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_EQ(publisher.publish(), PublishResult::kAccepted);
      while (check_.received(0) < publisher.answers().accepted) {
        dawdle(random, 50);
      }
      for (std::uint64_t turns = random.below(most_pause + 1); turns != 0; --turns) {
        base::cpu_pause();
      }
      watchdog_.progress();
    }
  }

  // Publishers that have to sleep for the room of every second event.
  void blocked_publishers(std::uint64_t count, SignalStorm* storm) {
    std::latch done(kPublishers);
    std::latch storm_over(1);
    std::vector<std::jthread> threads;
    for (std::uint64_t id = 0; id < kPublishers; ++id) {
      threads.emplace_back([&, id, count] {
        StampPublisher publisher = this->publisher(id, 1);
        publish_all(publisher, count);
        done.count_down();
        storm_over.wait();  // a signal needs a living thread
      });
      if (storm != nullptr) {
        storm->add(threads.back().native_handle());
      }
    }
    if (storm != nullptr) {
      storm->begin(random(99));
    }
    done.wait();
    if (storm != nullptr) {
      storm->end();
    }
    storm_over.count_down();
  }

  void publish_all(StampPublisher& publisher, std::uint64_t count) {
    while (publisher.answers().accepted < count) {
      EXPECT_EQ(publisher.publish(), PublishResult::kAccepted);
      watchdog_.progress();
      dawdle(publisher.random());
    }
  }

  void describe() {
    std::fprintf(stderr, "fence %s, received %llu %llu %llu\n", name_of(GetParam()),
                 static_cast<unsigned long long>(check_.received(0)),
                 static_cast<unsigned long long>(check_.received(1)),
                 static_cast<unsigned long long>(check_.received(2)));
    const BusStats stats = bus_->stats();
    for (const PublisherStats& row : stats.publishers) {
      std::fprintf(stderr, "lane %s: accepted %llu, queued %llu, waits %llu\n", row.name.c_str(),
                   static_cast<unsigned long long>(row.accepted),
                   static_cast<unsigned long long>(row.queued),
                   static_cast<unsigned long long>(row.waits));
    }
  }

  static constexpr std::size_t kPublishers = 3;
  StampCheck check_{kPublishers};
  std::optional<Bus> bus_;
  std::optional<EventType<Stamp>> type_;
  Subscription subscription_;
  pthread_t dispatcher_{};
  std::latch started_{1};
  Watchdog watchdog_{[this] { describe(); }};
};

TEST_P(ParkingStress, UsesTheFenceItSays) {
  const std::string_view fence = bus_->stats().fence;
  if (GetParam() != Fence::kAutomatic) {
    EXPECT_EQ(fence, GetParam() == Fence::kMembarrier ? "membarrier" : "sequentially consistent");
  }
  if (const char* expected = std::getenv("HERALD_EXPECT_FENCE"); expected != nullptr) {
    EXPECT_NE(GetParam(), Fence::kMembarrier) << "membarrier should have been refused";
    EXPECT_EQ(fence, expected);
  }
}

TEST_P(ParkingStress, PingPong) { ping_pong(rounds(100'000, 10'000'000), random(10)); }

TEST_P(ParkingStress, PingPongInAStormOfSignals) {
  SignalStorm storm;
  storm.add(dispatcher_);
  storm.add(pthread_self());
  storm.begin(random(11));
  ping_pong(rounds(20'000, 1'000'000), random(10));
  storm.end();
  EXPECT_GT(storm.sent(), 0U);
}

TEST_P(ParkingStress, BlockedPublishers) {
  blocked_publishers(rounds(10'000, 1'000'000), nullptr);
  ASSERT_TRUE(bus_->flush(60s).ok());
  EXPECT_EQ(check_.total(), kPublishers * rounds(10'000, 1'000'000));
}

TEST_P(ParkingStress, BlockedPublishersInAStormOfSignals) {
  SignalStorm storm;
  storm.add(dispatcher_);
  blocked_publishers(rounds(5'000, 300'000), &storm);
  ASSERT_TRUE(bus_->flush(60s).ok());
  EXPECT_EQ(check_.total(), kPublishers * rounds(5'000, 300'000));
}

// A flush rides on a command and not on an event: it must find the sleeper as well.
TEST_P(ParkingStress, Flush) {
  StampPublisher publisher = this->publisher(0, 16);
  Random random = this->random(12);
  for (std::uint64_t i = rounds(20'000, 1'000'000); i != 0; --i) {
    if (!random.one_in(4)) {
      ASSERT_EQ(publisher.publish(), PublishResult::kAccepted);
    }
    dawdle(random, 500);
    ASSERT_TRUE(bus_->flush(60s).ok());
    ASSERT_EQ(check_.received(0), publisher.answers().accepted) << "FORBIDDEN: not delivered";
    watchdog_.progress();
  }
}

// A publisher that waits only a little: leaving by timeout races with being woken.
TEST_P(ParkingStress, ShortWaits) {
  StampPublisher publisher = this->publisher(0, 1, 30us);
  Random random = this->random(13);
  for (std::uint64_t i = rounds(30'000, 1'000'000); i != 0; --i) {
    publisher.publish();
    dawdle(random, 500);
    watchdog_.progress();
  }
  ASSERT_TRUE(bus_->flush(60s).ok());
  EXPECT_EQ(check_.received(0), publisher.answers().accepted);
}

INSTANTIATE_TEST_SUITE_P(Fences, ParkingStress,
                         ::testing::Values(Fence::kAutomatic, Fence::kMembarrier,
                                           Fence::kSequentiallyConsistent),
                         [](const auto& fence) { return name_of(fence.param); });

// Manual mode: Bus::wait sleeps where a dispatcher thread would.
class ManualParkingStress : public Test, public ::testing::WithParamInterface<Fence> {};

TEST_P(ManualParkingStress, WaitFindsEveryEvent) {
  Watchdog watchdog;
  absl::StatusOr<Bus> bus = Bus::create({.dispatch = DispatchMode::kManual, .fence = GetParam()});
  if (!bus.ok()) {
    ASSERT_EQ(GetParam(), Fence::kMembarrier) << bus.status();
    GTEST_SKIP() << "this kernel has no such mode to test: " << bus.status().message();
  }
  const EventType<Stamp> type = bus->define<Stamp>("stamp").value();
  StampCheck check(1);
  const Subscription subscription =
      bus->subscribe(type, [&](const Stamp& stamp, const Event&) { check.receive(stamp); }).value();
  const std::uint64_t count = rounds(20'000, 1'000'000);
  std::jthread player([&] {
    StampPublisher publisher(bus->publisher().value(), type, 0, random(0));
    for (std::uint64_t i = 0; i < count; ++i) {
      EXPECT_EQ(publisher.publish(), PublishResult::kAccepted);
      while (check.received(0) <= i) {
        dawdle(publisher.random(), 50);
      }
      dawdle(publisher.random(), 500);
    }
  });
  while (check.received(0) < count) {
    ASSERT_TRUE(bus->wait(120s));
    static_cast<void>(bus->pump());
    watchdog.progress();
  }
  check.expect_flawless();
}

INSTANTIATE_TEST_SUITE_P(Fences, ManualParkingStress,
                         ::testing::Values(Fence::kAutomatic, Fence::kMembarrier,
                                           Fence::kSequentiallyConsistent),
                         [](const auto& fence) { return name_of(fence.param); });

}  // namespace
}  // namespace herald::stress
