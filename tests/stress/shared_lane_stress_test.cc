// The shared lane under load: more threads than processors publish through Bus::publish, with no
// handle, while some of them flush.
//
// Forbidden: an accepted event lost, repeated or torn; two events of one thread in another order
// than they were published; flush() returning before everything accepted before it is delivered;
// more events inside than the capacity; a report that says other than the threads were told.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
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
  std::size_t capacity_events;
  OverflowPolicy overflow;
  std::uint64_t attempts;
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << "capacity " << shape.capacity_events
       << (shape.overflow == OverflowPolicy::kBlock ? ", block" : ", drop newest");
}

class SharedLaneStress : public Test {
 protected:
  static constexpr std::size_t kThreads = 8;

  // Every thread has an id: order is promised for each thread, not between them.
  void start(Bus& bus, std::size_t ids) {
    check_.emplace(ids);
    accepted_ = std::vector<std::atomic<std::uint64_t>>(ids);
    type_ = bus.define<Stamp>("stamp").value();
    subscription_ =
        bus.subscribe(*type_, [this](const Stamp& stamp, const Event&) { check_->receive(stamp); })
            .value();
  }

  // One thread's work; its events are numbered by acceptance.
  void publish(Bus& bus, std::size_t id, std::uint64_t attempts, Answers& answers) {
    Random random = this->random(id);
    for (std::uint64_t i = 0; i < attempts; ++i) {
      const Stamp stamp = make_stamp(id, accepted_[id].load(std::memory_order_relaxed), random);
      const PublishResult result = bus.publish(*type_, stamp);
      answers.add(result, 1);
      if (result == PublishResult::kAccepted) {
        accepted_[id].fetch_add(1, std::memory_order_release);
      }
      watchdog_.progress();
      dawdle(random, 100);
      if (random.one_in(500)) {
        flush(bus);
      }
    }
  }

  void flush(Bus& bus) {
    std::vector<std::uint64_t> before;
    for (const std::atomic<std::uint64_t>& accepted : accepted_) {
      before.push_back(accepted.load(std::memory_order_acquire));
    }
    ASSERT_TRUE(bus.flush(60s).ok());
    for (std::size_t id = 0; id < before.size(); ++id) {
      ASSERT_GE(check_->received(id), before[id]) << "FORBIDDEN: flushed and not delivered";
    }
  }

  std::optional<StampCheck> check_;
  std::vector<std::atomic<std::uint64_t>> accepted_;
  Watchdog watchdog_;
  std::optional<EventType<Stamp>> type_;
  Subscription subscription_;
};

class SharedLaneShapes : public SharedLaneStress, public ::testing::WithParamInterface<Shape> {};

TEST_P(SharedLaneShapes, KeepsEveryPromise) {
  const Shape& shape = GetParam();
  Bus bus = Bus::create({.shared_lane = {.capacity_events = shape.capacity_events,
                                         .overflow = shape.overflow}})
                .value();
  start(bus, kThreads);
  std::array<Answers, kThreads> answers{};
  {
    std::vector<std::jthread> threads;
    for (std::size_t id = 0; id < kThreads; ++id) {
      threads.emplace_back(
          [&, id] { publish(bus, id, rounds(shape.attempts, shape.attempts * 50), answers[id]); });
    }
  }
  ASSERT_TRUE(bus.flush(60s).ok());
  check_->expect_flawless();
  Answers all;
  for (std::size_t id = 0; id < kThreads; ++id) {
    EXPECT_EQ(check_->received(id), answers[id].accepted);
    all.attempts += answers[id].attempts;
    all.accepted += answers[id].accepted;
    all.dropped += answers[id].dropped;
    all.full += answers[id].full;
  }
  const BusStats stats = bus.stats();
  EXPECT_TRUE(all.equals(stats.publishers.at(0)));
  EXPECT_TRUE(stats.conserved());
}

INSTANTIATE_TEST_SUITE_P(Lanes, SharedLaneShapes,
                         ::testing::Values(Shape{1, OverflowPolicy::kBlock, 1'000},
                                           Shape{7, OverflowPolicy::kBlock, 5'000},
                                           Shape{256, OverflowPolicy::kBlock, 30'000},
                                           Shape{7, OverflowPolicy::kDropNewest, 30'000},
                                           Shape{16'384, OverflowPolicy::kDropNewest, 30'000}));

// Threads come and go, and their identifiers are used again.
TEST_F(SharedLaneStress, OutlivesItsThreads) {
  constexpr std::uint64_t kEach = 20;
  const std::size_t generations = rounds(400, 10'000);
  Bus bus = Bus::create({.shared_lane = {.capacity_events = 64}}).value();
  start(bus, kThreads * generations);
  for (std::size_t generation = 0; generation < generations; ++generation) {
    std::array<Answers, kThreads> answers{};
    std::vector<std::jthread> threads;
    for (std::size_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back(
          [&, thread] { publish(bus, generation * kThreads + thread, kEach, answers[thread]); });
    }
  }
  flush(bus);
  check_->expect_flawless();
  EXPECT_EQ(check_->total(), generations * kThreads * kEach);
  EXPECT_TRUE(bus.stats().conserved());
}

// With nobody dispatching, the lane takes exactly what it has room for, from many threads too.
TEST_F(SharedLaneStress, TakesExactlyItsCapacity) {
  constexpr std::size_t kCapacity = 100;
  Bus bus = Bus::create(
                {.dispatch = DispatchMode::kManual, .shared_lane = {.capacity_events = kCapacity}})
                .value();
  start(bus, kThreads);
  std::array<Answers, kThreads> answers{};
  for (std::uint64_t round = 1; round <= rounds(100, 5'000); ++round) {
    {
      std::vector<std::jthread> threads;
      for (std::size_t id = 0; id < kThreads; ++id) {
        threads.emplace_back([&, id] {
          Random random = this->random(round * kThreads + id);
          for (int i = 0; i < 30; ++i) {
            const Stamp stamp = make_stamp(id, answers[id].accepted, random);
            answers[id].add(bus.publish(*type_, stamp), 1);
          }
        });
      }
    }
    std::uint64_t accepted = 0;
    for (const Answers& one : answers) {
      accepted += one.accepted;
    }
    ASSERT_EQ(accepted - check_->total(), kCapacity);
    static_cast<void>(bus.pump());
    ASSERT_EQ(accepted, check_->total());
    watchdog_.progress();
  }
  check_->expect_flawless();
}

}  // namespace
}  // namespace herald::stress
