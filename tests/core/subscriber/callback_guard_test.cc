// Exceptions of callbacks: contained, counted, reported.
#include "core/subscriber/callback_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using support::kLong;
using support::manual_bus;
using support::thread_bus;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Filter kTokens{.types = kToken};

struct Report {
  std::uint64_t id;
  std::string name;
  std::string what;
};

class CallbackGuardTest : public testing::Test {
 protected:
  void publish_and_pump() {
    ASSERT_EQ(bus_.publish(kToken, "text"), PublishResult::kAccepted);
    EXPECT_EQ(bus_.pump().events, 1u);
  }

  std::vector<Report> reports_;
  Bus bus_ = manual_bus({.on_error = [this](const CallbackError& error) {
    reports_.push_back(
        {error.subscription_id, std::string(error.subscription_name), std::string(error.what)});
  }});
  std::size_t calls_ = 0;
};

TEST_F(CallbackGuardTest, TheNextSubscriberStillGetsTheEvent) {
  auto thrower = bus_.subscribe(kTokens, [](const Event&) { throw 1; }).value();
  auto next = bus_.subscribe(kTokens, support::count_in(calls_)).value();
  publish_and_pump();
  publish_and_pump();
  EXPECT_EQ(calls_, 2u);
  EXPECT_EQ(thrower.stats().exceptions, 2u);
  EXPECT_EQ(thrower.stats().delivered, 2u) << "a call that threw counts as delivered";
  EXPECT_EQ(next.stats().exceptions, 0u);
  EXPECT_EQ(bus_.stats().exceptions, 2u);
  EXPECT_TRUE(bus_.stats().conserved());
}

TEST_F(CallbackGuardTest, TheHandlerIsToldWhoAndWhat) {
  auto thrower = bus_.subscribe(kTokens, [](const Event&) { throw std::runtime_error("why"); },
                                {.name = "the thrower"})
                     .value();
  publish_and_pump();
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(reports_[0].id, thrower.stats().id);
  EXPECT_EQ(reports_[0].name, "the thrower");
  EXPECT_EQ(reports_[0].what, "why");
}

TEST_F(CallbackGuardTest, WhatIsNoStdExceptionIsUnknown) {
  auto thrower = bus_.subscribe(kTokens, [](const Event&) { throw "text"; }).value();
  publish_and_pump();
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(reports_[0].what, "unknown exception");
}

TEST_F(CallbackGuardTest, WithoutAHandlerExceptionsAreCounted) {
  Bus bus = manual_bus();
  auto thrower = bus.subscribe(kTokens, [](const Event&) { throw 1; }).value();
  ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(bus.stats().exceptions, 1u);
}

TEST_F(CallbackGuardTest, EveryoneMayThrow) {
  const auto fail = [](const Event&) { throw 1; };
  auto one = bus_.subscribe(kTokens, fail).value();
  auto two = bus_.subscribe(kTokens, fail).value();
  auto of_stream = bus_.subscribe({.types = kToken, .stream = 0}, fail).value();
  auto typed = bus_.subscribe(kToken, [](std::string_view, const Event&) { throw 1; }).value();
  auto batch = bus_.subscribe_batch(kTokens, [](std::span<const Event>) { throw 1; }).value();
  auto guard = bus_.use(kTokens, [](Event&, Emitter&) -> Verdict { throw 1; }).value();
  publish_and_pump();
  EXPECT_EQ(reports_.size(), 6u);
  EXPECT_EQ(bus_.stats().exceptions, 6u);
  EXPECT_EQ(bus_.stats().deliveries, 5u);
  EXPECT_EQ(guard.stats().exceptions, 1u);
}

TEST_F(CallbackGuardTest, ABatchCallThatThrewDeliveredItsSpan) {
  auto batch = bus_.subscribe_batch(kTokens, [](std::span<const Event>) { throw 1; }).value();
  auto next =
      bus_.subscribe_batch(kTokens, [&](std::span<const Event> events) { calls_ += events.size(); })
          .value();
  Publisher publisher = support::make_publisher(bus_);
  support::publish_tokens(publisher, {"a", "b", "c"});
  bus_.pump();
  EXPECT_EQ(batch.stats().delivered, 3u);
  EXPECT_EQ(batch.stats().exceptions, 1u);
  EXPECT_EQ(calls_, 3u);
}

TEST_F(CallbackGuardTest, AnEventPassesAMiddlewareThatThrows) {
  auto guard = bus_.use(kTokens,
                        [](Event& event, Emitter&) -> Verdict {
                          EXPECT_TRUE(event.set_text("changed"));
                          throw std::runtime_error("late");
                        })
                   .value();
  support::Texts seen;
  auto subscription = bus_.subscribe(kTokens, support::collect(seen)).value();
  publish_and_pump();
  EXPECT_THAT(seen, ElementsAre("changed"));
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(reports_[0].what, "late");
}

TEST_F(CallbackGuardTest, AThrowerThatHasLeftIsStillReported) {
  Subscription thrower;
  thrower = bus_.subscribe(kTokens,
                           [&](const Event&) {
                             thrower.unsubscribe();
                             throw std::runtime_error("bye");
                           },
                           {.name = "the thrower"})
                .value();
  auto next = bus_.subscribe(kTokens, support::count_in(calls_)).value();
  publish_and_pump();
  EXPECT_EQ(calls_, 1u);
  EXPECT_EQ(bus_.stats().exceptions, 1u);
  EXPECT_EQ(thrower.stats().exceptions, 1u);
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(reports_[0].name, "the thrower");
  EXPECT_EQ(reports_[0].what, "bye");
}

TEST_F(CallbackGuardTest, AMiddlewareThatHasLeftIsStillReported) {
  Subscription thrower;
  thrower = bus_.use(kTokens,
                     [&](Event&, Emitter&) -> Verdict {
                       thrower.unsubscribe();
                       throw std::runtime_error("bye");
                     })
                .value();
  publish_and_pump();
  EXPECT_EQ(thrower.stats().exceptions, 1u);
  EXPECT_EQ(reports_.size(), 1u);
  EXPECT_EQ(bus_.stats().dispatched, 1u);
}

TEST_F(CallbackGuardTest, TheHandlerMayUseTheBus) {
  Subscription thrower;
  Subscription victim;
  Bus bus = manual_bus({.on_error = [&](const CallbackError&) {
    victim.unsubscribe();
    thrower.unsubscribe();
    EXPECT_EQ(bus_.publish(kToken, "report"), PublishResult::kAccepted);
  }});
  thrower = bus.subscribe(kTokens, [](const Event&) { throw 1; }).value();
  victim = bus.subscribe(kTokens, support::count_in(calls_)).value();
  ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(calls_, 0u);
  EXPECT_TRUE(bus.stats().subscriptions.empty());
  EXPECT_EQ(bus_.pump().events, 1u);
}

TEST_F(CallbackGuardTest, OfALateJoinerTheNextEventStillComes) {
  const std::function<void(const CallbackError&)> on_error = [this](const CallbackError& error) {
    reports_.push_back(
        {error.subscription_id, std::string(error.subscription_name), std::string(error.what)});
  };
  Bus bus = manual_bus({.replay_events = 2, .on_error = on_error});
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  }
  bus.pump();
  const auto fail = [](const Event&) { throw std::runtime_error("event"); };
  const auto late =
      bus.subscribe(
             kTokens, fail,
             {.name = "late", .replay = last(3), .on_notice = [](const Notice&) { throw 1; }})
          .value();
  bus.pump();
  ASSERT_EQ(reports_.size(), 3u);
  EXPECT_EQ(reports_[0].name, "late");
  EXPECT_EQ(reports_[0].what, "unknown exception") << "the notice comes first";
  EXPECT_EQ(reports_[2].what, "event");
  EXPECT_EQ(late.stats().exceptions, 3u);
  EXPECT_EQ(late.stats().delivered, 2u);
}

TEST_F(CallbackGuardTest, WithADispatcherThreadTheProcessLivesOn) {
  Bus bus = thread_bus();
  auto thrower = bus.subscribe(kTokens, [](const Event&) { throw 1; }).value();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(thrower.stats().exceptions, 100u);
}

}  // namespace
}  // namespace herald
