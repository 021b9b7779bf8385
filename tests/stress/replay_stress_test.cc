// Joining late while two publishers publish as fast as they can.
//
// Forbidden: an event that a joiner misses and is not told of, one that it sees twice or out of
// order, a call after unsubscribe() has returned, numbers of the bus that do not add up.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "herald/herald.h"
#include "support/stamp.h"
#include "support/stress_run.h"

namespace herald::stress {
namespace {

using namespace std::chrono_literals;

// What one joiner sees. see() and hear() on the dispatching thread; the rest after unsubscribe().
class Joiner {
 public:
  void see(const Event& event) noexcept {
    fail_if(gone_.load(std::memory_order_relaxed), "called after it has left");
    fail_if(next_ != 0 && event.sequence() < next_, "seen twice, or out of order");
    fail_if(next_ != 0 && event.sequence() > next_, "missed and not told");
    next_ = event.sequence() + 1;
    events_.fetch_add(1, std::memory_order_release);
  }
  void hear(const Gap& gap) noexcept {
    fail_if(gone_.load(std::memory_order_relaxed), "told after it has left");
    fail_if(next_ != 0 && gap.requested != next_, "a gap that does not begin where it was");
    fail_if(gap.oldest <= gap.requested || gap.newest + 1 < gap.oldest, "a gap of nothing");
    next_ = gap.oldest;
    ++told_;
  }
  /// Where it must begin, if it is not told otherwise.
  void begin_at(std::uint64_t sequence) noexcept { next_ = sequence; }
  void leave() noexcept { gone_.store(true, std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t events() const noexcept {
    return events_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t gaps() const noexcept { return told_; }
  [[nodiscard]] const char* failure() const noexcept { return failure_; }

 private:
  void fail_if(bool wrong, const char* what) noexcept { failure_ = wrong ? what : failure_; }

  std::uint64_t next_ = 0;
  std::atomic<std::uint64_t> events_{0};
  std::uint64_t told_ = 0;
  std::atomic<bool> gone_{false};
  const char* failure_ = "";
};

class ReplayStress : public Test {
 protected:
  static constexpr std::size_t kPublishers = 2;
  static constexpr std::size_t kRingEvents = 2'048;

  ReplayStress()
      : bus_(Bus::create({.replay_events = kRingEvents}).value()),
        type_(bus_.define<Stamp>("stamp").value()) {
    keeper_ = bus_.subscribe({.types = TypeMask::all()},
                             [this](const Event& event) {
                               newest_.store(event.sequence(), std::memory_order_relaxed);
                             })
                  .value();
  }

  void publish(std::uint64_t id) {
    StampPublisher publisher(bus_.publisher().value(), type_, id, random(id));
    while (!finished_.load(std::memory_order_acquire)) {
      publisher.step();
    }
  }

  struct Joined {
    std::shared_ptr<Joiner> joiner;
    Subscription subscription;
  };

  // Some join together, somewhere; each stays until it is live, leaves, and is judged by what it
  // saw.
  std::uint64_t join_some(Random& random) {
    std::vector<Joined> joined;
    for (std::uint64_t i = 1 + random.below(4); i != 0; --i) {
      joined.push_back(join(random));
    }
    for (auto& [joiner, subscription] : joined) {
      if (!random.one_in(8)) {  // else it leaves wherever it is
        wait_until_live(subscription, *joiner);
      }
      subscription.unsubscribe();
      joiner->leave();
      judge(*joiner, subscription.stats());
    }
    return joined.size();
  }

  Joined join(Random& random) {
    auto joiner = std::make_shared<Joiner>();
    const std::uint64_t newest = newest_.load(std::memory_order_relaxed);
    const bool by_sequence = newest != 0 && random.one_in(2);
    const std::uint64_t back = 1 + random.below(kRingEvents + kRingEvents / 4);
    const std::uint64_t from = newest > back ? newest - back : 1;
    if (by_sequence) {
      joiner->begin_at(from);
    }
    const SubscribeOptions options{
        .replay = by_sequence ? from_sequence(from) : last(back),
        .on_notice = [joiner](const Notice& notice) { joiner->hear(std::get<Gap>(notice)); }};
    const auto see = [joiner](const Event& event) { joiner->see(event); };
    const auto see_all = [joiner](std::span<const Event> events) {
      for (const Event& event : events) {
        joiner->see(event);
      }
    };
    constexpr Filter kAll{.types = TypeMask::all()};
    return {joiner, random.one_in(4) ? bus_.subscribe_batch(kAll, see_all, options).value()
                                     : bus_.subscribe(kAll, see, options).value()};
  }

  static void wait_until_live(const Subscription& subscription, const Joiner& joiner) {
    for (;;) {
      const SubscriptionStats stats = subscription.stats();
      if (stats.delivered > stats.replayed && joiner.events() > stats.replayed) {
        return;
      }
      std::this_thread::yield();
    }
  }

  void judge(const Joiner& joiner, const SubscriptionStats& stats) {
    ASSERT_STREQ(joiner.failure(), "") << "FORBIDDEN";
    ASSERT_EQ(stats.delivered, joiner.events());
    ASSERT_EQ(stats.offered, joiner.events());
    ASSERT_EQ(stats.gaps, joiner.gaps());
    gaps_.fetch_add(stats.gaps, std::memory_order_relaxed);
    replayed_.fetch_add(stats.replayed, std::memory_order_relaxed);
    seen_.fetch_add(joiner.events(), std::memory_order_relaxed);
    watchdog_.progress();
  }

  std::atomic<bool> finished_{false};
  std::atomic<std::uint64_t> newest_{0};
  std::atomic<std::uint64_t> gaps_{0};
  std::atomic<std::uint64_t> replayed_{0};
  std::atomic<std::uint64_t> seen_{0};
  Watchdog watchdog_;
  Bus bus_;
  EventType<Stamp> type_;
  Subscription keeper_;
};

TEST_F(ReplayStress, JoinersMissNothingThatIsNotTold) {
  constexpr std::size_t kJoiningThreads = 2;
  const std::uint64_t joins = rounds(10'000, 100'000) / kJoiningThreads;
  {
    std::vector<std::jthread> publishers;
    for (std::uint64_t id = 0; id < kPublishers; ++id) {
      publishers.emplace_back([this, id] { publish(id); });
    }
    {
      std::vector<std::jthread> joiners;
      for (std::size_t i = 0; i < kJoiningThreads; ++i) {
        joiners.emplace_back([this, joins, i] {
          Random random = this->random(10 + i);
          for (std::uint64_t n = 0; n < joins && !HasFatalFailure();) {
            n += join_some(random);
          }
        });
      }
    }
    finished_.store(true, std::memory_order_release);
  }
  ASSERT_TRUE(bus_.flush(60s).ok());
  const BusStats stats = bus_.stats();
  EXPECT_TRUE(stats.conserved());
  EXPECT_EQ(stats.deliveries, seen_.load(std::memory_order_relaxed) + stats.dispatched)
      << "and the keeper's";
  EXPECT_GT(replayed_.load(std::memory_order_relaxed), 0U);
  std::printf("%llu events replayed, %llu gaps told, %llu dispatched\n",
              static_cast<unsigned long long>(replayed_.load(std::memory_order_relaxed)),
              static_cast<unsigned long long>(gaps_.load(std::memory_order_relaxed)),
              static_cast<unsigned long long>(stats.dispatched));
}

}  // namespace
}  // namespace herald::stress
