#include "core/lane/lane_registry.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using support::expect_refused;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::thread_bus;

constexpr std::size_t kEventBytes = 64;

// Opens publishers with the smallest lane until one is refused.
std::vector<Publisher> open_all(Bus& bus, absl::Status& refusal) {
  std::vector<Publisher> publishers;
  while (true) {
    absl::StatusOr<Publisher> made = bus.publisher({.capacity_events = 1});
    if (!made.ok()) {
      refusal = made.status();
      return publishers;
    }
    publishers.push_back(*std::move(made));
  }
}

TEST(LaneRegistry, The1025thPublisherIsRefused) {
  Bus bus = manual_bus();
  absl::Status refusal;
  std::vector<Publisher> publishers = open_all(bus, refusal);
  EXPECT_EQ(publishers.size(), 1'024u);
  expect_refused(refusal, absl::StatusCode::kResourceExhausted,
                 {"publisher", "BusOptions::max_publishers", "1024"});
  for (Publisher& publisher : publishers) {
    ASSERT_EQ(publisher.publish(kToken, "text"), PublishResult::kAccepted);
  }
  EXPECT_EQ(bus.pump().events, 1'024u);
}

TEST(LaneRegistry, MaxPublishersIsTheLimit) {
  Bus bus = manual_bus({.max_publishers = 2});
  absl::Status refusal;
  std::vector<Publisher> publishers = open_all(bus, refusal);
  EXPECT_EQ(publishers.size(), 2u);
  expect_refused(refusal, absl::StatusCode::kResourceExhausted, {"2"});
}

TEST(LaneRegistry, AClosedPublisherMakesRoomForAnother) {
  Bus bus = manual_bus({.max_publishers = 1});
  for (int i = 0; i < 10; ++i) {
    absl::StatusOr<Publisher> publisher = bus.publisher({.capacity_events = 2});
    ASSERT_TRUE(publisher.ok()) << publisher.status();
    publish_tokens(*publisher, {"a", "b"});
    publisher->close();
    bus.pump();
  }
  EXPECT_EQ(bus.stats().dispatched, 20u);
}

TEST(LaneRegistry, AClosedPublisherKeepsItsPlaceUntilItsEventsAreDispatched) {
  Bus bus = manual_bus({.max_publishers = 1});
  std::optional<Publisher> publisher = make_publisher(bus, 2);
  publish_tokens(*publisher, {"a", "b"});
  publisher.reset();
  expect_refused(bus.publisher().status(), absl::StatusCode::kResourceExhausted, {"dispatch"});
  EXPECT_EQ(bus.stats().publishers.size(), 2u) << "the closed one, and the shared lane";
  bus.pump();
  EXPECT_EQ(bus.stats().publishers.size(), 1u);
  EXPECT_TRUE(bus.publisher().ok());
}

TEST(LaneRegistry, PublishersClosedInACallbackCountUntilItHasReturned) {
  Bus bus = manual_bus({.max_publishers = 4});
  std::size_t refused = 0;
  auto subscription = bus.subscribe({.types = kToken},
                                    [&](const Event&) {
                                      for (int i = 0; i < 10; ++i) {
                                        refused +=
                                            bus.publisher({.capacity_events = 1}).ok() ? 0 : 1;
                                      }
                                    })
                          .value();
  for (int round = 1; round <= 3; ++round) {
    ASSERT_EQ(bus.publish(kToken, "go"), PublishResult::kAccepted);
    bus.pump();
    EXPECT_EQ(refused, static_cast<unsigned>(round) * 6U);
  }
}

TEST(LaneRegistry, ManyShortLivedPublishersDoNotGrowMemory) {
  Bus bus = manual_bus();
  std::size_t lane_bytes = 0;
  for (int i = 0; i < 10'000; ++i) {
    Publisher publisher = make_publisher(bus, 64);
    publish_tokens(publisher, {"a"});
    publisher.close();
    bus.pump();
    if (i == 0) {
      lane_bytes = bus.stats().lane_bytes;
    }
  }
  EXPECT_EQ(bus.stats().lane_bytes, lane_bytes);
  EXPECT_EQ(bus.stats().closed_publishers.accepted, 10'000u);
  EXPECT_EQ(bus.stats().publishers.size(), 1u);
}

TEST(LaneRegistry, WithADispatcherThreadMemoryStaysWithinThePublishersAtATime) {
  constexpr std::size_t kAtATime = 8;
  Bus bus = thread_bus({.max_publishers = kAtATime});
  std::size_t refused = 0;
  std::size_t made = 0;
  while (made < 10'000) {
    absl::StatusOr<Publisher> publisher = bus.publisher({.capacity_events = 64});
    if (!publisher.ok()) {
      ++refused;
      ASSERT_TRUE(bus.flush(kLong).ok());
      continue;
    }
    publish_tokens(*publisher, {"a"});
    ++made;
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  const BusStats stats = bus.stats();
  EXPECT_EQ(stats.dispatched, 10'000u);
  EXPECT_EQ(stats.total.accepted, 10'000u);
  EXPECT_LE(stats.lane_bytes, (16'384 + kAtATime * (64 + 3 * 256)) * kEventBytes);
  EXPECT_TRUE(stats.conserved()) << refused;
}

TEST(LaneRegistry, MemoryIsReservedWithThePublisher) {
  Bus bus = manual_bus();
  const std::size_t before = bus.stats().lane_bytes;
  Publisher publisher = make_publisher(bus, 10'000);
  const std::size_t reserved = bus.stats().lane_bytes - before;
  EXPECT_EQ(reserved, 16'384 * kEventBytes) << "rounded up to a power of two";
  for (int i = 0; i < 20'000; ++i) {
    publisher.publish(kToken, "text");
  }
  EXPECT_EQ(bus.stats().lane_bytes, before + reserved);
}

TEST(LaneRegistry, AReusedLaneHasTheNewCapacity) {
  Bus bus = manual_bus({.max_publishers = 1});
  for (const std::size_t capacity : {300u, 5u, 1'000u, 1u, 256u}) {
    Publisher publisher = make_publisher(bus, capacity);
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < capacity; ++i) {
        ASSERT_EQ(publisher.publish(kToken, "text"), PublishResult::kAccepted) << capacity;
      }
      ASSERT_EQ(publisher.publish(kToken, "text"), PublishResult::kDropped) << capacity;
      ASSERT_EQ(bus.pump().events, capacity);
    }
  }
  EXPECT_TRUE(bus.stats().conserved());
}

TEST(LaneRegistry, AReusedLaneStartsWithCleanNumbers) {
  Bus bus = manual_bus({.max_publishers = 1});
  {
    Publisher publisher = make_publisher(bus, {.name = "first", .capacity_events = 1});
    publish_tokens(publisher, {"a"});
    EXPECT_EQ(publisher.publish(kToken, "b"), PublishResult::kDropped);
    bus.pump();
  }
  const Publisher publisher = make_publisher(bus, {.name = "second", .capacity_events = 1});
  const PublisherStats row = support::row_of(bus, "second");
  EXPECT_EQ(row.attempts + row.accepted + row.dropped + row.queued, 0u);
  const PublisherStats closed = bus.stats().closed_publishers;
  EXPECT_EQ(closed.attempts, 2u);
  EXPECT_EQ(closed.accepted, 1u);
  EXPECT_EQ(closed.dropped, 1u);
}

TEST(LaneRegistry, AfterCloseOfTheBusThereAreNoPublishers) {
  Bus bus = manual_bus();
  bus.close();
  expect_refused(bus.publisher().status(), absl::StatusCode::kFailedPrecondition,
                 {"publisher", "closed"});
}

}  // namespace
}  // namespace herald
