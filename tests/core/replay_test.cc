// Subscribers that join late: where they begin, what they are told, and what others notice of it.
#include "herald/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "herald/herald.h"
#include "support/buses.h"
#include "support/counting_resource.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::expect_invalid;
using support::expect_refused;
using support::kLong;
using support::manual_bus;
using support::thread_bus;
using testing::ElementsAre;
using testing::IsEmpty;
using Status = PumpResult::Status;
using Sequences = std::vector<std::uint64_t>;

constexpr Filter kAll{.types = TypeMask::all()};
constexpr Filter kTokens{.types = kToken};

auto note_in(Sequences& into) {
  return [&into](const Event& event) { into.push_back(event.sequence()); };
}
// Events as they are, gaps as 0, requested, oldest, newest.
auto note_gap_in(Sequences& into) {
  return [&into](const Notice& notice) {
    const Gap gap = std::get<Gap>(notice);
    into.insert(into.end(), {0, gap.requested, gap.oldest, gap.newest});
  };
}
Sequences up_to(std::uint64_t from, std::uint64_t to) {
  Sequences all;
  for (; from <= to; ++from) {
    all.push_back(from);
  }
  return all;
}

// A bus of the test's own thread that keeps events.
class ReplayTest : public testing::Test {
 protected:
  static constexpr std::size_t kRingEvents = 8;

  void publish(std::size_t events) {
    for (std::size_t i = 0; i < events; ++i) {
      ASSERT_EQ(bus_.publish(kToken, "text"), PublishResult::kAccepted);
    }
  }
  void dispatch(std::size_t events) {
    publish(events);
    bus_.pump();
  }
  Subscription join(Replay replay, Sequences& into, Filter filter = kAll) {
    return bus_.subscribe(filter, note_in(into), {.replay = replay, .on_notice = note_gap_in(into)})
        .value();
  }

  Bus bus_ = manual_bus({.replay_events = kRingEvents});
  Sequences seen_;
};

// Where they begin.

TEST_F(ReplayTest, LastGivesHistoryThenLive) {
  dispatch(5);
  const Subscription late = join(last(3), seen_);
  EXPECT_THAT(seen_, IsEmpty()) << "it takes a pump";
  bus_.pump();
  EXPECT_THAT(seen_, ElementsAre(3, 4, 5));
  dispatch(2);
  EXPECT_THAT(seen_, ElementsAre(3, 4, 5, 6, 7));
}

TEST_F(ReplayTest, LastOfMoreThanThereEverWereIsNoGap) {
  dispatch(5);
  const Subscription late = join(last(UINT64_MAX), seen_);
  dispatch(1);
  EXPECT_THAT(seen_, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(late.stats().gaps, 0U);
}

TEST_F(ReplayTest, LastOnAnEmptyBusIsAllThatComes) {
  const Subscription late = join(last(4), seen_);
  dispatch(2);
  EXPECT_THAT(seen_, ElementsAre(1, 2));
}

TEST_F(ReplayTest, LastCountsTheEventsOfTheBus) {
  dispatch(3);
  ASSERT_EQ(bus_.publish(kComplete, {}), PublishResult::kAccepted);
  bus_.pump();
  const Subscription late = join(last(2), seen_, kTokens);
  bus_.pump();
  EXPECT_THAT(seen_, ElementsAre(3));
}

TEST_F(ReplayTest, FromASequenceGoesOnWhereAnEarlierOneEnded) {
  dispatch(3);
  Subscription first = join(from_sequence(2), seen_);
  bus_.pump();
  first.unsubscribe();
  dispatch(2);
  const Subscription second = join(from_sequence(seen_.back() + 1), seen_);
  const Subscription next = join(from_sequence(6), seen_);
  dispatch(1);
  EXPECT_THAT(seen_, ElementsAre(2, 3, 4, 5, 6, 6));
}

TEST_F(ReplayTest, WhatHasLeftTheRingIsTold) {
  dispatch(20);
  const Subscription late = join(from_sequence(5), seen_);
  const Subscription last_ones = join(last(9), seen_);
  bus_.pump();
  Sequences expected{0, 5, 13, 20};
  const Sequences held = up_to(13, 20);
  expected.insert(expected.end(), held.begin(), held.end());
  expected.insert(expected.end(), {0, 12, 13, 20});
  expected.insert(expected.end(), held.begin(), held.end());
  EXPECT_EQ(seen_, expected);
  EXPECT_EQ(late.stats().gaps, 1U);
}

TEST_F(ReplayTest, AGapIsCountedWithoutOnNotice) {
  dispatch(20);
  const Subscription late =
      bus_.subscribe(kAll, note_in(seen_), {.replay = from_sequence(1)}).value();
  bus_.pump();
  EXPECT_EQ(seen_, up_to(13, 20));
  const SubscriptionStats stats = late.stats();
  EXPECT_EQ(stats.gaps, 1U);
  EXPECT_EQ(stats.replayed, 8U);
}

TEST_F(ReplayTest, AnEventTooLargeForTheRingIsAGapToWhoWantsIt) {
  bus_ = manual_bus({.replay_events = kRingEvents, .replay_bytes = 100});
  dispatch(1);
  ASSERT_EQ(bus_.publish(kToken, std::string(200, 'x')), PublishResult::kAccepted);
  dispatch(1);
  Sequences others;
  const Subscription late = join(last(9), seen_);
  const Subscription other = join(last(9), others, {.types = kComplete});
  bus_.pump();
  EXPECT_THAT(seen_, ElementsAre(1, 0, 2, 3, 3, 3));
  EXPECT_THAT(others, IsEmpty());
  EXPECT_EQ(late.stats().offered, 2U);
}

TEST_F(ReplayTest, LatestPerTypeComesInOrderHoweverOld) {
  ASSERT_EQ(bus_.publish(kError, {"code", "message", false}), PublishResult::kAccepted);
  ASSERT_EQ(bus_.publish(kToken, "first", {.stream = 1}), PublishResult::kAccepted);
  ASSERT_EQ(bus_.publish(kMetrics, {}), PublishResult::kAccepted);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(bus_.publish(kToken, "later", {.stream = 2}), PublishResult::kAccepted);
  }
  bus_.pump();
  Sequences tokens;
  Sequences first_stream;
  Sequences second_stream;
  const Subscription all = join(latest_per_type(), seen_);
  const Subscription some = join(latest_per_type(), tokens, kTokens);
  const Subscription none =
      join(latest_per_type(), first_stream, {.types = TypeMask::all(), .stream = 1});
  const Subscription one =
      join(latest_per_type(), second_stream, {.types = TypeMask::all(), .stream = 2});
  dispatch(1);
  EXPECT_THAT(seen_, ElementsAre(1, 3, 23, 24));
  EXPECT_THAT(tokens, ElementsAre(23, 24));
  EXPECT_THAT(first_stream, IsEmpty()) << "its token is not the latest";
  EXPECT_THAT(second_stream, ElementsAre(23));
  EXPECT_EQ(all.stats().gaps, 0U);
}

TEST_F(ReplayTest, OfAStreamOnlyThatStream) {
  for (StreamId stream = 0; stream < 6; ++stream) {
    ASSERT_EQ(bus_.publish(kToken, "text", {.stream = stream % 2}), PublishResult::kAccepted);
  }
  bus_.pump();
  const Subscription late = join(last(5), seen_, {.types = kToken, .stream = 1});
  bus_.pump();
  ASSERT_EQ(bus_.publish(kToken, "text", {.stream = 1}), PublishResult::kAccepted);
  dispatch(1);
  EXPECT_THAT(seen_, ElementsAre(2, 4, 6, 7));
}

TEST_F(ReplayTest, ShowsWhatMiddlewareMadeOfIt) {
  const Subscription guard = bus_.use(kTokens,
                                      [](Event& event, Emitter& emitter) {
                                        if (event.text() == "secret") {
                                          return Verdict::kDrop;
                                        }
                                        EXPECT_TRUE(emitter.emit_after(kToken, "more"));
                                        EXPECT_TRUE(event.set_text("changed"));
                                        return Verdict::kPass;
                                      })
                                 .value();
  for (const char* text : {"plain", "secret", "plain"}) {
    ASSERT_EQ(bus_.publish(kToken, text), PublishResult::kAccepted);
  }
  bus_.pump();
  support::Texts texts;
  const Subscription late =
      bus_.subscribe(kTokens, support::collect(texts), {.replay = last(9)}).value();
  bus_.pump();
  EXPECT_THAT(texts, ElementsAre("changed", "more", "changed", "more"));
}

TEST_F(ReplayTest, TypedAndBatchSubscribersJoinToo) {
  struct Step {
    int number = 0;
  };
  const EventType<Step> type = bus_.define<Step>("step").value();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(bus_.publish(type, {.number = i}), PublishResult::kAccepted);
  }
  bus_.pump();
  std::vector<int> numbers;
  std::vector<std::size_t> spans;
  Sequences batched;
  const auto each = [&](const Step& step, const Event&) { numbers.push_back(step.number); };
  const auto batch = [&](std::span<const Event> events) {
    spans.push_back(events.size());
    for (const Event& event : events) {
      batched.push_back(event.sequence());
    }
  };
  const Subscription typed = bus_.subscribe(type, each, {.replay = last(2)}).value();
  const Subscription by_batch = bus_.subscribe_batch(kAll, batch, {.replay = last(2)}).value();
  bus_.pump();
  for (int i = 4; i <= 6; ++i) {
    ASSERT_EQ(bus_.publish(type, {.number = i}), PublishResult::kAccepted);
  }
  bus_.pump();
  EXPECT_THAT(numbers, ElementsAre(2, 3, 4, 5, 6));
  EXPECT_THAT(batched, ElementsAre(2, 3, 4, 5, 6));
  EXPECT_THAT(spans, ElementsAre(1, 1, 3));
}

// Refusals.

TEST_F(ReplayTest, WhatCannotBeReplayedIsRefused) {
  dispatch(10);
  const auto refusal = [this](Replay replay) {
    return bus_.subscribe(kAll, note_in(seen_), {.replay = replay}).status();
  };
  expect_invalid(refusal(from_sequence(12)),
                 {"subscribe", "replay", "from_sequence(12)", "1 to 11"});
  expect_invalid(refusal(from_sequence(0)), {"from_sequence(0)", "1 to 11"});
  expect_invalid(refusal(from_sequence(UINT64_MAX)), {"from_sequence(18446744073709551615)"});
  expect_invalid(refusal(last(0)), {"replay", "last(0)", "1 or more"});
  expect_invalid(refusal({static_cast<Replay::From>(4), 1}), {"replay", "is 4", "replay.h"});
  EXPECT_TRUE(bus_.stats().subscriptions.empty());
  dispatch(1);
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(ReplayTest, ABusWithoutARingRefuses) {
  bus_ = manual_bus();
  for (const Replay replay : {last(1), from_sequence(1), latest_per_type()}) {
    expect_invalid(bus_.subscribe(kAll, note_in(seen_), {.replay = replay}).status(),
                   {"replay", "BusOptions::replay_events is 0", "a bus that keeps events"});
  }
}

TEST_F(ReplayTest, AClosedBusRefuses) {
  dispatch(1);
  bus_.close();
  expect_refused(bus_.subscribe(kAll, note_in(seen_), {.replay = last(1)}).status(),
                 absl::StatusCode::kFailedPrecondition, {"closed"});
}

// The hand-over.

// Every kind of subscriber joins in the middle of a batch, from a callback at each of its events.
class MidBatch : public testing::TestWithParam<bool> {};

TEST_P(MidBatch, JoinersMissNothingAndSeeNothingTwice) {
  constexpr std::uint64_t kEvents = 12;
  Bus bus = manual_bus({.replay_events = 100});
  Subscription pass;
  if (GetParam()) {
    pass = bus.use({.types = kToken},
                   [](Event&, Emitter& emitter) {
                     return emitter.emit_before(kInfo, "before") ? Verdict::kPass : Verdict::kDrop;
                   })
               .value();
  }
  std::vector<Sequences> seen(3 * 4 * kEvents);
  std::vector<Subscription> joiners;
  std::vector<std::uint64_t> starts;
  const auto join = [&](Replay replay, std::uint64_t start) {
    Sequences& into = seen[joiners.size()];
    starts.push_back(start);
    joiners.push_back(bus.subscribe(kAll, note_in(into), {.replay = replay}).value());
    Sequences& batched = seen[joiners.size()];
    starts.push_back(start);
    joiners.push_back(bus.subscribe_batch(kAll,
                                          [&batched](std::span<const Event> events) {
                                            for (const Event& event : events) {
                                              batched.push_back(event.sequence());
                                            }
                                          },
                                          {.replay = replay})
                          .value());
  };
  const Subscription first = bus.subscribe(kTokens,
                                           [&](const Event& event) {
                                             if (event.sequence() <= kEvents) {
                                               const std::uint64_t now = event.sequence();
                                               join(from_sequence(now + 1), now + 1);
                                               join(last(2), now < 2 ? 1 : now - 1);
                                             }
                                           })
                                 .value();
  const Subscription awaiting = bus.subscribe_batch(kAll, [](std::span<const Event>) {}).value();
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    ASSERT_EQ(bus.publish(kInfo, "text"), PublishResult::kAccepted);
    ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  }
  bus.pump();
  bus.pump();  // for those who joined in the first
  const std::uint64_t newest = bus.stats().dispatched;
  EXPECT_GE(joiners.size(), 16U);
  for (std::size_t i = 0; i < joiners.size(); ++i) {
    EXPECT_EQ(seen[i], up_to(starts[i], newest)) << i;
  }
  EXPECT_TRUE(bus.stats().conserved());
}
INSTANTIATE_TEST_SUITE_P(Replay, MidBatch, testing::Bool(), [](const auto& middleware) {
  return middleware.param ? "Middleware" : "Plain";
});

// What was published after subscribe() has returned comes once, also if it is of a type whose
// latest event the joiner gets.
TEST_F(ReplayTest, LatestPerTypeIsOfTheMomentOfTheJoin) {
  const Subscription first = bus_.subscribe(kTokens,
                                            [&](const Event& event) {
                                              if (event.sequence() == 2) {
                                                static Subscription late;
                                                late = join(latest_per_type(), seen_);
                                                bus_.publish(kInfo, "after");
                                              } else if (event.sequence() == 100) {
                                                ADD_FAILURE();
                                              }
                                            })
                                 .value();
  dispatch(4);
  EXPECT_THAT(seen_, ElementsAre(2, 3, 4)) << "the token of then, and each that came later";
  bus_.pump();
  EXPECT_THAT(seen_, ElementsAre(2, 3, 4, 5));
}

TEST_F(ReplayTest, WhoIsLiveIsNotHeldUp) {
  bus_ = manual_bus({.replay_events = 10'000});
  dispatch(10'000);
  Sequences live;
  const Subscription other = bus_.subscribe(kAll, note_in(live)).value();
  const Subscription late = join(last(9'000), seen_);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    publish(1);
    EXPECT_EQ(bus_.pump({.max_events = 1}).status, Status::kPartial);
    EXPECT_EQ(live.size(), i);
    EXPECT_LE(seen_.size(), i * 300);
    EXPECT_GE(seen_.size(), i * 10);
  }
  EXPECT_EQ(bus_.pump().status, Status::kDone);
  EXPECT_EQ(seen_, up_to(1'001, 10'005));
}

TEST_F(ReplayTest, StandsWhereItGoesLive) {
  dispatch(1);
  support::Texts calls;
  const auto say = [&calls](const char* name) {
    return [&calls, name](const Event&) { calls.emplace_back(name); };
  };
  const Subscription late = bus_.subscribe(kAll, say("late"), {.replay = last(1)}).value();
  const Subscription other = bus_.subscribe(kAll, say("other")).value();
  bus_.pump();
  dispatch(1);
  EXPECT_THAT(calls, ElementsAre("late", "other", "late"));
}

// Callbacks.

TEST_F(ReplayTest, WhatItThrowsIsContainedAndCounted) {
#if defined(__cpp_exceptions)
  std::vector<std::string> errors;
  bus_ = manual_bus(
      {.replay_events = kRingEvents, .on_error = [&errors](const CallbackError& error) {
         errors.push_back(std::string(error.subscription_name) + ": " + std::string(error.what));
       }});
  dispatch(10);
  const auto fail = [this](const Event& event) {
    seen_.push_back(event.sequence());
    throw std::runtime_error("event");
  };
  const Subscription late =
      bus_.subscribe(
              kAll, fail,
              {.name = "late", .replay = last(9), .on_notice = [](const Notice&) { throw 1; }})
          .value();
  bus_.pump();
  EXPECT_EQ(seen_, up_to(3, 10));
  ASSERT_EQ(errors.size(), 9U);
  EXPECT_EQ(errors[0], "late: unknown exception");
  EXPECT_EQ(errors[8], "late: event");
  EXPECT_EQ(late.stats().exceptions, 9U);
  EXPECT_EQ(late.stats().delivered, 8U);
#endif
}

TEST_F(ReplayTest, ACallbackMayRemoveItselfAndOtherJoiners) {
  dispatch(5);
  Subscription self;
  Subscription other;
  Sequences others;
  self = bus_.subscribe(kAll,
                        [&](const Event& event) {
                          seen_.push_back(event.sequence());
                          if (event.sequence() == 3) {
                            other.unsubscribe();
                            self.unsubscribe();
                          }
                        },
                        {.replay = last(5)})
             .value();
  other = join(last(5), others);
  Sequences rest;
  const Subscription third = join(last(5), rest);
  dispatch(2);
  EXPECT_EQ(seen_, up_to(1, 3));
  EXPECT_THAT(others, IsEmpty());
  EXPECT_EQ(rest, up_to(1, 7));
  EXPECT_EQ(self.stats().delivered, 3U);
  EXPECT_EQ(bus_.stats().deliveries, 10U);
}

TEST_F(ReplayTest, ANoticeMayRemoveItsSubscription) {
  dispatch(20);
  Subscription self;
  self = bus_.subscribe(kAll, note_in(seen_),
                        {.replay = from_sequence(1),
                         .on_notice = [&](const Notice&) { self.unsubscribe(); }})
             .value();
  dispatch(1);
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(ReplayTest, UnsubscribedBeforeItsTurnIsGone) {
  dispatch(5);
  const auto owned = std::make_shared<int>(1);
  Subscription late = bus_.subscribe(kAll, [owned, this](const Event&) { seen_.push_back(0); },
                                     {.replay = last(5), .on_notice = [owned](const Notice&) {}})
                          .value();
  EXPECT_EQ(owned.use_count(), 3);
  late.unsubscribe();
  EXPECT_EQ(owned.use_count(), 1) << "what the callbacks captured is free";
  dispatch(1);
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(ReplayTest, WhatACallbackPublishesComesLive) {
  dispatch(2);
  const Subscription late = bus_.subscribe(kAll,
                                           [&](const Event& event) {
                                             seen_.push_back(event.sequence());
                                             if (event.sequence() <= 2) {
                                               bus_.publish(kToken, "more");
                                             }
                                           },
                                           {.replay = last(2)})
                                .value();
  bus_.pump();
  EXPECT_THAT(seen_, ElementsAre(1, 2));
  bus_.pump();
  EXPECT_THAT(seen_, ElementsAre(1, 2, 3, 4));
}

TEST_F(ReplayTest, ACallbackMayCloseTheBus) {
  dispatch(3);
  const Subscription late = bus_.subscribe(kAll,
                                           [&](const Event& event) {
                                             seen_.push_back(event.sequence());
                                             bus_.close();
                                           },
                                           {.replay = last(3)})
                                .value();
  publish(1);
  const DrainReport report = bus_.drain(kLong).value();
  EXPECT_TRUE(report.complete);
  EXPECT_THAT(seen_, ElementsAre(1, 2, 3, 4));
}

// Pumps, flushes, sleeps.

TEST_F(ReplayTest, APumpWithABudgetMovesOneOnAndLetsTheOthersLive) {
  dispatch(kRingEvents);
  const auto slow = [this](const Event& event) {
    seen_.push_back(event.sequence());
    support::work_for(1ms);
  };
  Sequences live;
  const Subscription other = bus_.subscribe(kAll,
                                            [&live](const Event& event) {
                                              live.push_back(event.sequence());
                                              support::work_for(1ms);
                                            })
                                 .value();
  const Subscription late = bus_.subscribe(kAll, slow, {.replay = last(4)}).value();
  EXPECT_TRUE(bus_.wait(0ns)) << "a joiner is something to pump";
  publish(kRingEvents);
  std::size_t pumps = 0;
  for (; bus_.pump({.budget = 1ms}).status == Status::kPartial; ++pumps) {
    ASSERT_EQ(live.size() + seen_.size(), pumps + 1) << "one call a pump";
    ASSERT_LE(live.size(), seen_.size() + 1) << "in turn";
    ASSERT_TRUE(live.size() == kRingEvents || seen_.size() <= live.size() + 1) << "in turn";
  }
  EXPECT_EQ(late.stats().gaps, 0U);
  while (bus_.pump().status != Status::kDone) {
  }
  EXPECT_EQ(seen_, up_to(kRingEvents - 3, 2 * kRingEvents));
  EXPECT_EQ(live, up_to(kRingEvents + 1, 2 * kRingEvents));
}

TEST_F(ReplayTest, APumpServesThoseWhoHadComeBeforeIt) {
  dispatch(1);
  std::vector<Subscription> chain;
  chain.reserve(1'000);
  std::function<void(const Event&)> join_another = [&](const Event&) {
    seen_.push_back(chain.size());
    chain.push_back(bus_.subscribe(kAll, join_another, {.replay = last(1)}).value());
  };
  chain.push_back(bus_.subscribe(kAll, join_another, {.replay = last(1)}).value());
  EXPECT_EQ(bus_.pump().status, Status::kDone);
  EXPECT_GE(seen_.size(), 1U);
  EXPECT_LT(seen_.size(), 1'000U) << "joiners of joiners wait for another pump, in the end";
  join_another = [](const Event&) {};
  chain.clear();
}

class ReplayFlush : public testing::TestWithParam<DispatchMode> {};
INSTANTIATE_TEST_SUITE_P(Replay, ReplayFlush,
                         testing::Values(DispatchMode::kThread, DispatchMode::kManual),
                         [](const auto& mode) {
                           return mode.param == DispatchMode::kThread ? "Thread" : "Manual";
                         });

TEST_P(ReplayFlush, WaitsForTheJoinersBeforeIt) {
  constexpr std::size_t kEvents = 5'000;
  Bus bus = thread_bus({.dispatch = GetParam(), .replay_events = kEvents});
  for (std::size_t i = 0; i < kEvents; ++i) {
    while (bus.publish(kToken, "text") != PublishResult::kAccepted) {
    }
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  for (int round = 0; round < 20; ++round) {
    std::atomic<std::size_t> calls{0};
    const Subscription late =
        bus.subscribe(kAll,
                      [&calls](const Event&) { calls.fetch_add(1, std::memory_order_relaxed); },
                      {.replay = last(kEvents)})
            .value();
    ASSERT_TRUE(bus.flush(kLong).ok());
    ASSERT_EQ(calls.load(std::memory_order_relaxed), kEvents);
  }
}

// Nothing but the joiner wakes it: after the first one it is known to sleep.
TEST(Replay, AParkedDispatcherServesAJoiner) {
  for (const WaitStrategy wait : {WaitStrategy::kPark, WaitStrategy::kAdaptive}) {
    Bus bus = thread_bus({.wait = wait, .spin = 0ns, .replay_events = 10'000});
    for (int i = 0; i < 10'000; ++i) {
      ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
    }
    ASSERT_TRUE(bus.flush(kLong).ok());
    for (int round = 0; round < 20; ++round) {
      const std::uint64_t parks = bus.stats().parks;
      std::atomic<std::size_t> calls{0};
      const Subscription late =
          bus.subscribe(kAll,
                        [&calls](const Event&) { calls.fetch_add(1, std::memory_order_relaxed); },
                        {.replay = last(10'000)})
              .value();
      ASSERT_TRUE(support::eventually([&] { return calls.load() == 10'000; }));
      ASSERT_TRUE(support::eventually([&] { return round == 0 || bus.stats().parks > parks; }));
    }
  }
}

// Numbers.

TEST_F(ReplayTest, TheNumbersAddUp) {
  dispatch(3);
  Sequences live;
  const Subscription other = bus_.subscribe(kAll, note_in(live), {.name = "other"}).value();
  const Subscription late =
      bus_.subscribe(kAll, note_in(seen_), {.name = "late", .replay = last(2)}).value();
  BusStats stats = bus_.stats();
  ASSERT_EQ(stats.subscriptions.size(), 2U) << "one who waits is active, too";
  EXPECT_EQ(stats.subscriptions[1].name, "late");
  EXPECT_EQ(stats.subscriptions[1].offered, 0U);
  bus_.pump();
  dispatch(4);
  stats = bus_.stats();
  ASSERT_EQ(stats.subscriptions.size(), 2U);
  EXPECT_EQ(stats.subscriptions[0].replayed, 0U);
  EXPECT_EQ(stats.subscriptions[1].offered, 6U);
  EXPECT_EQ(stats.subscriptions[1].delivered, 6U);
  EXPECT_EQ(stats.subscriptions[1].replayed, 2U);
  EXPECT_EQ(late.stats().replayed, 2U);
  EXPECT_EQ(stats.deliveries, 10U);
  EXPECT_EQ(stats.dispatched, 7U);
  EXPECT_EQ(stats.replay_events, 7U);
  EXPECT_EQ(stats.replay_bytes, (kRingEvents + 64) * sizeof(Event));
  EXPECT_TRUE(stats.conserved());
  EXPECT_EQ(bus_.latency().all.delivery.count(), 7U) << "a replay has no latency";
}

TEST_F(ReplayTest, TheBusLetsGoOfWhatItKept) {
  support::CountingResource resource;
  bus_ = manual_bus({.replay_events = kRingEvents, .payload_resource = &resource});
  const std::string text(100, 'x');
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(bus_.publish(kToken, text), PublishResult::kAccepted);
  }
  bus_.pump();
  EXPECT_EQ(resource.live(), 3);
  EXPECT_EQ(bus_.stats().replay_bytes,
            (kRingEvents + 64) * sizeof(Event) + 4 * (sizeof(detail::Block) + text.size()));
  const Subscription waiting = join(latest_per_type(), seen_);
  bus_ = Bus();
  EXPECT_EQ(resource.live(), 0) << "though a handle is left";
}

TEST(Replay, OffCostsNoMemory) {
  const BusStats stats = manual_bus().stats();
  EXPECT_EQ(stats.replay_bytes, 0U);
  EXPECT_EQ(stats.replay_events, 0U);
}

}  // namespace
}  // namespace herald
