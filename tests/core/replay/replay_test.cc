// Subscribers that join late: where they begin, what they are told, and what others notice of it.
#include "herald/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "herald/herald.h"
#include "support/buses.h"
#include "support/late_join.h"

namespace herald {
namespace {

using support::expect_invalid;
using support::expect_refused;
using support::kAll;
using support::manual_bus;
using support::note_in;
using support::Sequences;
using support::up_to;
using testing::ElementsAre;
using testing::IsEmpty;
using Status = PumpResult::Status;

constexpr Filter kTokens{.types = kToken};

using ReplayTest = support::LateJoin;

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

}  // namespace
}  // namespace herald
