#include "herald/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/buses.h"
#include "support/counting_resource.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::eventually;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::row_of;
using support::Texts;
using support::thread_bus;
using testing::ElementsAre;

static_assert(!std::is_copy_constructible_v<Publisher> &&
              std::is_nothrow_move_constructible_v<Publisher> &&
              std::is_nothrow_move_assignable_v<Publisher>);

// Room.

class PublisherCapacity : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Events, PublisherCapacity,
                         testing::Values(1, 2, 3, 63, 64, 65, 255, 256, 257, 1'000, 16'384));

TEST_P(PublisherCapacity, IsExact) {
  const std::size_t capacity = GetParam();
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus, capacity);
  for (std::size_t i = 0; i < capacity; ++i) {
    ASSERT_EQ(publisher.publish(kToken, "text"), PublishResult::kAccepted) << i;
  }
  EXPECT_EQ(publisher.publish(kToken, "text"), PublishResult::kDropped);
  EXPECT_EQ(publisher.try_publish(kToken, "text"), PublishResult::kFull);
  EXPECT_EQ(bus.pump().events, capacity);
  EXPECT_EQ(publisher.publish(kToken, "text"), PublishResult::kAccepted);
  EXPECT_EQ(row_of(bus, "").capacity_events, capacity);
}

// The blocks under a lane go round in a circle: each place in it must do for each fill.
TEST_P(PublisherCapacity, IsExactHoweverOftenTheLaneWraps) {
  const std::size_t capacity = GetParam();
  Bus bus = manual_bus({.batch_events = 1});  // so that a pump takes what it dispatches, not more
  Publisher publisher = make_publisher(bus, capacity);
  const std::size_t rounds = std::max<std::size_t>(3, 4'000 / capacity);
  std::size_t room = capacity;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (; room != 0; --room) {
      ASSERT_EQ(publisher.publish(kToken, "text"), PublishResult::kAccepted) << round;
    }
    ASSERT_EQ(publisher.publish(kToken, "text"), PublishResult::kDropped) << round;
    room = 1 + (round * 37) % capacity;
    ASSERT_EQ(bus.pump({.max_events = room}).events, room);
  }
  bus.pump();
  EXPECT_TRUE(bus.stats().conserved());
}

RC_GTEST_PROP(Publisher, RoomIsCapacityLessWhatIsInside, ()) {
  const auto capacity = *rc::gen::inRange<std::size_t>(1, 600);
  const auto batch = *rc::gen::element<std::size_t>(1, 7, 256, 1'000);
  Bus bus = manual_bus({.batch_events = batch});
  Publisher publisher = make_publisher(bus, capacity);
  std::size_t in_lane = 0;
  std::size_t in_hand = 0;
  for (const auto& [publish, pump] : *rc::gen::resize(
           20,
           rc::gen::container<std::vector<std::pair<std::size_t, std::size_t>>>(rc::gen::pair(
               rc::gen::inRange<std::size_t>(0, 700), rc::gen::inRange<std::size_t>(1, 700))))) {
    for (std::size_t i = 0; i < publish; ++i) {
      const bool fits = in_lane < capacity;
      const PublishResult expected = fits ? PublishResult::kAccepted : PublishResult::kDropped;
      RC_ASSERT(publisher.publish(kToken, "text") == expected);
      in_lane += fits ? 1 : 0;
    }
    std::size_t left = pump;
    while (left != 0 && in_hand + in_lane != 0) {
      if (in_hand == 0) {
        in_hand = std::min(batch, in_lane);
        in_lane -= in_hand;
      }
      const std::size_t now = std::min(left, in_hand);
      left -= now;
      in_hand -= now;
    }
    RC_ASSERT(bus.pump({.max_events = pump}).events == pump - left);
    RC_ASSERT(row_of(bus, "").queued == in_lane + in_hand);
    RC_ASSERT(bus.stats().queued == in_lane + in_hand);
  }
}

// Order.

TEST(Publisher, EventsArriveInPublishOrder) {
  Bus bus = thread_bus({.batch_events = 7});
  std::vector<int> got;
  const auto number = bus.define<int>("number").value();
  auto subscription =
      bus.subscribe(number, [&](int value, const Event&) { got.push_back(value); }).value();
  Publisher publisher = make_publisher(bus, 16);
  std::vector<int> expected;
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_EQ(publisher.publish(number, i), PublishResult::kAccepted);
    expected.push_back(i);
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(got, expected);
}

TEST(Publisher, WhatWasWrittenBeforeIsVisibleToCallbacks) {
  Bus bus = thread_bus();
  int written = 0;  // no atomic: the event carries the order
  std::vector<int> seen;
  auto subscription =
      bus.subscribe({.types = kToken}, [&](const Event&) { seen.push_back(written); }).value();
  Publisher publisher = make_publisher(bus);
  for (int i = 1; i <= 3; ++i) {
    written = i;
    ASSERT_EQ(publisher.publish(kToken, "text"), PublishResult::kAccepted);
    ASSERT_TRUE(bus.flush(kLong).ok());
  }
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
}

TEST(Publisher, AFloodDelaysAQuietOneByAtMostOneBatch) {
  constexpr std::size_t kBatch = 8;
  Bus bus = manual_bus({.batch_events = kBatch});
  Publisher flood = make_publisher(bus);
  Publisher quiet = make_publisher(bus);
  for (int i = 0; i < 100; ++i) {
    publish_tokens(flood, {"flood"});
  }
  publish_tokens(quiet, {"quiet"});
  Texts seen;
  auto subscription = bus.subscribe({.types = kToken}, support::collect(seen)).value();
  bus.pump();
  const auto found = std::find(seen.begin(), seen.end(), "quiet");
  ASSERT_NE(found, seen.end());
  EXPECT_LE(found - seen.begin(), static_cast<std::ptrdiff_t>(kBatch));
}

// Policies.

TEST(Publisher, DropNewestDropsAndCounts) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(
      bus, {.name = "p", .capacity_events = 2, .overflow = OverflowPolicy::kDropNewest});
  Texts seen;
  auto subscription = bus.subscribe({.types = kToken}, support::collect(seen)).value();
  publish_tokens(publisher, {"a", "b"});
  EXPECT_EQ(publisher.publish(kToken, "c"), PublishResult::kDropped);
  bus.pump();
  EXPECT_THAT(seen, ElementsAre("a", "b"));
  const PublisherStats row = row_of(bus, "p");
  EXPECT_EQ(row.attempts, 3u);
  EXPECT_EQ(row.accepted, 2u);
  EXPECT_EQ(row.dropped, 1u);
  EXPECT_EQ(row.full + row.closed + row.rejected + row.waits, 0u);
}

TEST(Publisher, TryPublishIsFullWhateverThePolicy) {
  Bus bus = manual_bus();
  for (const PublisherOptions& options :
       {PublisherOptions{.capacity_events = 1, .overflow = OverflowPolicy::kDropNewest},
        PublisherOptions{
            .capacity_events = 1, .overflow = OverflowPolicy::kBlock, .max_wait = kLong}}) {
    Publisher publisher = make_publisher(bus, options);
    EXPECT_EQ(publisher.try_publish(kToken, "text"), PublishResult::kAccepted);
    EXPECT_EQ(publisher.try_publish(kToken, "text"), PublishResult::kFull);
  }
  EXPECT_EQ(bus.stats().total.full, 2u);
  EXPECT_EQ(bus.stats().total.waits, 0u);
}

PublisherOptions waiting(std::chrono::nanoseconds max_wait) {
  return {
      .name = "p", .capacity_events = 1, .overflow = OverflowPolicy::kBlock, .max_wait = max_wait};
}

TEST(Publisher, BlockGivesUpAfterMaxWait) {
  Bus bus = manual_bus();
  for (const std::chrono::nanoseconds max_wait : {0ns, 1ns, std::chrono::nanoseconds(2ms)}) {
    Publisher publisher = make_publisher(bus, waiting(max_wait));
    publish_tokens(publisher, {"a"});
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(publisher.publish(kToken, "b"), PublishResult::kFull);
    EXPECT_GE(std::chrono::steady_clock::now() - before, max_wait);
    EXPECT_EQ(row_of(bus, "p").full, 1u);
    EXPECT_EQ(row_of(bus, "p").waits, 1u);
    publisher.close();
    bus.pump();
  }
  EXPECT_TRUE(bus.stats().conserved());
}

// What `publisher` answers to one more event, on a thread, once it waits for room.
class WaitingPublish {
 public:
  WaitingPublish(const Bus& bus, Publisher& publisher)
      : thread_([this, &publisher] { result_ = publisher.publish(kToken, "waiting"); }) {
    EXPECT_TRUE(eventually([&] { return row_of(bus, "p").waits == 1; }));
  }
  PublishResult result() {
    thread_.join();
    return result_;
  }

 private:
  PublishResult result_{};
  std::thread thread_;
};

TEST(Publisher, BlockWaitsForRoom) {
  Bus bus = manual_bus();
  Texts seen;
  auto subscription = bus.subscribe({.types = kToken}, support::collect(seen)).value();
  Publisher publisher = make_publisher(bus, waiting(kLong));
  publish_tokens(publisher, {"a"});
  WaitingPublish waiting(bus, publisher);
  EXPECT_EQ(bus.pump({.max_events = 1}).events, 1u);
  EXPECT_EQ(waiting.result(), PublishResult::kAccepted);
  bus.pump();
  EXPECT_THAT(seen, ElementsAre("a", "waiting"));
}

TEST(Publisher, TheLongestMaxWaitIsForEver) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus, waiting(std::chrono::nanoseconds::max()));
  publish_tokens(publisher, {"a"});
  WaitingPublish waiting(bus, publisher);
  bus.pump();
  EXPECT_EQ(waiting.result(), PublishResult::kAccepted);
}

TEST(Publisher, CloseOfTheBusWakesAWaitingOne) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus, waiting(kLong));
  publish_tokens(publisher, {"a"});
  WaitingPublish waiting(bus, publisher);
  bus.close();
  EXPECT_EQ(waiting.result(), PublishResult::kClosed);
  EXPECT_EQ(row_of(bus, "p").closed, 1u);
}

TEST(Publisher, EndOfTheBusWakesAWaitingOne) {
  std::optional<Bus> bus(manual_bus());
  Publisher publisher = make_publisher(*bus, waiting(kLong));
  publish_tokens(publisher, {"a"});
  WaitingPublish waiting(*bus, publisher);
  bus.reset();
  const PublishResult result = waiting.result();
  EXPECT_EQ(result, PublishResult::kClosed);
}

TEST(Publisher, BlocksByDefaultWithADispatcherThread) {
  Bus bus = thread_bus();
  Publisher publisher = make_publisher(bus, 1);
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(publisher.publish(kToken, "text"), PublishResult::kAccepted);
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(bus.stats().dispatched, 1'000u);
}

TEST(Publisher, ThatSleepsIsWokenForABatchOfRoom) {
  Bus bus = thread_bus({.batch_events = 4});
  std::counting_semaphore<> calls(0);
  std::counting_semaphore<> steps(0);
  auto subscription = bus.subscribe({.types = kToken},
                                    [&](const Event&) {
                                      calls.release();
                                      steps.acquire();
                                    })
                          .value();
  Publisher publisher = make_publisher(bus, {.capacity_events = 64, .max_wait = kLong});
  publish_tokens(publisher, {"a"});
  calls.acquire();
  while (publisher.try_publish(kToken, "a") == PublishResult::kAccepted) {
  }
  std::binary_semaphore published(0);
  std::jthread waiting([&] {
    EXPECT_EQ(publisher.publish(kToken, "waiting"), PublishResult::kAccepted);
    published.release();
  });
  std::this_thread::sleep_for(20ms);  // for it to sleep, most of the time
  steps.release();                    // The next batch is taken, and no second.
  EXPECT_TRUE(published.try_acquire_for(10s));
  steps.release(1'000);
}

// In a callback.

TEST(Publisher, InACallbackAFullLaneIsFullAtOnce) {
  Bus bus = thread_bus();
  Publisher publisher = make_publisher(bus, 1);
  std::vector<PublishResult> results;
  auto subscription = bus.subscribe({.types = kInfo},
                                    [&](const Event&) {
                                      results.push_back(publisher.publish(kToken, "a"));
                                      results.push_back(publisher.publish(kToken, "b"));
                                      results.push_back(publisher.try_publish(kToken, "c"));
                                    })
                          .value();
  ASSERT_EQ(bus.publish(kInfo, "go"), PublishResult::kAccepted);
  ASSERT_TRUE(bus.flush(kLong).ok());
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_THAT(results,
              ElementsAre(PublishResult::kAccepted, PublishResult::kFull, PublishResult::kFull));
  EXPECT_EQ(row_of(bus, "").waits, 0u);
}

TEST(Publisher, InACallbackPublishDoesNotRecurse) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  int depth = 0;
  int deepest = 0;
  int calls = 0;
  auto subscription = bus.subscribe({.types = kToken},
                                    [&](const Event&) {
                                      deepest = std::max(deepest, ++depth);
                                      if (++calls < 10) {
                                        publish_tokens(publisher, {"again"});
                                      }
                                      --depth;
                                    })
                          .value();
  publish_tokens(publisher, {"first"});
  while (bus.pump().events != 0) {
  }
  EXPECT_EQ(calls, 10);
  EXPECT_EQ(deepest, 1);
}

// Closed.

TEST(Publisher, ClosedOnesEventsAreDelivered) {
  Bus bus = manual_bus();
  Texts seen;
  auto subscription = bus.subscribe({.types = kToken}, support::collect(seen)).value();
  Publisher publisher = make_publisher(bus);
  publish_tokens(publisher, {"a", "b"});
  publisher.close();
  publisher.close();
  EXPECT_EQ(publisher.publish(kToken, "c"), PublishResult::kClosed);
  EXPECT_EQ(publisher.try_publish(kToken, "c"), PublishResult::kClosed);
  bus.pump();
  EXPECT_THAT(seen, ElementsAre("a", "b"));
}

TEST(Publisher, DestructionCloses) {
  Bus bus = manual_bus();
  {
    Publisher publisher = make_publisher(bus);
    publish_tokens(publisher, {"a"});
  }
  EXPECT_EQ(bus.pump().events, 1u);
  EXPECT_EQ(bus.stats().publishers.size(), 1u) << "the shared lane is left";
  EXPECT_EQ(bus.stats().closed_publishers.accepted, 1u);
}

TEST(Publisher, AfterCloseOfTheBusIsClosed) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  publish_tokens(publisher, {"a"});
  bus.close();
  EXPECT_EQ(publisher.publish(kToken, "b"), PublishResult::kClosed);
  EXPECT_EQ(publisher.try_publish(kToken, "b"), PublishResult::kClosed);
  EXPECT_EQ(bus.pump().events, 1u);
  EXPECT_EQ(row_of(bus, "").closed, 2u);
  EXPECT_TRUE(bus.stats().conserved());
}

TEST(Publisher, OutlivesTheBus) {
  std::optional<Bus> bus(manual_bus());
  Publisher publisher = make_publisher(*bus);
  publish_tokens(publisher, {"a"});
  bus.reset();
  EXPECT_EQ(publisher.publish(kToken, "b"), PublishResult::kClosed);
  EXPECT_EQ(publisher.publish(kToken, std::string(100, 'x')), PublishResult::kClosed);
  publisher.close();
  EXPECT_EQ(publisher.publish(kToken, "c"), PublishResult::kClosed);
}

// Handles may outlive the bus; the resource need only outlive the events.
TEST(Publisher, TouchesNoResourceOnceTheBusHasEnded) {
  auto resource = std::make_unique<support::CountingResource>();
  std::optional<Bus> bus(manual_bus({.payload_resource = resource.get()}));
  Publisher publisher = make_publisher(*bus);
  bus.reset();
  resource->refuse_after(0);
  EXPECT_EQ(publisher.publish(kToken, std::string(100, 'x')), PublishResult::kClosed);
  resource.reset();
  EXPECT_EQ(publisher.publish(kToken, std::string(100, 'x')), PublishResult::kClosed);
}

// Handles.

TEST(Publisher, MovedFromIsClosed) {
  Bus bus = manual_bus();
  Publisher from = make_publisher(bus);
  Publisher to = std::move(from);
  EXPECT_EQ(from.publish(kToken, "a"), PublishResult::kClosed);
  from.close();
  EXPECT_EQ(to.publish(kToken, "a"), PublishResult::kAccepted);
  EXPECT_EQ(bus.pump().events, 1u);
}

TEST(Publisher, AssignmentClosesTheOverwrittenOne) {
  Bus bus = manual_bus();
  Publisher one = make_publisher(bus, {.name = "one"});
  publish_tokens(one, {"a"});
  one = make_publisher(bus, {.name = "two"});
  publish_tokens(one, {"b"});
  EXPECT_EQ(bus.pump().events, 2u);
  EXPECT_EQ(bus.stats().closed_publishers.accepted, 1u);
  EXPECT_EQ(row_of(bus, "two").accepted, 1u);
}

TEST(Publisher, AssignmentToItselfChangesNothing) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  Publisher& alias = publisher;
  publisher = std::move(alias);
  EXPECT_EQ(publisher.publish(kToken, "a"), PublishResult::kAccepted);
}

TEST(Publisher, MayBeDestroyedInACallback) {
  for (const bool manual : {true, false}) {
    Bus bus = manual ? manual_bus() : thread_bus();
    std::optional<Publisher> publisher = make_publisher(bus);
    std::size_t calls = 0;
    std::atomic<bool> published{false};  // A publisher is for one thread at a time.
    auto subscription = bus.subscribe({.types = kToken},
                                      [&](const Event&) {
                                        while (!published.load(std::memory_order_acquire)) {
                                          std::this_thread::yield();
                                        }
                                        ++calls;
                                        publisher.reset();
                                      })
                            .value();
    publish_tokens(*publisher, {"a", "b", "c"});
    published.store(true, std::memory_order_release);
    ASSERT_TRUE(bus.flush(kLong).ok());
    EXPECT_EQ(calls, 3u);
    // The lane is let go of at the end of the round, a moment after the flush.
    EXPECT_TRUE(eventually([&] { return bus.stats().closed_publishers.accepted == 3; }));
  }
}

TEST(Publisher, MayBeMadeInACallback) {
  Bus bus = manual_bus();
  std::optional<Publisher> made;
  auto subscription = bus.subscribe({.types = kInfo},
                                    [&](const Event&) {
                                      made = make_publisher(bus);
                                      publish_tokens(*made, {"a"});
                                    })
                          .value();
  ASSERT_EQ(bus.publish(kInfo, "go"), PublishResult::kAccepted);
  EXPECT_EQ(bus.pump().events, 1u);
  EXPECT_EQ(bus.pump().events, 1u);
  EXPECT_EQ(bus.stats().publishers.size(), 2u);
}

// A memory resource that tells of each block, through the publisher whose payload it is for.
class TellingResource : public std::pmr::memory_resource {
 public:
  Publisher* publisher = nullptr;

 private:
  void* do_allocate(std::size_t bytes, std::size_t align) override {
    if (publisher != nullptr) {
      EXPECT_EQ(publisher->publish(kToken, "block"), PublishResult::kAccepted);
    }
    return std::pmr::new_delete_resource()->allocate(bytes, align);
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t align) override {
    std::pmr::new_delete_resource()->deallocate(block, bytes, align);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
};

TEST(Publisher, MayBeUsedByTheMemoryResourceOfItsPayloads) {
  TellingResource resource;
  Bus bus = manual_bus({.payload_resource = &resource});
  support::Texts texts;
  const Subscription subscription =
      bus.subscribe({.types = kToken}, support::collect(texts)).value();
  Publisher publisher = make_publisher(bus);
  resource.publisher = &publisher;
  const std::string text(33, 'x');
  EXPECT_EQ(publisher.publish(kToken, text), PublishResult::kAccepted);
  const std::array<std::string_view, 2> batch{"short", text};
  EXPECT_EQ(publisher.publish_batch(kToken, batch).accepted, 2u);
  resource.publisher = nullptr;
  bus.pump();
  EXPECT_EQ(texts, (support::Texts{"block", text, "block", "short", text}));
  EXPECT_EQ(bus.stats().total.accepted, 5u);
  EXPECT_TRUE(bus.stats().conserved());
}

}  // namespace
}  // namespace herald
