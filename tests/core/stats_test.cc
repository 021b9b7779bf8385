#include "herald/stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::row_of;

constexpr Filter kTokens{.types = kToken};

TEST(BusStats, OfANewBusAreZero) {
  const Bus bus = manual_bus();
  const BusStats stats = bus.stats();
  ASSERT_EQ(stats.publishers.size(), 1u);
  EXPECT_EQ(stats.publishers[0].name, "shared");
  EXPECT_EQ(stats.publishers[0].capacity_events, 16'384u);
  EXPECT_TRUE(stats.subscriptions.empty());
  EXPECT_TRUE(stats.middleware.empty());
  EXPECT_EQ(stats.total.attempts + stats.dispatched + stats.deliveries + stats.emitted +
                stats.middleware_dropped + stats.held + stats.discarded + stats.queued +
                stats.exceptions + stats.negative_latencies,
            0u);
  EXPECT_GE(stats.lane_bytes, 16'384u * 64);
  EXPECT_TRUE(stats.conserved());
}

TEST(BusStats, RowsAreInOrderAndSumUp) {
  Bus bus = manual_bus();
  Publisher one = make_publisher(bus, {.name = "one", .capacity_events = 1});
  Publisher two = make_publisher(bus, {.name = "two"});
  publish_tokens(one, {"a"});
  EXPECT_EQ(one.publish(kToken, "b"), PublishResult::kDropped);
  publish_tokens(two, {"c"});
  ASSERT_EQ(bus.publish(kToken, "d"), PublishResult::kAccepted);
  const BusStats stats = bus.stats();
  EXPECT_EQ(row_of(bus, "one").queued, 1u);
  EXPECT_EQ(stats.total.attempts, 4u);
  EXPECT_EQ(stats.total.accepted, 3u);
  EXPECT_EQ(stats.total.dropped, 1u);
  EXPECT_EQ(stats.total.queued, 3u);
  EXPECT_EQ(stats.queued, 3u);
  EXPECT_EQ(stats.total.capacity_events, 1u + 2 * 16'384);
  EXPECT_TRUE(stats.conserved());
  bus.pump();
  EXPECT_EQ(bus.stats().total.queued, 0u);
  EXPECT_EQ(bus.stats().dispatched, 3u);
}

TEST(BusStats, DeliveriesCountCallsAndBatchedEvents) {
  Bus bus = manual_bus();
  const auto ignore = [](const Event&) {};
  auto one = bus.subscribe(kTokens, ignore).value();
  auto two = bus.subscribe(kTokens, ignore).value();
  auto batch = bus.subscribe_batch(kTokens, [](std::span<const Event>) {}).value();
  Publisher publisher = make_publisher(bus);
  publish_tokens(publisher, {"a", "b", "c"});
  bus.pump();
  EXPECT_EQ(bus.stats().deliveries, 9u);
}

TEST(BusStats, NameTheFence) {
  EXPECT_STREQ(manual_bus({.fence = Fence::kSequentiallyConsistent}).stats().fence,
               "sequentially consistent");
  absl::StatusOr<Bus> bus =
      Bus::create({.dispatch = DispatchMode::kManual, .fence = Fence::kMembarrier});
  if (bus.ok()) {
    EXPECT_STREQ(bus->stats().fence, "membarrier");
  } else {
    support::expect_invalid(bus.status(), {"BusOptions::fence", "kMembarrier", "allowed"});
  }
}

// A broken law must show: each figure of each law, one off.
TEST(BusStats, ConservedSeesEveryBrokenLaw) {
  BusStats sound;
  sound.publishers.push_back(
      {.attempts = 10, .accepted = 6, .dropped = 1, .full = 1, .closed = 1, .rejected = 1});
  sound.closed_publishers = {.attempts = 2, .accepted = 2};
  sound.total = {
      .attempts = 12, .accepted = 8, .dropped = 1, .full = 1, .closed = 1, .rejected = 1};
  sound.subscriptions.push_back({.offered = 3, .delivered = 3});
  sound.emitted = 7;
  sound.dispatched = 5;
  sound.middleware_dropped = 4;
  sound.held = 3;
  sound.discarded = 2;
  sound.queued = 1;
  ASSERT_TRUE(sound.conserved());
  for (std::uint64_t BusStats::*figure :
       {&BusStats::emitted, &BusStats::dispatched, &BusStats::middleware_dropped, &BusStats::held,
        &BusStats::discarded, &BusStats::queued}) {
    BusStats broken = sound;
    ++(broken.*figure);
    EXPECT_FALSE(broken.conserved());
  }
  for (std::uint64_t PublisherStats::*figure :
       {&PublisherStats::attempts, &PublisherStats::accepted, &PublisherStats::dropped,
        &PublisherStats::full, &PublisherStats::closed, &PublisherStats::rejected}) {
    BusStats broken = sound;
    ++(broken.publishers[0].*figure);
    EXPECT_FALSE(broken.conserved());
    broken = sound;
    ++(broken.closed_publishers.*figure);
    EXPECT_FALSE(broken.conserved());
  }
  BusStats broken = sound;
  ++broken.subscriptions[0].offered;
  EXPECT_FALSE(broken.conserved());
}

TEST(BusStats, MayBeReadWhileEventsFlow) {
  Bus bus = support::thread_bus();
  auto subscription = bus.subscribe(kTokens, [](const Event&) {}).value();
  std::atomic<bool> enough{false};
  std::thread flood([&] {
    Publisher publisher = make_publisher(bus, {.name = "flood"});
    while (!enough.load(std::memory_order_relaxed)) {
      publisher.publish(kToken, "text");
    }
  });
  BusStats last = bus.stats();
  for (int i = 0; i < 200; ++i) {
    const BusStats now = bus.stats();
    EXPECT_GE(now.dispatched, last.dispatched);
    EXPECT_GE(now.deliveries, last.deliveries);
    EXPECT_GE(now.total.accepted, last.total.accepted);
    EXPECT_LE(now.dispatched, now.total.attempts);
    last = now;
    static_cast<void>(bus.latency());
    EXPECT_GE(subscription.stats().offered, last.deliveries);
  }
  enough.store(true, std::memory_order_relaxed);
  flood.join();
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_TRUE(bus.stats().conserved());
}

}  // namespace
}  // namespace herald
