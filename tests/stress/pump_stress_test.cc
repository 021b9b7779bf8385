// Manual mode under load: several threads pump, wait, flush and look at statistics at once.
//
// Forbidden: two callbacks at the same time; a pump that says it is done before everything accepted
// before it is dispatched, or that dispatches more than it was allowed; an event lost, repeated,
// reordered or torn; a thread told busy for ever.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "herald/herald.h"
#include "support/stamp.h"
#include "support/stress_run.h"

namespace herald::stress {
namespace {

using namespace std::chrono_literals;

class PumpStress : public Test {
 protected:
  static constexpr std::size_t kPublishers = 2;
  static constexpr std::size_t kPumpers = 3;

  PumpStress()
      : bus_(Bus::create({.dispatch = DispatchMode::kManual, .batch_events = 16}).value()),
        type_(bus_.define<Stamp>("stamp").value()),
        subscription_(
            bus_.subscribe(type_, [this](const Stamp& stamp, const Event&) { receive(stamp); })
                .value()) {}

  void receive(const Stamp& stamp) {
    overlaps_.fetch_add(inside_.exchange(true, std::memory_order_relaxed) ? 1U : 0U,
                        std::memory_order_relaxed);
    ++calls_;  // plain: pumps are ordered one after the other
    check_.receive(stamp);
    inside_.store(false, std::memory_order_relaxed);
  }

  void publish(std::size_t id, std::uint64_t attempts) {
    PublisherOptions options{.capacity_events = 64};
    if (id == 0) {
      options.overflow = OverflowPolicy::kBlock;
      options.max_wait = 100us;
    }
    StampPublisher publisher(bus_.publisher(options).value(), type_, id, random(id));
    while (publisher.answers().attempts < attempts) {
      publisher.step();
      accepted_[id].store(publisher.answers().accepted, std::memory_order_release);
      dawdle(publisher.random());
      watchdog_.progress();
    }
  }

  void pump(Random random) {
    while (!finished_.load(std::memory_order_acquire)) {
      switch (random.below(4)) {
        case 0:
          static_cast<void>(bus_.wait(std::chrono::microseconds(random.below(100))));
          break;
        case 1:
          look(random);
          break;
        default:
          pump_once(random);
          break;
      }
    }
  }

  void pump_once(Random& random) {
    PumpOptions options;
    if (random.one_in(2)) {
      options.max_events = 1 + random.below(50);
    }
    if (random.one_in(3)) {
      options.budget = std::chrono::nanoseconds(1 + random.below(50'000));
    }
    std::array<std::uint64_t, kPublishers> before{};
    for (std::size_t id = 0; id < kPublishers; ++id) {
      before[id] = accepted_[id].load(std::memory_order_acquire);
    }
    const PumpResult result = bus_.pump(options);
    EXPECT_NE(result.status, PumpResult::Status::kRefused);
    EXPECT_LE(result.events, options.max_events.value_or(UINT64_MAX));
    done_.fetch_add(result.status == PumpResult::Status::kDone ? 1U : 0U,
                    std::memory_order_relaxed);
    for (std::size_t id = 0; id < kPublishers; ++id) {
      if (result.status == PumpResult::Status::kDone) {
        EXPECT_GE(check_.received(id), before[id]) << "FORBIDDEN: done, and not dispatched";
      }
    }
  }

  // What others may do at any time.
  void look(Random& random) {
    switch (random.below(4)) {
      case 0:
        static_cast<void>(bus_.stats());
        break;
      case 1:
        static_cast<void>(bus_.flush(std::chrono::microseconds(random.below(200))));
        break;
      case 2:
        static_cast<void>(subscription_.stats());
        break;
      default: {
        const absl::StatusOr<EventType<int>> type =
            bus_.define<int>("type" + std::to_string(random.below(60)));
        EXPECT_TRUE(type.ok() || type.status().code() == absl::StatusCode::kAlreadyExists ||
                    type.status().code() == absl::StatusCode::kResourceExhausted);
        break;
      }
    }
  }

  StampCheck check_{kPublishers};
  std::array<std::atomic<std::uint64_t>, kPublishers> accepted_{};
  std::atomic<bool> finished_{false};
  std::atomic<bool> inside_{false};
  std::atomic<std::uint64_t> overlaps_{0};
  std::atomic<std::uint64_t> done_{0};
  std::uint64_t calls_ = 0;
  Watchdog watchdog_;
  Bus bus_;
  EventType<Stamp> type_;
  Subscription subscription_;
};

TEST_F(PumpStress, OneAtATimeAndNothingLeft) {
  {
    std::vector<std::jthread> pumpers;
    for (std::size_t i = 0; i < kPumpers; ++i) {
      pumpers.emplace_back([this, i] { pump(random(10 + i)); });
    }
    {
      std::vector<std::jthread> publishers;
      for (std::size_t id = 0; id < kPublishers; ++id) {
        publishers.emplace_back([this, id] { publish(id, rounds(100'000, 10'000'000)); });
      }
    }
    finished_.store(true, std::memory_order_release);
  }
  EXPECT_EQ(bus_.pump().status, PumpResult::Status::kDone);
  check_.expect_flawless();
  std::uint64_t accepted = 0;
  for (std::size_t id = 0; id < kPublishers; ++id) {
    EXPECT_EQ(check_.received(id), accepted_[id].load(std::memory_order_relaxed));
    accepted += check_.received(id);
  }
  EXPECT_EQ(calls_, accepted);
  EXPECT_EQ(overlaps_.load(std::memory_order_relaxed), 0U) << "FORBIDDEN: two calls at once";
  EXPECT_GT(done_.load(std::memory_order_relaxed), 0U);
  const BusStats stats = bus_.stats();
  EXPECT_TRUE(stats.conserved());
  EXPECT_EQ(stats.dispatched, accepted);
}

}  // namespace
}  // namespace herald::stress
