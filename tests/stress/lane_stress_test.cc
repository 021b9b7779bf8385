// Lanes under load: publishers with small lanes publish singly, in batches and with try_publish.
//
// Forbidden: an accepted event lost, repeated, reordered or torn; a refused one delivered; more
// events inside a lane than its capacity; attempts that are not accepted, dropped, full, closed or
// rejected; a report that says other than the publisher was told.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <ostream>
#include <string>
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
  std::size_t batch_events;
  WaitStrategy wait;
  std::uint64_t attempts;
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << "capacity " << shape.capacity_events << ", batch " << shape.batch_events << ", wait "
       << static_cast<int>(shape.wait);
}

class LaneStress : public Test, public ::testing::WithParamInterface<Shape> {
 protected:
  static constexpr std::size_t kPublishers = 4;

  // Two that wait, one that waits a little, one that drops.
  static PublisherOptions options(std::size_t id) {
    PublisherOptions made{.name = std::to_string(id),
                          .capacity_events = GetParam().capacity_events};
    if (id == 2) {
      made.max_wait = 20us;
    } else if (id == 3) {
      made.overflow = OverflowPolicy::kDropNewest;
    }
    return made;
  }

  void run(StampPublisher& publisher, std::uint64_t attempts) {
    Random random = this->random(100 + publisher.id());
    while (publisher.answers().attempts < attempts) {
      publisher.step();
      // What the callback has counted before the lane's room was given back is visible here.
      const std::uint64_t inside = publisher.answers().accepted - check_.received(publisher.id());
      over_capacity_.fetch_add(
          inside > GetParam().capacity_events + GetParam().batch_events ? 1U : 0U,
          std::memory_order_relaxed);
      watchdog_.progress();
      dawdle(random);
    }
  }

  StampCheck check_{kPublishers};
  Watchdog watchdog_;
  std::atomic<std::uint64_t> over_capacity_{0};
};

void expect_told_the_truth(const BusStats& stats, const std::deque<StampPublisher>& publishers) {
  for (const PublisherStats& row : stats.publishers) {
    if (row.name != "shared") {
      EXPECT_TRUE(publishers[std::stoul(row.name)].answers().equals(row))
          << "publisher " << row.name;
    }
  }
}

TEST_P(LaneStress, KeepsEveryPromise) {
  const Shape& shape = GetParam();
  Bus bus = Bus::create({.wait = shape.wait, .batch_events = shape.batch_events}).value();
  const EventType<Stamp> type = bus.define<Stamp>("stamp").value();
  const Subscription subscription =
      bus.subscribe(type, [this](const Stamp& stamp, const Event&) { check_.receive(stamp); })
          .value();
  std::deque<StampPublisher> publishers;
  for (std::size_t id = 0; id < kPublishers; ++id) {
    publishers.emplace_back(bus.publisher(options(id)).value(), type, id, random(id));
  }
  {
    std::vector<std::jthread> threads;
    for (StampPublisher& publisher : publishers) {
      threads.emplace_back([&] { run(publisher, rounds(shape.attempts, shape.attempts * 50)); });
    }
  }
  ASSERT_TRUE(bus.flush(60s).ok());
  check_.expect_flawless();
  for (const StampPublisher& publisher : publishers) {
    EXPECT_EQ(check_.received(publisher.id()), publisher.answers().accepted);
  }
  EXPECT_EQ(over_capacity_.load(std::memory_order_relaxed), 0U) << "FORBIDDEN: over capacity";
  const BusStats stats = bus.stats();
  expect_told_the_truth(stats, publishers);
  EXPECT_TRUE(stats.conserved());
  EXPECT_EQ(stats.dispatched, check_.total());
  EXPECT_EQ(stats.queued, 0U);
}

INSTANTIATE_TEST_SUITE_P(Lanes, LaneStress,
                         ::testing::Values(Shape{1, 1, WaitStrategy::kPark, 20'000},
                                           Shape{1, 256, WaitStrategy::kAdaptive, 20'000},
                                           Shape{2, 1, WaitStrategy::kAdaptive, 40'000},
                                           Shape{7, 3, WaitStrategy::kPark, 80'000},
                                           Shape{256, 256, WaitStrategy::kAdaptive, 800'000},
                                           Shape{64, 256, WaitStrategy::kSpin, 200'000},
                                           Shape{256, 1, WaitStrategy::kSpin, 200'000}));

// The capacity is exact: with nobody dispatching, a lane takes as many events as it has room for
// and then no more, whatever was in it before.
class LaneCapacity : public Test {};

TEST_F(LaneCapacity, IsExact) {
  constexpr std::size_t kCapacities[] = {1, 2, 7, 256, 257, 1'000};
  Bus bus = Bus::create({.dispatch = DispatchMode::kManual}).value();
  const EventType<Stamp> type = bus.define<Stamp>("stamp").value();
  Random random = this->random(0);
  std::uint64_t before = 0;
  for (const std::size_t capacity : kCapacities) {
    StampPublisher publisher(bus.publisher({.capacity_events = capacity}).value(), type, 0, random);
    StampCheck check(1);
    const Subscription here =
        bus.subscribe(type, [&](const Stamp& stamp, const Event&) { check.receive(stamp); })
            .value();
    for (int round = 0; round < 200; ++round) {
      const std::uint64_t first = random.below(2 * capacity);
      for (std::uint64_t i = 0; i < first; ++i) {
        publisher.step();
      }
      while (publisher.try_publish() == PublishResult::kAccepted) {
      }
      ASSERT_EQ(publisher.answers().accepted - check.received(0), capacity);
      static_cast<void>(bus.pump());
      ASSERT_EQ(publisher.answers().accepted, check.received(0));
    }
    check.expect_flawless();
    before += check.total();
    EXPECT_EQ(bus.stats().dispatched, before);
  }
}

}  // namespace
}  // namespace herald::stress
