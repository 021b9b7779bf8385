// Publisher::publish_batch: a prefix is accepted, and every payload is in one counter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "herald/publisher.h"
#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::row_of;
using support::thread_bus;

std::vector<int> numbers_up_to(std::size_t count) {
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// A bus with one type, and a subscriber that keeps the numbers.
struct Numbers {
  explicit Numbers(Bus of) : bus(std::move(of)) {}

  Bus bus;
  EventType<int> number = bus.define<int>("number").value();
  std::vector<int> got;
  Subscription keeper =
      bus.subscribe(number, [this](int value, const Event&) { got.push_back(value); }).value();
};

void expect_counts(const Bus& bus, const PublisherStats& expected) {
  const PublisherStats row = row_of(bus, "p");
  EXPECT_EQ(row.attempts, expected.attempts);
  EXPECT_EQ(row.accepted, expected.accepted);
  EXPECT_EQ(row.dropped, expected.dropped);
  EXPECT_EQ(row.full, expected.full);
  EXPECT_EQ(row.closed, expected.closed);
  EXPECT_EQ(row.rejected, expected.rejected);
}

struct Nothing {};
struct alignas(32) Aligned {
  std::uint64_t value;
};

TEST(PublishBatch, OfObjectsOfAnySizeAndAlignmentThatFitTheEvent) {
  constexpr std::size_t kEvents = 40;  // more than share a time stamp
  Bus bus = manual_bus();
  const auto nothing = bus.define<Nothing>("nothing").value();
  const auto aligned = bus.define<Aligned>("aligned").value();
  std::size_t nothings = 0;
  std::vector<std::uint64_t> values;
  const auto one = bus.subscribe(nothing,
                                 [&](const Nothing&, const Event& event) {
                                   nothings += event.get<Nothing>() != nullptr ? 1 : 0;
                                 })
                       .value();
  const auto other = bus.subscribe(aligned,
                                   [&](const Aligned& object, const Event& event) {
                                     EXPECT_EQ(event.stream(), 7u);
                                     values.push_back(object.value);
                                   })
                         .value();
  Publisher publisher = make_publisher(bus);
  std::vector<Aligned> objects(kEvents);
  std::vector<std::uint64_t> expected(kEvents);
  for (std::size_t i = 0; i < kEvents; ++i) {
    objects[i].value = expected[i] = i;
  }
  EXPECT_EQ(publisher.publish_batch(nothing, std::vector<Nothing>(kEvents)).accepted, kEvents);
  EXPECT_EQ(publisher.publish_batch(aligned, objects, {.stream = 7}).accepted, kEvents);
  bus.pump();
  EXPECT_EQ(nothings, kEvents);
  EXPECT_EQ(values, expected);
}

TEST(PublishBatch, EmptyIsAcceptedAndCountsNothing) {
  Numbers numbers(manual_bus());
  Publisher publisher = make_publisher(numbers.bus, {.name = "p"});
  const BatchResult result = publisher.publish_batch(numbers.number, {});
  EXPECT_EQ(result.accepted, 0u);
  EXPECT_EQ(result.result, PublishResult::kAccepted);
  expect_counts(numbers.bus, {});
}

class PublishBatchSize : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Payloads, PublishBatchSize,
                         testing::Values(1, 2, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1'000));

TEST_P(PublishBatchSize, IsAcceptedWholeAndInOrder) {
  Numbers numbers(manual_bus());
  Publisher publisher = make_publisher(numbers.bus, {.name = "p", .capacity_events = GetParam()});
  const std::vector<int> payloads = numbers_up_to(GetParam());
  const BatchResult result = publisher.publish_batch(numbers.number, payloads, {.stream = 7});
  EXPECT_EQ(result.accepted, GetParam());
  EXPECT_EQ(result.result, PublishResult::kAccepted);
  EXPECT_EQ(publisher.try_publish(numbers.number, 0), PublishResult::kFull);
  numbers.bus.pump();
  EXPECT_EQ(numbers.got, payloads);
}

TEST_P(PublishBatchSize, ADroppingOneAcceptsThePrefixThatFits) {
  const std::size_t capacity = GetParam();
  Numbers numbers(manual_bus());
  Publisher publisher = make_publisher(numbers.bus, {.name = "p", .capacity_events = capacity});
  const std::vector<int> payloads = numbers_up_to(capacity + 150);
  const BatchResult result = publisher.publish_batch(numbers.number, payloads);
  EXPECT_EQ(result.accepted, capacity);
  EXPECT_EQ(result.result, PublishResult::kDropped);
  expect_counts(numbers.bus, {.attempts = payloads.size(), .accepted = capacity, .dropped = 150});
  numbers.bus.pump();
  EXPECT_EQ(numbers.got, numbers_up_to(capacity));
}

TEST_P(PublishBatchSize, ABlockingOneThatGivesUpAcceptsThePrefixThatFits) {
  const std::size_t capacity = GetParam();
  Numbers numbers(manual_bus());
  Publisher publisher = make_publisher(numbers.bus, {.name = "p",
                                                     .capacity_events = capacity,
                                                     .overflow = OverflowPolicy::kBlock,
                                                     .max_wait = 1ms});
  const std::vector<int> payloads = numbers_up_to(capacity + 150);
  const BatchResult result = publisher.publish_batch(numbers.number, payloads);
  EXPECT_EQ(result.accepted, capacity);
  EXPECT_EQ(result.result, PublishResult::kFull);
  expect_counts(numbers.bus, {.attempts = payloads.size(), .accepted = capacity, .full = 150});
  EXPECT_EQ(row_of(numbers.bus, "p").waits, 1u);
  numbers.bus.pump();
  EXPECT_EQ(numbers.got, numbers_up_to(capacity));
}

TEST(PublishBatch, ABlockingOneWaitsAndAcceptsAll) {
  Numbers numbers(thread_bus());
  Publisher publisher = make_publisher(numbers.bus, {.name = "p", .capacity_events = 3});
  const std::vector<int> payloads = numbers_up_to(2'000);
  const BatchResult result = publisher.publish_batch(numbers.number, payloads);
  EXPECT_EQ(result.accepted, payloads.size());
  EXPECT_EQ(result.result, PublishResult::kAccepted);
  ASSERT_TRUE(numbers.bus.flush(kLong).ok());
  EXPECT_EQ(numbers.got, payloads);
}

TEST(PublishBatch, InACallbackAFullLaneIsFullAtOnce) {
  Numbers numbers(thread_bus());
  Publisher publisher = make_publisher(numbers.bus, {.name = "p", .capacity_events = 3});
  BatchResult result;
  auto subscription =
      numbers.bus
          .subscribe({.types = kInfo},
                     [&](const Event&) {
                       result = publisher.publish_batch(numbers.number, numbers_up_to(100));
                     })
          .value();
  ASSERT_EQ(numbers.bus.publish(kInfo, "go"), PublishResult::kAccepted);
  ASSERT_TRUE(numbers.bus.flush(kLong).ok());
  EXPECT_EQ(result.accepted, 3u);
  EXPECT_EQ(result.result, PublishResult::kFull);
  expect_counts(numbers.bus, {.attempts = 100, .accepted = 3, .full = 97});
}

TEST(PublishBatch, AfterCloseOfTheBusAllAreClosed) {
  Numbers numbers(manual_bus());
  Publisher publisher = make_publisher(numbers.bus, {.name = "p"});
  numbers.bus.close();
  const BatchResult result = publisher.publish_batch(numbers.number, numbers_up_to(150));
  EXPECT_EQ(result.accepted, 0u);
  EXPECT_EQ(result.result, PublishResult::kClosed);
  expect_counts(numbers.bus, {.attempts = 150, .closed = 150});
}

TEST(PublishBatch, OfAClosedPublisherIsClosed) {
  Numbers numbers(manual_bus());
  Publisher publisher = make_publisher(numbers.bus);
  publisher.close();
  const BatchResult result = publisher.publish_batch(numbers.number, numbers_up_to(150));
  EXPECT_EQ(result.accepted, 0u);
  EXPECT_EQ(result.result, PublishResult::kClosed);
}

// The lane is full before the payload comes that would be rejected.
TEST(PublishBatch, CountsEveryPayloadAlsoBehindAFullLane) {
  Bus bus = manual_bus();
  const std::string too_long((std::size_t{16} << 20) + 1, 'x');
  const std::vector<std::string_view> payloads{"a", "b", "c", "d", too_long, "f", "g"};
  Publisher publisher = make_publisher(bus, {.name = "p", .capacity_events = 2});
  const BatchResult result = publisher.publish_batch(kToken, payloads);
  EXPECT_EQ(result.accepted, 2u);
  EXPECT_EQ(result.result, PublishResult::kDropped);
  expect_counts(bus, {.attempts = 7, .accepted = 2, .dropped = 5});
}

TEST(PublishBatch, CopiesItsElements) {
  Bus bus = manual_bus();
  const auto type = bus.define<std::shared_ptr<int>>("shared").value();
  const std::vector<std::shared_ptr<int>> payloads(10, std::make_shared<int>(7));
  Publisher publisher = make_publisher(bus, 4);
  EXPECT_EQ(publisher.publish_batch(type, payloads).accepted, 4u);
  EXPECT_EQ(payloads[0].use_count(), 14) << "those that were dropped are gone";
  bus.pump();
  EXPECT_EQ(payloads[0].use_count(), 10);
}

TEST(PublishBatch, SharesStreamAndDueTime) {
  Numbers numbers(manual_bus());
  Publisher publisher = make_publisher(numbers.bus);
  std::vector<Event> events;
  auto subscription = numbers.bus
                          .subscribe({.types = numbers.number},
                                     [&](const Event& event) { events.push_back(event); })
                          .value();
  const auto due = std::chrono::steady_clock::now() - std::chrono::hours(1);
  EXPECT_EQ(
      publisher.publish_batch(numbers.number, numbers_up_to(3), {.stream = 7, .at = due}).accepted,
      3u);
  numbers.bus.pump();
  ASSERT_EQ(events.size(), 3u);
  for (const Event& event : events) {
    EXPECT_EQ(event.stream(), 7u);
    EXPECT_LT(std::chrono::abs(event.publish_time() - due), 1s);
  }
}

RC_GTEST_PROP(PublishBatch, AcceptsExactlyWhatFits, ()) {
  const auto capacity = *rc::gen::inRange<std::size_t>(1, 300);
  Numbers numbers(manual_bus());
  Publisher publisher = make_publisher(numbers.bus, {.name = "p", .capacity_events = capacity});
  std::size_t attempts = 0;
  std::vector<int> expected;
  for (const std::size_t size :
       *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 400))) {
    const std::vector<int> payloads = numbers_up_to(size);
    const BatchResult result = publisher.publish_batch(numbers.number, payloads);
    RC_ASSERT(result.accepted == std::min(size, capacity));
    RC_ASSERT((result.result == PublishResult::kAccepted) == (size <= capacity));
    expected.insert(expected.end(), payloads.begin(),
                    payloads.begin() + static_cast<std::ptrdiff_t>(result.accepted));
    attempts += size;
    numbers.bus.pump();
  }
  RC_ASSERT(numbers.got == expected);
  RC_ASSERT(row_of(numbers.bus, "p").attempts == attempts);
  RC_ASSERT(numbers.bus.stats().conserved());
}

}  // namespace
}  // namespace herald
