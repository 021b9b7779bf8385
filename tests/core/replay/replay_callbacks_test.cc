// Subscribers that join late: what their callbacks may do, and how a bus finds time for them.
#include "herald/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "herald/herald.h"
#include "support/buses.h"
#include "support/counting_resource.h"
#include "support/late_join.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::kAll;
using support::kLong;
using support::manual_bus;
using support::note_in;
using support::Sequences;
using support::thread_bus;
using support::up_to;
using testing::ElementsAre;
using testing::IsEmpty;
using Status = PumpResult::Status;

using ReplayCallbacks = support::LateJoin;

TEST_F(ReplayCallbacks, ACallbackMayRemoveItselfAndOtherJoiners) {
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

TEST_F(ReplayCallbacks, ANoticeMayRemoveItsSubscription) {
  dispatch(20);
  Subscription self;
  self = bus_.subscribe(kAll, note_in(seen_),
                        {.replay = from_sequence(1),
                         .on_notice = [&](const Notice&) { self.unsubscribe(); }})
             .value();
  dispatch(1);
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(ReplayCallbacks, UnsubscribedBeforeItsTurnIsGone) {
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

TEST_F(ReplayCallbacks, WhatACallbackPublishesComesLive) {
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

TEST_F(ReplayCallbacks, CommandsRunBetweenTwoReplayedEvents) {
  dispatch(2);
  const auto owned = std::make_shared<int>(1);
  Subscription other = bus_.subscribe(kAll, [owned](const Event&) {}).value();
  std::vector<std::int64_t> owners;
  const auto remove_other = [&](const Event&) {
    other.unsubscribe();
    owners.push_back(owned.use_count());
  };
  const Subscription late = bus_.subscribe(kAll, remove_other, {.replay = last(2)}).value();
  bus_.pump();
  EXPECT_THAT(owners, ElementsAre(2, 1)) << "its callback went between the two calls";
}

TEST_F(ReplayCallbacks, ACallbackMayCloseTheBus) {
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

TEST_F(ReplayCallbacks, APumpWithABudgetMovesOneOnAndLetsTheOthersLive) {
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

// What a middleware sent and could not be fanned out in time goes first in the next pump.
TEST_F(ReplayCallbacks, APumpWithABudgetMakesOneCallWhateverMiddlewareSends) {
  dispatch(4);
  const Subscription multiply = bus_.use(kAll,
                                         [](Event&, Emitter& emitter) {
                                           EXPECT_TRUE(emitter.emit_before(kToken, "one more"));
                                           return Verdict::kPass;
                                         })
                                    .value();
  const auto slow = [](Sequences& into) {
    return [&into](const Event& event) {
      into.push_back(event.sequence());
      support::work_for(1ms);
    };
  };
  Sequences live;
  const Subscription other = bus_.subscribe(kAll, slow(live)).value();
  const Subscription late = bus_.subscribe(kAll, slow(seen_), {.replay = last(4)}).value();
  publish(4);
  std::size_t pumps = 0;
  while (bus_.pump({.budget = 1ms}).status == Status::kPartial && live.size() < 8) {
    ASSERT_EQ(live.size() + seen_.size(), ++pumps);
  }
  EXPECT_GT(seen_.size(), 0U);
}

TEST_F(ReplayCallbacks, APumpServesThoseWhoHadComeBeforeIt) {
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

// Nothing but the joiner wakes it: from the second round on it is known to sleep.
TEST(Replay, AParkedDispatcherServesAJoiner) {
  constexpr std::size_t kEvents = 10'000;
  Bus bus = thread_bus({.wait = WaitStrategy::kPark, .replay_events = kEvents});
  for (std::size_t i = 0; i < kEvents; ++i) {
    ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  for (int round = 0; round < 5; ++round) {
    const std::uint64_t parks = bus.stats().parks;
    std::atomic<std::size_t> calls{0};
    const auto count = [&calls](const Event&) { calls.fetch_add(1, std::memory_order_relaxed); };
    const Subscription late = bus.subscribe(kAll, count, {.replay = last(kEvents)}).value();
    ASSERT_TRUE(
        support::eventually([&] { return calls.load(std::memory_order_relaxed) == kEvents; }));
    ASSERT_TRUE(support::eventually([&] { return round == 0 || bus.stats().parks > parks; }));
  }
}

// Numbers.

TEST_F(ReplayCallbacks, TheNumbersAddUp) {
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

TEST_F(ReplayCallbacks, TheBusLetsGoOfWhatItKept) {
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
