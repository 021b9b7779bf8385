// CoalesceText by examples; its laws over any events are in coalesce_text_law_test.cc.
#include "herald/coalesce_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "middleware/flow.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using support::agree;
using support::eventually;
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

constexpr StreamId kNoise = 1'000'000;  // of events that only spend what middleware may send

// A manual bus that joins text by a clock that stands still, and what comes out, ends as "|".
class CoalesceTextTest : public testing::Test {
 protected:
  explicit CoalesceTextTest(BusOptions options = {}) : bus_(manual_bus(std::move(options))) {
    keeper_ =
        bus_.subscribe({.types = TypeMask::all()},
                       [this](const Event& event) {
                         if (event.stream() != kNoise) {
                           out_.push_back(event.is(kComplete) ? "|" : std::string(event.text()));
                         }
                       })
            .value();
  }

  // The windows are so long that only the clock ends them, unless a test says otherwise.
  const FlowMeter& use(CoalesceTextOptions options = {.window = 1h}) {
    options.clock = clock_.reader();
    CoalesceText coalesce = CoalesceText::create(std::move(options)).value();
    meter_ = coalesce.meter();
    const Filter filter = coalesce.filter();
    guard_ = bus_.use(filter, std::move(coalesce)).value();
    return *meter_;
  }
  void publish(std::initializer_list<std::string_view> texts, StreamId stream = 1) {
    publish_tokens(publisher_, texts, {.stream = stream});
  }
  void end(StreamId stream = 1) {
    ASSERT_EQ(publisher_.publish(kComplete, {}, {.stream = stream}), PublishResult::kAccepted);
  }
  Texts pump() {
    bus_.pump();
    if (meter_.has_value()) {
      EXPECT_TRUE(agree(bus_.stats(), meter_->read()));
    }
    return std::exchange(out_, {});
  }

  StillClock clock_;
  Bus bus_;
  Publisher publisher_ = make_publisher(bus_);
  Texts out_;
  std::optional<FlowMeter> meter_;
  Subscription keeper_;
  Subscription guard_;
};

// Windows.

TEST_F(CoalesceTextTest, OfNothingIsNothing) {
  const FlowMeter& meter = use();
  EXPECT_THAT(pump(), IsEmpty());
  EXPECT_EQ(meter.read().events_in, 0u);
}

TEST_F(CoalesceTextTest, OneTextIsHeldAndSentByTheEndOfItsStream) {
  const FlowMeter& meter = use();
  publish({"a"});
  EXPECT_THAT(pump(), IsEmpty());
  EXPECT_EQ(meter.read().events_held, 1u);
  EXPECT_EQ(meter.read().bytes_held, 1u);
  end();
  EXPECT_THAT(pump(), ElementsAre("a", "|"));
  EXPECT_EQ(meter.read().events_held, 0u);
}

TEST_F(CoalesceTextTest, SeveralAreJoined) {
  const FlowMeter& meter = use();
  publish({"Hel", "lo", "", ", world"});
  end();
  EXPECT_THAT(pump(), ElementsAre("Hello, world", "|"));
  EXPECT_EQ(meter.read().events_joined, 3u);
  EXPECT_EQ(meter.read().bytes_out, 12u);
  EXPECT_EQ(meter.read().bytes_dropped, 0u);
  EXPECT_EQ(bus_.stats().emitted, 0u);
}

TEST_F(CoalesceTextTest, AnErrorSendsTextFirst) {
  use();
  publish({"a", "b"});
  publisher_.publish(kError, {.code = "failed", .message = {}}, {.stream = 1});
  EXPECT_THAT(pump(), ElementsAre("ab", ""));
}

TEST_F(CoalesceTextTest, AnEndWithoutTextPasses) {
  use();
  end();
  end();
  EXPECT_THAT(pump(), ElementsAre("|", "|"));
}

TEST_F(CoalesceTextTest, EmptyTextIsAnEventLikeOthers) {
  use({.window = 1h, .max_events = 2});
  publish({"", ""});
  EXPECT_THAT(pump(), ElementsAre(""));
  publish({""});
  EXPECT_THAT(pump(), IsEmpty());
  end();
  EXPECT_THAT(pump(), ElementsAre("", "|"));
}

TEST_F(CoalesceTextTest, StreamsAreJoinedApart) {
  use();
  publish({"a"}, 1);
  publish({"x"}, 2);
  publish({"b"}, 1);
  publish({"y"}, 2);
  end(2);
  EXPECT_THAT(pump(), ElementsAre("xy", "|"));
  end(1);
  EXPECT_THAT(pump(), ElementsAre("ab", "|"));
}

TEST_F(CoalesceTextTest, TypesAreJoinedApartInTheirOrder) {
  const auto thought = bus_.define<Text>("thought").value();
  use({.types = kToken | thought, .window = 1h});
  publish({"a", "b"});
  publisher_.publish(thought, "c", {.stream = 1});
  publisher_.publish(thought, "d", {.stream = 1});
  publish({"e"});
  end();
  EXPECT_THAT(pump(), ElementsAre("ab", "cd", "e", "|"));
}

TEST_F(CoalesceTextTest, TypesThatAreNoTextPassBehindTheText) {
  use({.types = kToken | kMetrics, .window = 1h});
  publish({"a", "b"});
  publisher_.publish(kMetrics, {}, {.stream = 1});
  EXPECT_THAT(pump(), ElementsAre("ab", "")) << "the metrics";
}

TEST_F(CoalesceTextTest, ATerminalTypeOfTheUserSendsTextFirst) {
  const auto done = bus_.define<int>("done", {.terminal = true}).value();
  use({.flush_on = done, .window = 1h});
  publish({"a", "b"});
  publisher_.publish(done, 1, {.stream = 1});
  EXPECT_THAT(pump(), ElementsAre("ab", ""));
}

TEST_F(CoalesceTextTest, CountEndsTheWindow) {
  use({.window = 1h, .max_events = 3});
  publish({"a", "b", "c", "d"});
  EXPECT_THAT(pump(), ElementsAre("abc"));
  publish({"e", "f"});
  EXPECT_THAT(pump(), ElementsAre("def"));
}

TEST_F(CoalesceTextTest, BytesEndTheWindow) {
  use({.window = 1h, .max_bytes = 4});
  publish({"ab", "cd"});
  EXPECT_THAT(pump(), ElementsAre("abcd")) << "full";
  publish({"abc", "de"});
  EXPECT_THAT(pump(), ElementsAre("abc")) << "would not fit";
  publish({"fghij"});
  EXPECT_THAT(pump(), ElementsAre("de", "fghij")) << "longer than any window";
}

TEST_F(CoalesceTextTest, LongTextIsWholeAcrossTheBlockLimit) {
  use({.window = 1h, .max_bytes = 65'536});
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const std::string piece(static_cast<std::size_t>(i) % 70, static_cast<char>('a' + i % 26));
    publish({piece});
    expected += piece;
  }
  end();
  EXPECT_THAT(pump(), ElementsAre(expected, "|"));
}

TEST_F(CoalesceTextTest, TimeEndsTheWindow) {
  use({.window = 1h});
  publish({"a"});
  pump();
  clock_.time += 1h - 1ns;
  publish({"b"});
  EXPECT_THAT(pump(), IsEmpty());
  clock_.time += 1ns;
  publish({"c"});
  EXPECT_THAT(pump(), ElementsAre("ab")) << "counted from the first, to the nanosecond";
}

TEST_F(CoalesceTextTest, PumpTellsTheEndOfTheFirstWindow) {
  use({.window = 1h});
  publish({"a"}, 1);
  EXPECT_LT(std::chrono::abs(bus_.pump().next_deadline - (steady_clock::now() + 1h)), 1min);
  clock_.time += 30min;
  publish({"b"}, 2);
  EXPECT_LT(std::chrono::abs(bus_.pump().next_deadline - (steady_clock::now() + 1h)), 1min);
  clock_.time += 10min;
  end(1);
  EXPECT_THAT(pump(), ElementsAre("a", "|"));
  EXPECT_LT(std::chrono::abs(bus_.pump().next_deadline - (steady_clock::now() + 50min)), 1min);
}

TEST_F(CoalesceTextTest, ADeadlineSendsOnlyWhatIsDue) {
  use({.window = 50ms});
  publish({"a"}, 1);
  pump();
  clock_.time += 50ms;
  publish({"b"}, 2);
  bus_.pump();
  ASSERT_TRUE(eventually([&] { return bus_.wait(kLong) && (bus_.pump(), !out_.empty()); }));
  EXPECT_THAT(pump(), ElementsAre("a"));
  end(2);
  EXPECT_THAT(pump(), ElementsAre("b", "|"));
}

// The clock stands still while the time passes by which the bus wakes the middleware.
TEST_F(CoalesceTextTest, ByASlowerClockAnEarlyWakeUpSendsNothing) {
  use({.window = 1ms});
  publish({"a"});
  for (const auto end = steady_clock::now() + 5ms; steady_clock::now() < end;) {
    ASSERT_THAT(pump(), IsEmpty());
  }
  clock_.time += 1ms;
  ASSERT_TRUE(eventually([&] { return (bus_.pump(), !out_.empty()); }));
  EXPECT_THAT(pump(), ElementsAre("a"));
}

TEST_F(CoalesceTextTest, BehindItsTimeADrainSendsWhatASlowerClockHolds) {
  use({.window = 1ms});
  publish({"a"});
  EXPECT_THAT(pump(), IsEmpty());
  support::work_for(2ms);
  EXPECT_TRUE(bus_.drain(kLong).value().complete);
  EXPECT_THAT(out_, ElementsAre("a"));
}

TEST_F(CoalesceTextTest, LatencyCountsFromTheFirst) {
  use({.window = 1h});
  const auto first = steady_clock::now() - 10s;
  steady_clock::time_point out;
  auto watch =
      bus_.subscribe({.types = kToken}, [&](const Event& event) { out = event.publish_time(); })
          .value();
  publish_tokens(publisher_, {"a"}, {.stream = 1, .at = first});
  publish({"b"});
  end();
  EXPECT_THAT(pump(), ElementsAre("ab", "|"));
  EXPECT_LT(std::chrono::abs(out - first), 1s);
  EXPECT_GE(bus_.latency().all.delivery.max(), 9s);
}

// Streams.

TEST_F(CoalesceTextTest, OneStreamTooManySendsTheOldest) {
  const FlowMeter& meter = use({.window = 1h, .max_streams = 2});
  publish({"a"}, 1);
  publish({"x"}, 2);
  publish({"b"}, 1);
  publish({"m"}, 3);
  EXPECT_THAT(pump(), ElementsAre("ab"));
  EXPECT_EQ(meter.read().at_stream_limit, 1u);
  publish({"c"}, 1);
  EXPECT_THAT(pump(), ElementsAre("x"));
}

TEST_F(CoalesceTextTest, OneStreamTooManyPassesIfTheUserSaysSo) {
  const FlowMeter& meter =
      use({.window = 1h, .max_streams = 1, .at_max_streams = CoalesceStreams::kPassThrough});
  publish({"a"}, 1);
  publish({"x", "y"}, 2);
  EXPECT_THAT(pump(), ElementsAre("x", "y"));
  EXPECT_EQ(meter.read().at_stream_limit, 2u);
  end(1);
  publish({"z"}, 2);
  EXPECT_THAT(pump(), ElementsAre("a", "|"));
  end(2);
  EXPECT_THAT(pump(), ElementsAre("z", "|"));
}

TEST_F(CoalesceTextTest, StreamsComeAndGoForEver) {
  use({.window = 1h, .max_streams = 3});
  for (StreamId stream = 1; stream <= 1'000; ++stream) {
    publish({"a", "b"}, stream);
    end(stream);
    EXPECT_THAT(pump(), ElementsAre("ab", "|"));
  }
}

// Another middleware in front sends as much as the bus allows for one event: one emission, and, for
// as many events as starve() says, the resumed one that is granted in addition.
class CoalesceTextStarvedTest : public CoalesceTextTest {
 protected:
  CoalesceTextStarvedTest() : CoalesceTextTest({.max_emitted_per_event = 1}) {
    spender_ = bus_.use({.types = kToken | kComplete | kInfo}, Spender(), {.priority = -1}).value();
  }

  struct Spender {
    std::vector<Event> held = {};
    Verdict operator()(Event& event, Emitter& emitter) {
      if (event.is(kInfo)) {
        held.push_back(std::move(event));
        return Verdict::kHold;
      }
      EXPECT_TRUE(emitter.emit_before(kMetrics, {}, {.stream = kNoise}));
      if (!held.empty()) {
        EXPECT_TRUE(emitter.resume(std::move(held.back())));
        held.pop_back();
      }
      return Verdict::kPass;
    }
  };

  void starve(int events) {
    for (int i = 0; i < events; ++i) {
      publisher_.publish(kInfo, "noise", {.stream = kNoise});
    }
  }
  // What comes out, with what was put off.
  Texts settle() {
    for (int i = 0; i < 10; ++i) {
      bus_.pump();
    }
    return std::exchange(out_, {});
  }

  Subscription spender_;
};

TEST_F(CoalesceTextStarvedTest, OneSendIsAlwaysGrantedWhereOthersOnlyEmit) {
  const FlowMeter& meter = use();
  publish({"a", "b"});
  end();
  EXPECT_THAT(pump(), ElementsAre("ab", "|"));
  EXPECT_EQ(meter.read().sends_put_off, 0u);
}

TEST_F(CoalesceTextStarvedTest, TheEndWaitsForTheTextThatMayNotBeSent) {
  const FlowMeter& meter = use();
  publish({"a", "b"});
  bus_.pump();
  starve(1);
  end();
  EXPECT_THAT(settle(), ElementsAre("ab", "|"));
  EXPECT_EQ(meter.read().sends_put_off, 1u);
  EXPECT_TRUE(agree(bus_.stats(), meter.read()));
}

TEST_F(CoalesceTextStarvedTest, WhatComesBehindAnEndThatWaitsKeepsItsPlace) {
  const FlowMeter& meter = use();
  publish({"a"});
  bus_.pump();
  starve(3);
  end();           // waits in the place of "a"
  publish({"b"});  // and "b" in the place of that
  end();
  publish({"c", "d"});
  end();
  EXPECT_THAT(settle(), ElementsAre("a", "|", "b", "|", "cd", "|"));
  EXPECT_EQ(meter.read().sends_put_off, 3u);
  EXPECT_TRUE(agree(bus_.stats(), meter.read()));
}

TEST_F(CoalesceTextStarvedTest, AFullWindowWaitsAndTakesNoMore) {
  const FlowMeter& meter = use({.window = 1h, .max_events = 2});
  publish({"a"});
  bus_.pump();
  starve(2);
  publish({"b", "c"});
  EXPECT_THAT(settle(), ElementsAre("ab"));
  EXPECT_EQ(meter.read().sends_put_off, 2u);
  end();
  EXPECT_THAT(settle(), ElementsAre("c", "|"));
  EXPECT_TRUE(agree(bus_.stats(), meter.read()));
}

TEST_F(CoalesceTextStarvedTest, AFullWindowIsSentAsSoonAsItMay) {
  const FlowMeter& meter = use({.window = 1h, .max_events = 2});
  publish({"a"});
  bus_.pump();
  starve(1);
  publish({"b"});
  EXPECT_THAT(settle(), ElementsAre("ab"));
  EXPECT_EQ(meter.read().sends_put_off, 1u);
}

TEST_F(CoalesceTextStarvedTest, AFullWindowIsSentAlsoAtATimeAskedForBefore) {
  use({.window = 1h, .max_events = 2});
  publish({"x"}, 2);
  publish({"a"}, 1);
  bus_.pump();
  end(1);
  clock_.time += 1h;  // to the end of the window of 2
  publish({"b"}, 1);
  starve(1);
  publish({"c"}, 1);
  EXPECT_THAT(settle(), ElementsAre("a", "|", "bc", "x"));
}

TEST_F(CoalesceTextStarvedTest, AWindowInThePlaceOfAnotherEndsBehindOlderOnes) {
  use({.window = 1h, .max_events = 2});
  publish({"a"}, 1);
  publish({"x"}, 2);
  bus_.pump();
  clock_.time += 30min;
  starve(2);
  publish({"b", "c"}, 1);
  EXPECT_LT(std::chrono::abs(bus_.pump().next_deadline - (steady_clock::now() + 30min)), 1min);
}

TEST_F(CoalesceTextStarvedTest, TheOldestOfTooManyStreamsGoesInstead) {
  const FlowMeter& meter = use({.window = 1h, .max_streams = 1});
  publish({"a", "b"}, 1);
  bus_.pump();
  starve(1);
  publish({"x"}, 2);
  EXPECT_THAT(settle(), ElementsAre("ab"));
  end(2);
  EXPECT_THAT(settle(), ElementsAre("x", "|"));
  EXPECT_TRUE(agree(bus_.stats(), meter.read()));
}

TEST(CoalesceTextBounds, ABusThatAllowsNoEmissionLosesNothing) {
  StillClock clock;
  Bus bus = manual_bus({.max_emitted_per_event = 0});
  CoalesceText coalesce = CoalesceText::create({.window = 1h, .clock = clock.reader()}).value();
  const FlowMeter meter = coalesce.meter();
  const Filter filter = coalesce.filter();
  auto guard = bus.use(filter, std::move(coalesce)).value();
  std::size_t delivered = 0;
  auto keeper = bus.subscribe({.types = kToken}, support::count_in(delivered)).value();
  for (StreamId stream = 1; stream <= 200; ++stream) {
    bus.publish(kToken, "text", {.stream = stream});
  }
  bus.pump();
  EXPECT_EQ(meter.read().events_held, 200u);
  EXPECT_TRUE(bus.drain(kLong).value().complete);
  EXPECT_EQ(delivered, 200u);
  EXPECT_TRUE(agree(bus.stats(), meter.read()));
}

// Ends.

TEST_F(CoalesceTextTest, DrainSendsWhatIsHeld) {
  const FlowMeter& meter = use();
  for (StreamId stream = 1; stream <= 500; ++stream) {
    publish({"a", "b"}, stream);
  }
  EXPECT_THAT(pump(), IsEmpty());
  const DrainReport report = bus_.drain(kLong).value();
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(out_.size(), 500u);
  EXPECT_EQ(meter.read().bytes_out, 1'000u);
  EXPECT_TRUE(agree(bus_.stats(), meter.read()));
}

TEST_F(CoalesceTextTest, UnsubscribingDropsAndCountsWhatIsHeld) {
  const FlowMeter& meter = use();
  publish({"a", "bc"});
  pump();
  guard_.unsubscribe();
  EXPECT_EQ(meter.read().events_dropped, 1u);
  EXPECT_EQ(meter.read().bytes_dropped, 3u);
  EXPECT_EQ(meter.read().events_held, 0u);
  EXPECT_TRUE(agree(bus_.stats(), meter.read()));
}

TEST(CoalesceTextEnd, TheDestructorOfTheBusDrains) {
  for (const auto drain : {0ns, std::chrono::nanoseconds(kLong)}) {
    std::size_t delivered = 0;
    Subscription guard;
    Subscription keeper;
    std::optional<FlowMeter> meter;
    {
      Bus bus = manual_bus({.drain_on_destroy = drain});
      CoalesceText coalesce = CoalesceText::create({.window = 1h}).value();
      meter = coalesce.meter();
      guard = bus.use({.types = kToken}, std::move(coalesce)).value();
      keeper = bus.subscribe({.types = kToken}, support::count_in(delivered)).value();
      bus.publish(kToken, "abc", {.stream = 1});
      bus.pump();
    }
    const FlowStats flow = meter->read();
    EXPECT_EQ(delivered, drain == 0ns ? 0u : 1u);
    EXPECT_EQ(flow.bytes_dropped, drain == 0ns ? 3u : 0u);
    EXPECT_EQ(flow.events_held, 0u);
    EXPECT_TRUE(flow.conserved());
  }
}

TEST(CoalesceTextOptions, OutOfRangeAreRefused) {
  const auto status = [](CoalesceTextOptions options) {
    return CoalesceText::create(std::move(options)).status();
  };
  expect_invalid(status({.types = {}}), {"CoalesceTextOptions::types", "empty", "at least one"});
  expect_invalid(status({.window = 0ns}),
                 {"CoalesceTextOptions::window", "0 ns", "1000 to 3600000000000 ns"});
  expect_invalid(status({.window = 1h + 1ns}), {"window", "3600000000001 ns"});
  expect_invalid(status({.max_events = 1}), {"CoalesceTextOptions::max_events", "is 1", "2 to"});
  expect_invalid(status({.max_events = 1'048'577}), {"max_events", "1048577", "0 for no limit"});
  expect_invalid(status({.max_bytes = 0}), {"CoalesceTextOptions::max_bytes", "1 to 65536"});
  expect_invalid(status({.max_bytes = 65'537}), {"max_bytes", "65537"});
  expect_invalid(status({.max_streams = 0}), {"CoalesceTextOptions::max_streams", "1 to 1048576"});
  expect_invalid(status({.payload_resource = nullptr}),
                 {"CoalesceTextOptions::payload_resource", "null"});
}

// With a dispatcher thread.

TEST(CoalesceTextThread, WakesForTheEndOfTheWindow) {
  for (const WaitStrategy wait : {WaitStrategy::kPark, WaitStrategy::kAdaptive}) {
    Bus bus = thread_bus({.wait = wait});
    CoalesceText coalesce = CoalesceText::create({.window = 10ms}).value();
    const Filter filter = coalesce.filter();
    auto guard = bus.use(filter, std::move(coalesce)).value();
    std::atomic<bool> came{false};
    auto keeper = bus.subscribe({.types = kToken},
                                [&](const Event& event) {
                                  came.store(event.text() == "ab", std::memory_order_relaxed);
                                })
                      .value();
    Publisher publisher = make_publisher(bus);
    publisher.publish_batch(kToken, std::vector<std::string_view>{"a", "b"}, {.stream = 1});
    EXPECT_TRUE(eventually([&] { return came.load(std::memory_order_relaxed); }));
    ASSERT_TRUE(bus.flush(kLong).ok());  // the figure is written behind the call
    EXPECT_GE(bus.latency().all.delivery.max(), 9ms) << "counted from the first";
  }
}

TEST(CoalesceTextThread, ManyPublishersLoseNoByteAndNoOrder) {
  constexpr StreamId kStreams = 4;
  constexpr int kEach = 3'000;
  Bus bus = thread_bus();
  CoalesceText coalesce =
      CoalesceText::create({.window = 200us, .max_bytes = 100, .max_streams = 3}).value();
  const FlowMeter meter = coalesce.meter();
  const Filter filter = coalesce.filter();
  auto guard = bus.use(filter, std::move(coalesce)).value();
  std::map<StreamId, std::string> received;
  auto keeper = bus.subscribe(filter,
                              [&](const Event& event) {
                                received[event.stream()] +=
                                    event.is(kComplete) ? "|" : std::string(event.text());
                              })
                    .value();
  std::map<StreamId, std::string> published;
  std::vector<std::thread> threads;
  for (StreamId stream = 1; stream <= kStreams; ++stream) {
    std::string& text = published[stream];
    threads.emplace_back([&bus, &text, stream] {
      Publisher publisher = make_publisher(bus);
      for (int n = 0; n < kEach; ++n) {
        const std::string piece = std::to_string(n);
        publisher.publish(kToken, piece, {.stream = stream});
        text += piece;
      }
      publisher.publish(kComplete, {}, {.stream = stream});
      text += "|";
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  ASSERT_TRUE(bus.drain(kLong).value().complete);
  EXPECT_EQ(received, published);
  EXPECT_GT(meter.read().events_joined, 0u);
  EXPECT_TRUE(agree(bus.stats(), meter.read()));
}

}  // namespace
}  // namespace herald
