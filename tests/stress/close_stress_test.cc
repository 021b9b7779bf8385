// Closing under load: publishers race close() and the destruction of their bus, and keep their
// handles beyond it.
//
// Forbidden: an event that was accepted and not delivered; one that was refused as closed and yet
// delivered; one repeated, reordered or torn; a publisher that still sleeps after close(); any
// answer but closed once the bus is gone; a payload that outlives the bus.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "herald/herald.h"
#include "support/counting_resource.h"
#include "support/stamp.h"
#include "support/stress_run.h"

namespace herald::stress {
namespace {

using namespace std::chrono_literals;

enum class End { kDestroy, kCloseAndDrain, kTwoClosers, kCloseInCallback };

class CloseStress : public Test {
 protected:
  static constexpr std::size_t kPublishers = 3;

  // One life of a bus: made, used by publishers until they are told that it is closed, and ended at
  // a random moment in one of several ways.
  class Life {
   public:
    Life(const BusOptions& options, Random random) : random_(random), bus_(make(options)) {
      type_ = bus_->define<Stamp>("stamp").value();
      subscription_ =
          bus_->subscribe(*type_, [this](const Stamp& stamp, const Event&) { receive(stamp); })
              .value();
      guest_ =
          bus_->subscribe({.types = TypeMask::all()},
                          [this](const Event&) { late_calls_ += guest_calls_may_come_ ? 0U : 1U; })
              .value();
      for (std::size_t id = 0; id < kPublishers; ++id) {
        publishers_.emplace_back(
            bus_->publisher({.capacity_events = 1 + random_.below(64)}).value(), *type_, id,
            Random(random_.next()));
      }
    }

    void run(End end) {
      std::vector<std::jthread> threads;
      for (StampPublisher& publisher : publishers_) {
        threads.emplace_back([&publisher] {
          while (publisher.step() != PublishResult::kClosed) {
          }
          publisher.close();
        });
      }
      // Handles of the bus that go while it goes.
      threads.emplace_back([this, own = Random(random_.next())]() mutable {
        dawdle(own, 20'000);
        guest_.unsubscribe();
        guest_calls_may_come_ = false;
      });
      for (std::uint64_t pauses = random_.below(64); pauses != 0; --pauses) {
        dawdle(random_, 500);
      }
      finish(end);
    }

    void check() {
      check_.expect_flawless();
      EXPECT_EQ(late_calls_, 0U) << "FORBIDDEN: a call after unsubscribe";
      for (StampPublisher& publisher : publishers_) {
        EXPECT_EQ(check_.received(publisher.id()), publisher.answers().accepted)
            << "FORBIDDEN: accepted and not delivered, or closed and delivered";
        EXPECT_EQ(publisher.publish(), PublishResult::kClosed);
        EXPECT_EQ(publisher.publish_batch(5), PublishResult::kClosed);
      }
    }

   private:
    static Bus make(const BusOptions& options) { return Bus::create(options).value(); }

    void receive(const Stamp& stamp) {
      check_.receive(stamp);
      if (close_in_callback_.exchange(false, std::memory_order_relaxed)) {
        in_callbacks_->close();
      }
    }

    void finish(End end) {
      switch (end) {
        case End::kDestroy:
          break;
        case End::kCloseAndDrain:
          drain();
          break;
        case End::kTwoClosers: {
          const std::jthread other([this] { bus_->close(); });
          drain();
          break;
        }
        case End::kCloseInCallback:
          close_in_callback_.store(true, std::memory_order_relaxed);
          // Until it is closed; no event may be left to run the callback.
          while (bus_->publisher({.capacity_events = 1}).status().code() !=
                 absl::StatusCode::kFailedPrecondition) {
            static_cast<void>(bus_->publish(*type_, make_stamp(kPublishers, shared_++, random_)));
          }
          break;
      }
      bus_.reset();
    }

    void drain() {
      const absl::StatusOr<DrainReport> report = bus_->drain(60s);
      ASSERT_TRUE(report.ok());
      EXPECT_TRUE(report->complete);
      EXPECT_EQ(report->undelivered, 0U);
      EXPECT_TRUE(report->incomplete.empty());
    }

    Random random_;
    StampCheck check_{kPublishers + 1};
    std::atomic<bool> close_in_callback_{false};
    std::uint64_t shared_ = 0;
    bool guest_calls_may_come_ = true;
    std::uint64_t late_calls_ = 0;
    std::optional<Bus> bus_;
    Bus* const in_callbacks_ = &*bus_;  // usable while bus_.reset() runs, as the optional is not
    std::optional<EventType<Stamp>> type_;
    Subscription subscription_;
    Subscription guest_;
    std::deque<StampPublisher> publishers_;
  };

  Watchdog watchdog_;
};

class CloseInEachFence : public CloseStress, public ::testing::WithParamInterface<Fence> {};

TEST_P(CloseInEachFence, AcceptedIsDeliveredAndClosedIsNot) {
  constexpr End kEnds[] = {End::kDestroy, End::kCloseAndDrain, End::kTwoClosers,
                           End::kCloseInCallback};
  for (std::uint64_t round = 0; round < rounds(600, 60'000); ++round) {
    Random random = this->random(round);
    BusOptions options{.wait = random.one_in(2) ? WaitStrategy::kPark : WaitStrategy::kAdaptive,
                       .fence = GetParam(),
                       .batch_events = 1 + random.below(32),
                       .shared_lane = {.capacity_events = 16},
                       .drain_on_destroy = 60s};
    Life life(options, Random(random.next()));
    life.run(kEnds[random.below(std::size(kEnds))]);
    life.check();
    ASSERT_FALSE(HasFailure()) << "round " << round;
    watchdog_.progress();
  }
}

INSTANTIATE_TEST_SUITE_P(Fences, CloseInEachFence,
                         ::testing::Values(Fence::kAutomatic, Fence::kSequentiallyConsistent));

// A publish that loses to the close gives its payload up before it returns: a handle that outlives
// the bus and its memory owns nothing of it.
TEST_F(CloseStress, RefusedPayloadsDoNotOutliveTheBus) {
  const std::string text(100, 'x');
  const std::vector<std::string_view> batch(8, text);
  for (std::uint64_t round = 0; round < rounds(2'000, 100'000); ++round) {
    Random random = this->random(round);
    support::CountingResource resource;
    // In this mode the sealer names its count at once, so that a publish can come too late for it.
    std::optional<Bus> bus(Bus::create({.dispatch = DispatchMode::kManual,
                                        .fence = Fence::kSequentiallyConsistent,
                                        .payload_resource = &resource})
                               .value());
    Publisher publisher = bus->publisher({.capacity_events = 4'096}).value();
    std::atomic<bool> started{false};
    {
      const std::jthread thread([&, in_batches = random.one_in(2)] {
        PublishResult result = PublishResult::kAccepted;
        while (result != PublishResult::kClosed) {
          result = in_batches ? publisher.publish_batch(kToken, batch).result
                              : publisher.publish(kToken, text);
          started.store(true, std::memory_order_relaxed);
        }
      });
      while (!started.load(std::memory_order_relaxed)) {
        std::this_thread::yield();
      }
      dawdle(random, 2'000);
      bus->close();
    }
    bus.reset();
    ASSERT_EQ(resource.live(), 0) << "FORBIDDEN: a payload outlives the bus, round " << round;
    watchdog_.progress();
  }
}

// The shared lane has no handle: its callers race close(), not the destruction.
TEST_F(CloseStress, SharedLane) {
  for (std::uint64_t round = 0; round < rounds(500, 50'000); ++round) {
    Random random = this->random(round);
    StampCheck check(kPublishers);
    std::array<Answers, kPublishers> answers{};
    {
      Bus bus = Bus::create({.shared_lane = {.capacity_events = 1 + random.below(64)},
                             .drain_on_destroy = 60s})
                    .value();
      const EventType<Stamp> type = bus.define<Stamp>("stamp").value();
      const Subscription subscription =
          bus.subscribe(type, [&](const Stamp& stamp, const Event&) { check.receive(stamp); })
              .value();
      std::vector<std::jthread> threads;
      for (std::size_t id = 0; id < kPublishers; ++id) {
        threads.emplace_back([&, id, own = Random(random.next())]() mutable {
          while (answers[id].closed == 0) {
            answers[id].add(bus.publish(type, make_stamp(id, answers[id].accepted, own)), 1);
          }
        });
      }
      for (std::uint64_t pauses = random.below(64); pauses != 0; --pauses) {
        dawdle(random, 500);
      }
      bus.close();
      threads.clear();
      const absl::StatusOr<DrainReport> report = bus.drain(60s);
      ASSERT_TRUE(report.ok() && report->complete);
    }
    check.expect_flawless();
    for (std::size_t id = 0; id < kPublishers; ++id) {
      ASSERT_EQ(check.received(id), answers[id].accepted) << "round " << round;
    }
    watchdog_.progress();
  }
}

// Nobody waits for ever in a full lane of a bus that nobody pumps: close() wakes all.
TEST_F(CloseStress, WakesSleepingPublishers) {
  for (std::uint64_t round = 0; round < rounds(500, 50'000); ++round) {
    Random random = this->random(round);
    Bus bus = Bus::create({.dispatch = DispatchMode::kManual,
                           .shared_lane = {.capacity_events = 1,
                                           .overflow = OverflowPolicy::kBlock,
                                           .max_wait = 600s}})
                  .value();
    std::vector<std::jthread> threads;
    for (std::size_t id = 0; id < kPublishers; ++id) {
      threads.emplace_back([&bus, id] {
        Publisher publisher =
            bus.publisher(
                   {.capacity_events = 1, .overflow = OverflowPolicy::kBlock, .max_wait = 600s})
                .value();
        PublishResult result = PublishResult::kAccepted;
        while (result == PublishResult::kAccepted) {
          result = id == 0 ? bus.publish(kToken, "x") : publisher.publish(kToken, "x");
        }
        EXPECT_EQ(result, PublishResult::kClosed);
      });
    }
    while (bus.stats().queued < kPublishers) {
      std::this_thread::yield();
    }
    dawdle(random, 5'000);
    bus.close();
    threads.clear();
    static_cast<void>(bus.pump());
    EXPECT_TRUE(bus.stats().conserved());
    watchdog_.progress();
  }
}

}  // namespace
}  // namespace herald::stress
