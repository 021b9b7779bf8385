// Flushing under load: many threads flush while many publish, lanes come and go, and in manual mode
// those who flush pump.
//
// Forbidden: flush() returning before everything that was accepted before it is delivered; a flush
// that never returns; an event lost because a flush ran out of time.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ostream>
#include <thread>
#include <vector>

#include "herald/herald.h"
#include "support/stamp.h"
#include "support/stress_run.h"

namespace herald::stress {
namespace {

using namespace std::chrono_literals;

struct Shape {
  DispatchMode dispatch;
  WaitStrategy wait;
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << (shape.dispatch == DispatchMode::kManual ? "manual" : "thread") << ", wait "
       << static_cast<int>(shape.wait);
}

class FlushStress : public Test, public ::testing::WithParamInterface<Shape> {
 protected:
  static constexpr std::size_t kPublishers = 3;
  static constexpr std::size_t kFlushers = 3;

  FlushStress()
      : bus_(Bus::create(
                 {.dispatch = GetParam().dispatch, .wait = GetParam().wait, .batch_events = 16})
                 .value()),
        type_(bus_.define<Stamp>("stamp").value()),
        subscription_(
            bus_.subscribe(type_, [this](const Stamp& stamp, const Event&) { receive(stamp); })
                .value()) {}

  void receive(const Stamp& stamp) { check_.receive(stamp); }

  // Publishes, now and then through a new lane.
  void publish(std::size_t id, std::uint64_t events) {
    Random random = this->random(id);
    while (accepted_[id].load(std::memory_order_relaxed) < events) {
      Publisher publisher = bus_.publisher({.capacity_events = 1 + random.below(100),
                                            .overflow = OverflowPolicy::kDropNewest})
                                .value();
      for (std::uint64_t i = random.below(2'000); i != 0; --i) {
        const std::uint64_t number = accepted_[id].load(std::memory_order_relaxed);
        if (publisher.publish(type_, make_stamp(id, number, random)) == PublishResult::kAccepted) {
          accepted_[id].store(number + 1, std::memory_order_release);
        }
        dawdle(random, 100);
      }
      // The next lane must not overtake this one.
      ASSERT_TRUE(bus_.flush(60s).ok());
      watchdog_.progress();
    }
  }

  void flush(Random random) {
    while (!finished_.load(std::memory_order_acquire)) {
      std::uint64_t before[kPublishers];
      for (std::size_t id = 0; id < kPublishers; ++id) {
        before[id] = accepted_[id].load(std::memory_order_acquire);
      }
      const bool patient = !random.one_in(4);
      const absl::Status flushed =
          bus_.flush(patient ? 60s : std::chrono::nanoseconds(random.below(20'000)));
      ASSERT_TRUE(flushed.ok() || !patient) << flushed;
      for (std::size_t id = 0; flushed.ok() && id < kPublishers; ++id) {
        ASSERT_GE(check_.received(id), before[id]) << "FORBIDDEN: flushed and not delivered";
      }
      flushes_.fetch_add(1, std::memory_order_relaxed);
      dawdle(random, 1'000);
    }
  }

  StampCheck check_{kPublishers};
  std::array<std::atomic<std::uint64_t>, kPublishers> accepted_{};
  std::atomic<bool> finished_{false};
  std::atomic<std::uint64_t> flushes_{0};
  Watchdog watchdog_;
  Bus bus_;
  EventType<Stamp> type_;
  Subscription subscription_;
};

TEST_P(FlushStress, DeliversWhatWasAcceptedBefore) {
  {
    std::vector<std::jthread> flushers;
    for (std::size_t i = 0; i < kFlushers; ++i) {
      flushers.emplace_back([this, i] { flush(random(10 + i)); });
    }
    {
      std::vector<std::jthread> publishers;
      for (std::size_t id = 0; id < kPublishers; ++id) {
        publishers.emplace_back([this, id] { publish(id, rounds(60'000, 6'000'000)); });
      }
    }
    finished_.store(true, std::memory_order_release);
  }
  ASSERT_TRUE(bus_.flush(60s).ok());
  check_.expect_flawless();
  for (std::size_t id = 0; id < kPublishers; ++id) {
    EXPECT_EQ(check_.received(id), accepted_[id].load(std::memory_order_relaxed));
  }
  const BusStats stats = bus_.stats();
  EXPECT_TRUE(stats.conserved());
  EXPECT_EQ(stats.dispatched, check_.total());
  EXPECT_GT(flushes_.load(std::memory_order_relaxed), 0U);
}

INSTANTIATE_TEST_SUITE_P(Modes, FlushStress,
                         ::testing::Values(Shape{DispatchMode::kThread, WaitStrategy::kAdaptive},
                                           Shape{DispatchMode::kThread, WaitStrategy::kPark},
                                           Shape{DispatchMode::kManual, WaitStrategy::kAdaptive}));

}  // namespace
}  // namespace herald::stress
