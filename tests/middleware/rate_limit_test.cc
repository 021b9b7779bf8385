#include "herald/rate_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "middleware/flow.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::agree;
using support::expect_invalid;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::StillClock;
using support::Texts;
using support::thread_bus;
using testing::ElementsAre;
using testing::IsEmpty;

// A manual bus whose every event is limited by a clock that stands still.
class RateLimitTest : public testing::Test {
 protected:
  FlowMeter use(RateLimitOptions options) {
    options.clock = clock_.reader();
    RateLimit limit = RateLimit::create(std::move(options)).value();
    const FlowMeter meter = limit.meter();
    guard_ = bus_.use({.types = TypeMask::all()}, std::move(limit)).value();
    return meter;
  }
  void publish(std::string_view text, StreamId stream = 0) {
    ASSERT_EQ(publisher_.publish(kToken, text, {.stream = stream}), PublishResult::kAccepted);
  }
  Texts pump() {
    bus_.pump();
    return std::exchange(out_, {});
  }

  StillClock clock_;
  Bus bus_ = manual_bus();
  Publisher publisher_ = make_publisher(bus_);
  Texts out_;
  Subscription keeper_ = bus_.subscribe({.types = TypeMask::all()}, support::collect(out_)).value();
  Subscription guard_;
};

TEST_F(RateLimitTest, IsOffByDefault) {
  const FlowMeter meter = use({});
  publish_tokens(publisher_, {"a", "b", "c"});
  EXPECT_THAT(pump(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(meter.read().events_out, 3u);
}

TEST_F(RateLimitTest, LetsABurstPassThenNothing) {
  const FlowMeter meter = use({.per_type = {.events = 10, .burst = 2}});
  publish_tokens(publisher_, {"a", "b", "ccc"});
  EXPECT_THAT(pump(), ElementsAre("a", "b"));
  EXPECT_EQ(meter.read().dropped_by_type, 1u);
  EXPECT_EQ(meter.read().dropped_by_stream, 0u);
  EXPECT_EQ(meter.read().bytes_dropped, 3u);
  EXPECT_TRUE(agree(bus_.stats(), meter.read()));
}

TEST_F(RateLimitTest, FillsToTheNanosecond) {
  use({.per_type = {.events = 10, .per = 1s}});
  publish("a");
  EXPECT_THAT(pump(), ElementsAre("a"));
  clock_.time += 100ms - 1ns;
  publish("b");
  EXPECT_THAT(pump(), IsEmpty());
  clock_.time += 1ns;
  publish("c");
  EXPECT_THAT(pump(), ElementsAre("c"));
}

TEST_F(RateLimitTest, FillsNoFurtherThanTheBurst) {
  use({.per_type = {.events = 1'000, .burst = 2}});
  publish("a");
  EXPECT_THAT(pump(), ElementsAre("a"));
  clock_.time += std::chrono::hours(24 * 365 * 100);
  publish_tokens(publisher_, {"b", "c", "d"});
  EXPECT_THAT(pump(), ElementsAre("b", "c"));
}

TEST_F(RateLimitTest, LargestValuesDoNotWrap) {
  use({.per_type = {.events = 1'000'000, .per = 1h, .burst = 1'000'000}});
  for (int round = 0; round < 3; ++round) {
    publish("a");
    EXPECT_THAT(pump(), ElementsAre("a"));
    clock_.time += std::chrono::hours(500'000);
  }
}

TEST_F(RateLimitTest, AClockThatGoesBackGivesNothing) {
  use({.per_type = {.events = 1, .per = 1s}});
  publish("a");
  EXPECT_THAT(pump(), ElementsAre("a"));
  clock_.time -= 10s;
  publish("b");
  EXPECT_THAT(pump(), IsEmpty());
  clock_.time += 10s;
  publish("c");
  EXPECT_THAT(pump(), IsEmpty()) << "the same second does not count twice";
  clock_.time += 1s;
  publish("d");
  EXPECT_THAT(pump(), ElementsAre("d"));
}

TEST_F(RateLimitTest, EachTypeHasItsOwnBucket) {
  const auto other = bus_.define<Text>("other").value();
  use({.per_type = {.events = 1}});
  publish_tokens(publisher_, {"a", "b"});
  publisher_.publish(other, "c");
  publisher_.publish(other, "d");
  EXPECT_THAT(pump(), ElementsAre("a", "c"));
}

TEST_F(RateLimitTest, EachStreamHasItsOwnBucketOfAllTypes) {
  const auto other = bus_.define<Text>("other").value();
  const FlowMeter meter = use({.per_stream = {.events = 1}});
  publish("a", 1);
  publish("b", 1);
  publisher_.publish(other, "c", {.stream = 1});
  publish("d", 2);
  EXPECT_THAT(pump(), ElementsAre("a", "d"));
  EXPECT_EQ(meter.read().dropped_by_stream, 2u);
}

TEST_F(RateLimitTest, WhatOneBucketRefusesTakesNothingFromTheOther) {
  use({.per_type = {.events = 1, .burst = 2}, .per_stream = {.events = 1, .burst = 1}});
  publish("a", 1);
  publish("b", 1);  // refused by its stream: the type still has one
  publish("c", 2);
  EXPECT_THAT(pump(), ElementsAre("a", "c"));
  publish("d", 3);  // refused by its type: the stream still has one
  EXPECT_THAT(pump(), IsEmpty());
  clock_.time += 1s;
  publish("e", 3);
  EXPECT_THAT(pump(), ElementsAre("e"));
}

TEST_F(RateLimitTest, TheEndOfAStreamIsNeverLimited) {
  const FlowMeter meter = use({.per_type = {.events = 1}, .per_stream = {.events = 1}});
  for (int i = 0; i < 5; ++i) {
    publisher_.publish(kComplete, {}, {.stream = 1});
    publisher_.publish(kError, {.code = "failed", .message = {}}, {.stream = 1});
  }
  EXPECT_EQ(pump().size(), 10u);
  publish("a", 1);
  EXPECT_THAT(pump(), ElementsAre("a")) << "they took nothing from its stream";
  EXPECT_EQ(meter.read().events_dropped, 0u);
}

TEST_F(RateLimitTest, ForgetsTheStreamUnusedForLongest) {
  const FlowMeter meter = use({.per_stream = {.events = 1, .per = 1h}, .max_streams = 2});
  publish("1", 1);
  publish("2", 2);
  publish("1 again", 1);  // refused, but used
  publish("3", 3);        // takes the place of 2
  EXPECT_THAT(pump(), ElementsAre("1", "2", "3"));
  EXPECT_EQ(meter.read().at_stream_limit, 1u);
  publish("1", 1);
  publish("2", 2);
  EXPECT_THAT(pump(), ElementsAre("2")) << "forgotten ones begin anew, others do not";
}

TEST_F(RateLimitTest, StreamsWithoutABucketShareOne) {
  const FlowMeter meter = use({.per_stream = {.events = 1, .per = 1h},
                               .max_streams = 1,
                               .at_max_streams = RateLimitStreams::kShareOne});
  publish("1", 1);
  publish("2", 2);
  publish("3", 3);
  EXPECT_THAT(pump(), ElementsAre("1", "2"));
  EXPECT_EQ(meter.read().at_stream_limit, 2u);
}

TEST_F(RateLimitTest, AFullBucketIsGivenUpWithoutLoss) {
  const FlowMeter meter = use({.per_stream = {.events = 1, .per = 1s},
                               .max_streams = 1,
                               .at_max_streams = RateLimitStreams::kShareOne});
  publish("1", 1);
  pump();
  clock_.time += 1s;
  publish("2", 2);
  publish("3", 3);  // shares
  publish("4", 4);  // shares
  EXPECT_THAT(pump(), ElementsAre("2", "3"));
  EXPECT_EQ(meter.read().at_stream_limit, 2u);
}

TEST_F(RateLimitTest, ChangingFromTheSharedBucketGivesNoSecondBurst) {
  use({.per_stream = {.events = 2, .per = 2s, .burst = 2},
       .max_streams = 1,
       .at_max_streams = RateLimitStreams::kShareOne});
  publish("1", 1);
  publish_tokens(publisher_, {"a", "b"}, {.stream = 2});  // both from the shared one
  EXPECT_THAT(pump(), ElementsAre("1", "a", "b"));
  clock_.time += 1s;  // the bucket of 1 is full again, the shared one has one
  publish_tokens(publisher_, {"c", "d"}, {.stream = 2});
  EXPECT_THAT(pump(), ElementsAre("c"));
}

TEST_F(RateLimitTest, PublishTimesGiveNoCredit) {
  use({.per_type = {.events = 1, .per = 1s}});
  const auto now = std::chrono::steady_clock::now();
  publish_tokens(publisher_, {"a"}, {.at = now - 1h});
  publish_tokens(publisher_, {"b"}, {.at = now});
  publish_tokens(publisher_, {"c"}, {.at = now + 1h});
  EXPECT_THAT(pump(), ElementsAre("a"));
}

TEST(RateLimitOptions, OutOfRangeAreRefused) {
  const auto status = [](RateLimitOptions options) {
    return RateLimit::create(std::move(options)).status();
  };
  expect_invalid(status({.per_type = {.events = 1'000'001}}),
                 {"RateLimitOptions::per_type.events", "1000001", "0 to 1000000"});
  expect_invalid(status({.per_stream = {.per = 999ns}}),
                 {"RateLimitOptions::per_stream.per", "999 ns", "1000 to 3600000000000 ns"});
  expect_invalid(status({.per_stream = {.per = 1h + 1ns}}), {"per_stream.per", "3600000000001"});
  expect_invalid(status({.per_type = {.per = -1s}}), {"per_type.per", "-1000000000 ns"});
  expect_invalid(status({.per_type = {.burst = 0}}), {"per_type.burst", "is 0", "1 to 1000000"});
  expect_invalid(status({.per_type = {.burst = 1'000'001}}), {"per_type.burst", "1000001"});
  expect_invalid(status({.max_streams = 0}), {"RateLimitOptions::max_streams", "1 to 1048576"});
  expect_invalid(status({.max_streams = 1'048'577}), {"max_streams", "1048577"});
}

// Another formulation of the same limit (virtual scheduling): the time at which the next event is
// due, in units of 1 / events ns.
struct Schedule {
  Rate rate;
  std::int64_t due = INT64_MIN / 2;

  [[nodiscard]] bool allows(std::int64_t now_ns) const {
    return rate.events == 0 || due - now_ns * rate.events <= (rate.burst - 1) * rate.per.count();
  }
  void take(std::int64_t now_ns) { due = std::max(due, now_ns * rate.events) + rate.per.count(); }
};

struct Arrival {
  std::int64_t after_ns = 0;
  std::size_t type = 0;
  StreamId stream = 0;
};
std::ostream& operator<<(std::ostream& out, const Arrival& arrival) {
  return out << "+" << arrival.after_ns << " ns type " << arrival.type << " stream "
             << arrival.stream;
}

rc::Gen<Rate> any_rate() {
  return rc::gen::build<Rate>(
      rc::gen::set(&Rate::events, rc::gen::inRange<std::uint32_t>(0, 8)),
      rc::gen::set(&Rate::per, rc::gen::map(rc::gen::inRange(1'000, 3'000),
                                            [](int ns) { return std::chrono::nanoseconds(ns); })),
      rc::gen::set(&Rate::burst, rc::gen::inRange<std::uint32_t>(1, 5)));
}

rc::Gen<std::vector<Arrival>> any_arrivals() {
  return rc::gen::container<std::vector<Arrival>>(rc::gen::build<Arrival>(
      rc::gen::set(&Arrival::after_ns, rc::gen::weightedOneOf<std::int64_t>(
                                           {{3, rc::gen::just<std::int64_t>(0)},
                                            {3, rc::gen::inRange<std::int64_t>(0, 1'000)},
                                            {1, rc::gen::inRange<std::int64_t>(0, 9'000)}})),
      rc::gen::set(&Arrival::type, rc::gen::inRange<std::size_t>(0, 3)),
      rc::gen::set(&Arrival::stream, rc::gen::inRange<StreamId>(0, 4))));
}

// Types 0 and 1 are limited, 2 is not. Streams: `streams` of them have buckets.
struct Limited {
  Limited(const Rate& per_type, const Rate& per_stream, std::size_t max_streams,
          RateLimitStreams policy)
      : types{kToken, bus.define<Text>("other").value(), bus.define<Text>("end").value()} {
    RateLimit limit = RateLimit::create({.per_type = per_type,
                                         .per_stream = per_stream,
                                         .always = types[2],
                                         .max_streams = max_streams,
                                         .at_max_streams = policy,
                                         .clock = clock.reader()})
                          .value();
    meter = std::make_unique<FlowMeter>(limit.meter());
    guard = bus.use({.types = TypeMask::all()}, std::move(limit)).value();
    keeper = bus.subscribe({.types = TypeMask::all()}, support::collect(out)).value();
  }

  // Whether the event passed.
  bool arrive(const Arrival& arrival, const std::string& text) {
    clock.time += std::chrono::nanoseconds(arrival.after_ns);
    bus.publish(types[arrival.type], text, {.stream = arrival.stream});
    bytes_in += text.size();
    const std::size_t before = out.size();
    bus.pump();
    RC_ASSERT(static_cast<bool>(agree(bus.stats(), meter->read())));
    RC_ASSERT(meter->read().bytes_in == bytes_in);
    RC_ASSERT(out.size() == before || out.back() == text);
    return out.size() != before;
  }

  StillClock clock;
  Bus bus = manual_bus();
  std::vector<EventType<Text>> types;
  Texts out;
  std::size_t bytes_in = 0;
  std::unique_ptr<FlowMeter> meter;
  Subscription guard;
  Subscription keeper;
};

RC_GTEST_PROP(RateLimitLaw, PassesExactlyWhatTheScheduleAllows, ()) {
  const Rate per_type = *any_rate();
  const Rate per_stream = *any_rate();
  Limited limited(per_type, per_stream, 4, RateLimitStreams::kForgetOldest);
  std::map<std::size_t, Schedule> of_type;
  std::map<StreamId, Schedule> of_stream;
  std::int64_t now_ns = 0;
  int number = 0;
  for (const Arrival& arrival : *any_arrivals()) {
    now_ns += arrival.after_ns;
    Schedule& type = of_type.try_emplace(arrival.type, Schedule{per_type}).first->second;
    Schedule& stream = of_stream.try_emplace(arrival.stream, Schedule{per_stream}).first->second;
    const bool always = arrival.type == 2;
    const bool expected = always || (type.allows(now_ns) && stream.allows(now_ns));
    if (expected && !always) {
      type.take(now_ns);
      stream.take(now_ns);
    }
    RC_ASSERT(limited.arrive(arrival, std::to_string(++number)) == expected);
  }
}

// However few buckets there are: a stream never passes more than its rate.
RC_GTEST_PROP(RateLimitLaw, SharedBucketsNeverExceedTheRateOfAStream, ()) {
  const Rate rate = *any_rate();
  Limited limited({}, rate, *rc::gen::inRange<std::size_t>(1, 4), RateLimitStreams::kShareOne);
  std::map<StreamId, Schedule> of_stream;
  std::int64_t now_ns = 0;
  int number = 0;
  for (const Arrival& arrival : *any_arrivals()) {
    now_ns += arrival.after_ns;
    Schedule& stream = of_stream.try_emplace(arrival.stream, Schedule{rate}).first->second;
    const bool allowed = arrival.type == 2 || stream.allows(now_ns);
    const bool passed = limited.arrive(arrival, std::to_string(++number));
    RC_ASSERT(!passed || allowed);
    if (passed && arrival.type != 2) {
      stream.take(now_ns);
    }
  }
}

TEST(RateLimitThread, LimitsEachStreamWithADispatcherThread) {
  constexpr std::size_t kStreams = 3;
  constexpr std::size_t kEach = 3'000;
  constexpr std::uint32_t kBurst = 100;
  Bus bus = thread_bus();
  RateLimit limit =
      RateLimit::create({.per_stream = {.events = 1, .per = 1h, .burst = kBurst}}).value();
  const FlowMeter meter = limit.meter();
  auto guard = bus.use({.types = kToken | kComplete}, std::move(limit)).value();
  std::map<StreamId, std::size_t> tokens;
  std::map<StreamId, std::size_t> ends;
  auto of_tokens =
      bus.subscribe({.types = kToken}, [&](const Event& event) { ++tokens[event.stream()]; })
          .value();
  auto of_ends =
      bus.subscribe({.types = kComplete}, [&](const Event& event) { ++ends[event.stream()]; })
          .value();
  std::vector<std::thread> threads;
  for (StreamId stream = 1; stream <= kStreams; ++stream) {
    threads.emplace_back([&bus, stream] {
      Publisher publisher = make_publisher(bus);
      for (std::size_t n = 0; n < kEach; ++n) {
        publisher.publish(kToken, "text", {.stream = stream});
      }
      publisher.publish(kComplete, {}, {.stream = stream});
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  for (StreamId stream = 1; stream <= kStreams; ++stream) {
    EXPECT_EQ(tokens[stream], kBurst);
    EXPECT_EQ(ends[stream], 1u);
  }
  EXPECT_EQ(meter.read().dropped_by_stream, kStreams * (kEach - kBurst));
  EXPECT_EQ(meter.read().bytes_in, 4 * kStreams * kEach);
  EXPECT_TRUE(agree(bus.stats(), meter.read()));
}

}  // namespace
}  // namespace herald
