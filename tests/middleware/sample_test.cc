#include "herald/sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "middleware/flow.h"

namespace herald {
namespace {

using support::agree;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::Texts;
using support::thread_bus;
using testing::ElementsAre;
using testing::IsEmpty;

Sample make_sample(const SampleOptions& options) { return Sample::create(options).value(); }

// A manual bus that samples everything, and the texts that come out.
class SampleTest : public testing::Test {
 protected:
  FlowMeter use(const SampleOptions& options) {
    Sample sample = make_sample(options);
    const FlowMeter meter = sample.meter();
    guard_ = bus_.use({.types = TypeMask::all()}, std::move(sample)).value();
    return meter;
  }
  Texts pump() {
    bus_.pump();
    return std::exchange(out_, {});
  }

  Bus bus_ = manual_bus();
  Publisher publisher_ = make_publisher(bus_);
  Texts out_;
  Subscription keeper_ = bus_.subscribe({.types = TypeMask::all()}, support::collect(out_)).value();
  Subscription guard_;
};

TEST_F(SampleTest, OfNothingIsNothing) {
  const FlowMeter meter = use({.one_in = 3});
  EXPECT_THAT(pump(), IsEmpty());
  EXPECT_EQ(meter.read().events_in, 0u);
  EXPECT_TRUE(meter.read().conserved());
}

TEST_F(SampleTest, LetsTheFirstOfEachNPass) {
  const FlowMeter meter = use({.one_in = 3});
  publish_tokens(publisher_, {"a", "bb", "ccc", "d", "ee", "fff", "g"});
  EXPECT_THAT(pump(), ElementsAre("a", "d", "g"));
  EXPECT_EQ(meter.read().events_dropped, 4u);
  EXPECT_EQ(meter.read().bytes_dropped, 10u);
  EXPECT_TRUE(agree(bus_.stats(), meter.read()));
}

TEST_F(SampleTest, OneInOneIsOff) {
  const FlowMeter meter = use({});
  publish_tokens(publisher_, {"a", "b", "c"});
  EXPECT_THAT(pump(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(meter.read().events_dropped, 0u);
}

TEST_F(SampleTest, CountsEachTypeByItself) {
  const auto other = bus_.define<Text>("other").value();
  use({.one_in = 2});
  for (const char* text : {"1", "2", "3"}) {
    publisher_.publish(kToken, text);
    publisher_.publish(other, text);
    publisher_.publish(other, text);
  }
  EXPECT_THAT(pump(), ElementsAre("1", "1", "2", "3", "3"));
}

TEST_F(SampleTest, CountsAllStreamsTogether) {
  use({.one_in = 2});
  publish_tokens(publisher_, {"a"}, {.stream = 1});
  publish_tokens(publisher_, {"b"}, {.stream = 2});
  publish_tokens(publisher_, {"c"}, {.stream = 2});
  EXPECT_THAT(pump(), ElementsAre("a", "c"));
}

TEST_F(SampleTest, NeverDropsTheEndOfAStream) {
  const FlowMeter meter = use({.one_in = UINT32_MAX});
  for (int i = 0; i < 3; ++i) {
    publisher_.publish(kComplete, {});
    publisher_.publish(kError, {.code = "failed", .message = {}});
  }
  EXPECT_EQ(pump().size(), 6u);
  EXPECT_EQ(meter.read().events_dropped, 0u);
}

TEST_F(SampleTest, KeepsATypeThatTheUserNames) {
  use({.one_in = 2, .always = kToken});
  publish_tokens(publisher_, {"a", "b"});
  publisher_.publish(kComplete, {});
  publisher_.publish(kComplete, {});
  EXPECT_THAT(pump(), ElementsAre("a", "b", "")) << "and nothing else";
}

TEST_F(SampleTest, LargestNumberPassesOne) {
  const FlowMeter meter = use({.one_in = UINT32_MAX});
  publish_tokens(publisher_, {"a", "b", "c"});
  EXPECT_THAT(pump(), ElementsAre("a"));
  EXPECT_TRUE(agree(bus_.stats(), meter.read()));
}

TEST_F(SampleTest, MeterOutlivesMiddlewareAndBus) {
  FlowMeter meter = make_sample({}).meter();
  {
    Bus bus = manual_bus();
    Sample sample = make_sample({.one_in = 2});
    meter = sample.meter();
    auto guard = bus.use({.types = kToken}, std::move(sample)).value();
    for (int i = 0; i < 3; ++i) {
      bus.publish(kToken, "text");
    }
    bus.pump();
  }
  EXPECT_EQ(meter.read().events_out, 2u);
  EXPECT_EQ(meter.read().events_dropped, 1u);
}

TEST(SampleOptions, OutOfRangeAreRefused) {
  support::expect_invalid(Sample::create({.one_in = 0}).status(),
                          {"SampleOptions::one_in", "is 0", "1 to 4294967295"});
}

RC_GTEST_PROP(SampleLaw, ExactlyTheFirstOfEachNOfATypePasses, ()) {
  const auto one_in = *rc::gen::inRange<std::uint32_t>(1, 6);
  const auto choices = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4));
  const auto pump_every = *rc::gen::inRange<std::size_t>(1, 9);
  Bus bus = manual_bus();
  const std::vector<EventType<Text>> types = {kToken, bus.define<Text>("one").value(),
                                              bus.define<Text>("two").value(),
                                              bus.define<Text>("end").value()};
  Sample sample = make_sample({.one_in = one_in, .always = types[3]});
  const FlowMeter meter = sample.meter();
  auto guard = bus.use({.types = TypeMask::all()}, std::move(sample)).value();
  Texts out;
  auto keeper = bus.subscribe({.types = TypeMask::all()}, support::collect(out)).value();

  Texts expected;
  std::array<std::size_t, 4> seen{};
  std::size_t bytes_in = 0;
  std::size_t bytes_expected = 0;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const auto type = static_cast<std::size_t>(choices[i]);
    const std::string text = std::to_string(i);
    bus.publish(types[type], text, {.stream = i % 3});
    bytes_in += text.size();
    if (type == 3 || seen[type]++ % one_in == 0) {
      expected.push_back(text);
      bytes_expected += text.size();
    }
    if (i % pump_every == 0) {
      bus.pump();
      RC_ASSERT(out == expected);
      RC_ASSERT(static_cast<bool>(agree(bus.stats(), meter.read())));
      RC_ASSERT(meter.read().bytes_in == bytes_in);
      RC_ASSERT(meter.read().bytes_out == bytes_expected);
    }
  }
}

TEST(SampleThread, HoldsItsShareWithADispatcherThread) {
  constexpr int kPublishers = 3;
  constexpr std::uint64_t kEach = 5'000;
  Bus bus = thread_bus();
  Sample sample = make_sample({.one_in = 7});
  const FlowMeter meter = sample.meter();
  auto guard = bus.use({.types = kToken | kComplete}, std::move(sample)).value();
  std::size_t tokens = 0;
  std::size_t ends = 0;
  auto of_tokens = bus.subscribe({.types = kToken}, support::count_in(tokens)).value();
  auto of_ends = bus.subscribe({.types = kComplete}, support::count_in(ends)).value();
  std::vector<std::thread> threads;
  for (int i = 0; i < kPublishers; ++i) {
    threads.emplace_back([&bus] {
      Publisher publisher = make_publisher(bus);
      for (std::uint64_t n = 0; n < kEach; ++n) {
        publisher.publish(kToken, "text");
      }
      publisher.publish(kComplete, {});
      static_cast<void>(bus.stats());
    });
  }
  while (meter.read().events_in < kPublishers * kEach) {  // read while it is written
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(tokens, (kPublishers * kEach + 6) / 7);
  EXPECT_EQ(ends, std::size_t{kPublishers});
  EXPECT_EQ(meter.read().bytes_out, 4 * tokens);
  EXPECT_TRUE(agree(bus.stats(), meter.read()));
}

}  // namespace
}  // namespace herald
