// What a pump tells of itself: what it left, how old that is, how long it took; and the sums of all
// pumps. And PumpOptions::take_new, which decides what it may leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>

#include "core/option_check.h"
#include "herald/herald.h"
#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using support::expect_invalid;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using Status = PumpResult::Status;

constexpr Filter kTokens{.types = kToken};

class PumpReport : public testing::Test {
 protected:
  // Publishes one event as if it had been due so long ago.
  void publish_aged(Publisher& publisher, std::chrono::nanoseconds age) {
    publish_tokens(publisher, {"x"}, {.at = steady_clock::now() - age});
  }
  void publish_shared(std::size_t events) {
    for (std::size_t i = 0; i < events; ++i) {
      ASSERT_EQ(bus_.publish(kToken, "x"), PublishResult::kAccepted);
    }
  }

  const steady_clock::time_point made_ = steady_clock::now();
  Bus bus_ = manual_bus();
  Publisher publisher_ = make_publisher(bus_);
};

TEST_F(PumpReport, OfAnEmptyBus) {
  const PumpResult result = bus_.pump();
  EXPECT_EQ(result.queued, 0u);
  EXPECT_EQ(result.oldest_age, 0ns);
  EXPECT_GT(result.took, 0ns);
}

TEST_F(PumpReport, CountsWhatIsLeftInAnyPlace) {
  Publisher other = make_publisher(bus_);
  publish_tokens(publisher_, {"a", "b", "c"});  // two of them in hand afterwards
  publish_tokens(other, {"d"});
  publish_shared(2);
  const PumpResult result = bus_.pump({.max_events = 1});
  EXPECT_EQ(result.status, Status::kPartial);
  EXPECT_EQ(result.queued, 5u);
  EXPECT_EQ(result.queued, bus_.stats().queued);
  EXPECT_EQ(bus_.pump().queued, 0u);
}

TEST_F(PumpReport, CountsWhatMiddlewareMadeOfOneEvent) {
  const auto guard = bus_.use(kTokens,
                              [](Event&, Emitter& emitter) {
                                EXPECT_TRUE(emitter.emit_after(kInfo, "1"));
                                EXPECT_TRUE(emitter.emit_after(kInfo, "2"));
                                return Verdict::kPass;
                              })
                         .value();
  const auto slow = bus_.subscribe(kTokens, [](const Event&) { support::work_for(100us); }).value();
  publish_aged(publisher_, 5s);
  const PumpResult result = bus_.pump({.budget = 100us});
  EXPECT_EQ(result.queued, 2u);
  EXPECT_LT(result.oldest_age, 5s) << "they are younger than the event that led to them";
}

TEST_F(PumpReport, TheOldestMayBeInHandOrInAnyLane) {
  Publisher other = make_publisher(bus_);
  publish_aged(publisher_, 1s);
  publish_aged(publisher_, 2s);
  publish_aged(other, 1s);
  const auto begin = steady_clock::now();
  PumpResult result = bus_.pump({.max_events = 1});
  EXPECT_GE(result.oldest_age, 2s) << "in hand";
  EXPECT_LE(result.oldest_age, 2s + (steady_clock::now() - begin) + 1s);
  result = bus_.pump({.max_events = 1});
  EXPECT_GE(result.oldest_age, 1s) << "in the other lane";
  EXPECT_LT(result.oldest_age, 2s);
  EXPECT_EQ(bus_.pump().oldest_age, 0ns);
}

TEST_F(PumpReport, ALaneGivesTheAgeOfItsFirstEvent) {
  publish_aged(publisher_, 0s);
  publish_aged(publisher_, 0s);
  publish_aged(publisher_, 1h);  // due long before those in front of it
  EXPECT_LT(bus_.pump({.max_events = 1}).oldest_age, 1h);
}

TEST_F(PumpReport, AnEventOfTheFutureHasNoAge) {
  publish_aged(publisher_, 0s);
  publish_aged(publisher_, -1h);
  EXPECT_EQ(bus_.pump({.max_events = 1}).oldest_age, 0ns);
}

TEST_F(PumpReport, InTheSharedLaneOnlyTheTimeSinceAcceptanceIsKnown) {
  bus_ = manual_bus({.batch_events = 1});
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(bus_.publish(kToken, "x", {.at = made_ - 1h}), PublishResult::kAccepted);
  }
  EXPECT_LT(bus_.pump({.max_events = 1}).oldest_age, 1h);
}

// The shared lane shows nothing of what it holds. A round takes all it has, so small batches.
class AgeInTheSharedLane : public PumpReport {
 protected:
  AgeInTheSharedLane() { bus_ = manual_bus({.batch_events = 1}); }

  // The age after a pump of one event lies between the times since these two, but for what two
  // clocks may differ by.
  void expect_age(steady_clock::time_point at_most, steady_clock::time_point at_least) {
    const auto begin = steady_clock::now();
    const PumpResult result = bus_.pump({.max_events = 1});
    EXPECT_GE(result.oldest_age, begin - at_least - 1ms);
    EXPECT_LE(result.oldest_age, steady_clock::now() - at_most + 1ms);
  }
};

TEST_F(AgeInTheSharedLane, IsBoundedByThePumpWhoseEventsAreAllOut) {
  publish_shared(2);
  const auto published = steady_clock::now();
  support::work_for(10ms);
  const auto first_pump = steady_clock::now();
  expect_age(made_, published);
  publish_shared(2);
  const auto published_later = steady_clock::now();
  support::work_for(10ms);
  expect_age(first_pump, published_later);  // the two that waited at the first pump are out
  const auto third_pump = steady_clock::now();
  expect_age(first_pump, published_later);
  publish_shared(1);
  expect_age(third_pump, steady_clock::now());
  EXPECT_EQ(bus_.pump().oldest_age, 0ns);
}

TEST_F(AgeInTheSharedLane, BeginsAnewWhenItIsEmpty) {
  support::work_for(10ms);
  const auto begin = steady_clock::now();
  bus_.pump();
  publish_shared(2);
  expect_age(begin, steady_clock::now());
}

TEST_F(PumpReport, NothingIsSaidOfAgeWithoutLatency) {
  bus_ = manual_bus({.batch_events = 1, .latency = false});
  publisher_ = make_publisher(bus_);
  publish_tokens(publisher_, {"a", "b"});
  publish_shared(2);
  const PumpResult result = bus_.pump({.max_events = 1});
  EXPECT_EQ(result.queued, 3u);
  EXPECT_EQ(result.oldest_age, 0ns);
}

TEST_F(PumpReport, SumsUpAllPumps) {
  const auto slow = bus_.subscribe(kTokens, [](const Event&) { support::work_for(2ms); }).value();
  publish_tokens(publisher_, {"a", "b", "c"});
  PumpResult result = bus_.pump({.budget = 1ms});
  EXPECT_EQ(result.status, Status::kPartial);
  EXPECT_GT(result.took, 1ms);
  auto total = result.took;
  auto longest = result.took;
  const auto overrun = result.took - 1ms;
  result = bus_.pump();
  total += result.took;
  longest = std::max(longest, result.took);
  EXPECT_EQ(bus_.pump({.max_events = 0}).status, Status::kRefused);
  const PumpStats pumps = bus_.stats().pumps;
  EXPECT_EQ(pumps.count, 2u);
  EXPECT_EQ(pumps.partial, 1u);
  EXPECT_EQ(pumps.over_budget, 1u);
  EXPECT_EQ(pumps.most_events, 2u);
  EXPECT_EQ(pumps.longest, longest);
  EXPECT_EQ(pumps.longest_overrun, overrun);
  EXPECT_EQ(pumps.total, total);
}

// take_new.

class TakeNew : public PumpReport {
 protected:
  // Each event leads to another one, `generations` times.
  Subscription breed(std::size_t generations) {
    return bus_
        .subscribe(kTokens,
                   [this, generations](const Event&) {
                     if (calls_++ < generations) {
                       EXPECT_EQ(publisher_.publish(kToken, "x"), PublishResult::kAccepted);
                     }
                   })
        .value();
  }

  std::size_t calls_ = 0;
};

TEST_F(TakeNew, IsOffAndWhatCallbacksPublishWaitsForTheNextPump) {
  const auto parent = breed(3);
  publish_tokens(publisher_, {"x"});
  const PumpResult result = bus_.pump({.budget = support::kLong});
  EXPECT_EQ(result.status, Status::kDone) << "of what was accepted at its start";
  EXPECT_EQ(result.events, 1u);
  EXPECT_EQ(result.queued, 1u);
}

TEST_F(TakeNew, AlsoTakesWhatCallbacksPublish) {
  const auto parent = breed(3);
  publish_tokens(publisher_, {"x"});
  const PumpResult result = bus_.pump({.budget = support::kLong, .take_new = true});
  EXPECT_EQ(result.status, Status::kDone);
  EXPECT_EQ(result.events, 4u);
  EXPECT_EQ(result.queued, 0u);
}

TEST_F(TakeNew, EndsAtItsLimit) {
  const auto parent = breed(SIZE_MAX);
  publish_tokens(publisher_, {"x"});
  PumpResult result = bus_.pump({.max_events = 5, .take_new = true});
  EXPECT_EQ(result.status, Status::kPartial);
  EXPECT_EQ(result.events, 5u);
  EXPECT_EQ(result.queued, 1u);
  result = bus_.pump({.budget = 100us, .take_new = true});
  EXPECT_EQ(result.status, Status::kPartial);
  EXPECT_GE(result.took, 100us);
}

TEST_F(TakeNew, WithoutALimitIsRefused) {
  publish_tokens(publisher_, {"x"});
  EXPECT_EQ(bus_.pump({.take_new = true}).status, Status::kRefused);
  EXPECT_EQ(bus_.stats().queued, 1u) << "nothing is lost";
  expect_invalid(core::check(PumpOptions{.take_new = true}),
                 {"PumpOptions::take_new", "max_events", "budget"});
}

}  // namespace
}  // namespace herald
