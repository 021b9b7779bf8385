// What PumpOptions::budget promises: it is overrun by at most one fan-out or one deadline, whatever
// middleware makes of an event, and something always moves on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "herald/herald.h"
#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::manual_bus;
using Status = PumpResult::Status;

constexpr Filter kTokens{.types = kToken};
constexpr std::size_t kEmitted = 5;

// A middleware that makes six numbered events of each one.
auto multiply(int& next) {
  return [&next](Event& event, Emitter& emitter) {
    for (std::size_t i = 0; i < kEmitted; ++i) {
      EXPECT_TRUE(emitter.emit_before(kToken, std::to_string(next++)));
    }
    EXPECT_TRUE(event.set_text(std::to_string(next++)));
    return Verdict::kPass;
  };
}

// Each call takes longer than the whole budget: a pump can make one and no second.
class PumpBudget : public testing::TestWithParam<bool> {
 protected:
  static constexpr std::chrono::nanoseconds kBudget = 100us;

  void SetUp() override { reset({}); }
  void reset(BusOptions options) {
    subscription_ = Subscription();
    options.latency = GetParam();
    bus_.emplace(manual_bus(std::move(options)));
    subscription_ = bus_->subscribe(kTokens,
                                    [this](const Event& event) {
                                      seen_.push_back(std::stoi(std::string(event.text())));
                                      support::work_for(kBudget);
                                    })
                        .value();
  }
  void publish(std::size_t events) {
    for (std::size_t i = 0; i < events; ++i) {
      ASSERT_EQ(bus_->publish(kToken, std::to_string(published_++)), PublishResult::kAccepted);
    }
  }
  // Pumps until nothing is left; each pump but the last makes exactly one call.
  void pump_one_by_one() {
    Status status = Status::kPartial;
    while (status == Status::kPartial) {
      const std::size_t before = seen_.size();
      status = bus_->pump({.budget = kBudget}).status;
      EXPECT_EQ(seen_.size(), before + 1);
      EXPECT_TRUE(bus_->stats().conserved());
    }
    EXPECT_EQ(status, Status::kDone);
  }
  void expect_seen(std::size_t count) {
    std::vector<int> expected(count);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(seen_, expected);
  }

  std::vector<int> seen_;
  int published_ = 0;
  std::optional<Bus> bus_;
  Subscription subscription_;
};

TEST_P(PumpBudget, EndsBetweenEvents) {
  publish(4);
  pump_one_by_one();
  expect_seen(4);
}

// Not a row of one type, and no simple type.
TEST_P(PumpBudget, EndsBetweenEventsOfOtherTypesAndOfStreams) {
  const auto info =
      bus_->subscribe({.types = kInfo}, [](const Event&) { support::work_for(kBudget); }).value();
  const auto of_stream = bus_->subscribe({.types = kMetrics, .stream = 1},
                                         [](const Event&) { support::work_for(kBudget); })
                             .value();
  constexpr std::size_t kRounds = 5;
  for (std::size_t i = 0; i < kRounds; ++i) {
    publish(1);
    ASSERT_EQ(bus_->publish(kInfo, "a"), PublishResult::kAccepted);
    ASSERT_EQ(bus_->publish(kMetrics, {}, {.stream = 1}), PublishResult::kAccepted);
    ASSERT_EQ(bus_->publish(kMetrics, {}, {.stream = 1}), PublishResult::kAccepted);
  }
  for (std::size_t pumped = 0; pumped < 4 * kRounds; ++pumped) {
    EXPECT_EQ(bus_->pump({.budget = kBudget}).events, 1u) << pumped;
  }
  expect_seen(kRounds);
}

TEST_P(PumpBudget, Of2msIsOverAfterSevenCallsOf300us) {
  std::size_t calls = 0;
  subscription_ = bus_->subscribe(kTokens,
                                  [&](const Event&) {
                                    ++calls;
                                    support::work_for(300us);
                                  })
                      .value();
  publish(20);
  Status status = Status::kPartial;
  while (status == Status::kPartial) {
    const std::size_t before = calls;
    status = bus_->pump({.budget = 2ms}).status;
    EXPECT_LE(calls - before, 7u);  // fewer if others take the processor
    EXPECT_GE(calls - before, 1u);
  }
  EXPECT_EQ(calls, 20u) << "none is starved";
}

TEST_P(PumpBudget, EndsBetweenTheEventsThatMiddlewareMadeOfOne) {
  int next = 0;
  const auto guard = bus_->use(kTokens, multiply(next)).value();
  publish(2);
  pump_one_by_one();
  expect_seen(2 * (kEmitted + 1));
  EXPECT_EQ(bus_->stats().emitted, 2 * kEmitted);
}

TEST_P(PumpBudget, WhatIsLeftOfOneEventIsQueued) {
  int next = 0;
  const auto guard = bus_->use(kTokens, multiply(next)).value();
  publish(1);
  EXPECT_EQ(bus_->pump({.budget = kBudget}).status, Status::kPartial);
  EXPECT_EQ(bus_->stats().queued, kEmitted);
  EXPECT_EQ(bus_->pump().status, Status::kDone);
  EXPECT_EQ(bus_->stats().queued, 0u);
  expect_seen(kEmitted + 1);
}

TEST_P(PumpBudget, ABatchSubscriberMissesNothingOfAPausedEvent) {
  int next = 0;
  const auto guard = bus_->use(kTokens, multiply(next)).value();
  std::vector<int> in_batches;
  const auto batches =
      bus_->subscribe_batch(kTokens,
                            [&](std::span<const Event> events) {
                              for (const Event& event : events) {
                                in_batches.push_back(std::stoi(std::string(event.text())));
                              }
                            })
          .value();
  publish(3);
  pump_one_by_one();
  expect_seen(3 * (kEmitted + 1));
  EXPECT_EQ(in_batches, seen_);
}

TEST_P(PumpBudget, EventsOfTheSameLaneWaitBehindAPausedOne) {
  int next = 0;
  auto guard = bus_->use(kTokens, multiply(next)).value();
  publish(1);
  bus_->pump({.budget = kBudget});
  guard.unsubscribe();  // the next event stays as it is
  published_ = static_cast<int>(kEmitted) + 1;
  publish(2);
  pump_one_by_one();
  expect_seen(kEmitted + 3);
}

TEST_P(PumpBudget, AFlushWaitsForWhatWasPaused) {
  int next = 0;
  const auto guard = bus_->use(kTokens, multiply(next)).value();
  publish(1);
  bus_->pump({.budget = kBudget});
  EXPECT_TRUE(bus_->flush(support::kLong).ok());
  expect_seen(kEmitted + 1);
}

TEST_P(PumpBudget, WhatWasPausedIsDiscardedWithTheBus) {
  reset({.drain_on_destroy = 0ns});
  int next = 0;
  const auto guard = bus_->use(kTokens, multiply(next)).value();
  publish(1);
  bus_->pump({.budget = kBudget});
  testing::internal::CaptureStderr();
  bus_.reset();  // asserts conservation
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("5 accepted events"));
}

TEST_P(PumpBudget, OfANanosecondStillMovesOn) {
  publish(3);
  for (int i = 0; i < 3; ++i) {
    bus_->pump({.budget = 1ns});
  }
  expect_seen(3);
}

TEST_P(PumpBudget, HoldsForEventsThatMiddlewareDrops) {
  std::size_t calls = 0;
  const auto guard = bus_->use(kTokens,
                               [&](Event&, Emitter&) {
                                 ++calls;
                                 support::work_for(kBudget);
                                 return Verdict::kDrop;
                               })
                         .value();
  publish(3);
  for (std::size_t pumps = 1; pumps <= 3; ++pumps) {
    bus_->pump({.budget = kBudget});
    EXPECT_EQ(calls, pumps);
  }
}

// Deadlines count too, and are not starved by events.
TEST_P(PumpBudget, EndsBetweenDeadlines) {
  struct Late {
    std::size_t* ran;
    Verdict operator()(Event&, Emitter& emitter) const {
      emitter.wake_at(std::chrono::steady_clock::now());
      return Verdict::kPass;
    }
    void on_deadline(Emitter&) const {
      ++*ran;
      support::work_for(kBudget);
    }
  };
  std::size_t ran = 0;
  const auto one = bus_->use(kTokens, Late{&ran}).value();
  const auto two = bus_->use(kTokens, Late{&ran}).value();
  publish(1);
  EXPECT_EQ(bus_->pump({.budget = kBudget}).status, Status::kPartial) << "the event took all of it";
  EXPECT_EQ(ran, 0u);
  EXPECT_EQ(bus_->pump({.budget = kBudget}).status, Status::kPartial);
  EXPECT_EQ(ran, 1u);
  EXPECT_EQ(bus_->pump({.budget = kBudget}).status, Status::kDone);
  EXPECT_EQ(ran, 2u);
}

// max_events counts events, and holds no deadline up.
TEST_P(PumpBudget, ADeadlineRunsWhileEventsAreInHand) {
  struct Late {
    std::size_t* ran;
    Verdict operator()(Event&, Emitter& emitter) const {
      emitter.wake_at(std::chrono::steady_clock::now());
      return Verdict::kPass;
    }
    void on_deadline(Emitter& emitter) const {
      ++*ran;
      EXPECT_TRUE(emitter.emit_before(kToken, "100"));
    }
  };
  std::size_t ran = 0;
  const auto late = bus_->use(kTokens, Late{&ran}).value();
  publish(3);
  for (std::size_t pumps = 1; pumps <= 3; ++pumps) {
    EXPECT_EQ(bus_->pump({.max_events = 1}).events, 1u);
    EXPECT_EQ(ran, pumps);
    EXPECT_TRUE(bus_->stats().conserved());
  }
  EXPECT_THAT(seen_, testing::ElementsAre(0, 100, 1, 100, 2, 100));
}

INSTANTIATE_TEST_SUITE_P(Latency, PumpBudget, testing::Bool(),
                         [](const auto& measured) { return measured.param ? "On" : "Off"; });

// Seen from inside a callback, an event is dispatched, and what is still to come of it is queued.
TEST(StatsInACallback, AddUp) {
  Bus bus = manual_bus();
  int next = 0;
  const auto guard = bus.use(kTokens, multiply(next)).value();
  std::size_t calls = 0;
  const auto subscription = bus.subscribe(kTokens,
                                          [&](const Event&) {
                                            ++calls;
                                            EXPECT_TRUE(bus.stats().conserved());
                                            EXPECT_EQ(bus.stats().dispatched, calls);
                                          })
                                .value();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(bus.publish(kToken, "x"), PublishResult::kAccepted);
  }
  bus.pump();
  EXPECT_EQ(calls, 3 * (kEmitted + 1));
}

}  // namespace
}  // namespace herald
