// Bus::latency: which times are in it, and from when to when they run.
#include "core/latency/latency_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::thread_bus;
using support::work_for;

constexpr Filter kTokens{.types = kToken};

std::vector<std::string> type_names(const LatencyReport& report) {
  std::vector<std::string> names;
  for (const LatencyRow& row : report.types) {
    names.push_back(row.type);
  }
  return names;
}

TEST(Latency, OfANewBusIsEmpty) {
  const Bus bus = manual_bus({.slo = 2ms});
  const LatencyReport report = bus.latency();
  EXPECT_EQ(report.all.type, "all");
  EXPECT_TRUE(report.all.wait.empty() && report.all.delivery.empty());
  EXPECT_TRUE(report.types.empty());
  EXPECT_EQ(report.slo, 2ms);
  EXPECT_FALSE(report.within_slo()) << "nothing is proven by nothing";
}

TEST(Latency, HasOneSampleOfEachForEveryDispatchedEvent) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  auto single = bus.subscribe(kTokens, [](const Event&) {}).value();
  auto batch = bus.subscribe_batch(kTokens, [](std::span<const Event>) {}).value();
  auto guard = bus.use({.types = kToken | kInfo},
                       [n = 0](Event&, Emitter& emitter) mutable {
                         if (++n % 2 == 0) {
                           EXPECT_TRUE(emitter.emit_after(kMetrics, {}));
                         }
                         return n % 3 == 0 ? Verdict::kDrop : Verdict::kPass;
                       })
                   .value();
  for (int i = 0; i < 100; ++i) {
    publish_tokens(publisher, {"a"});
    ASSERT_EQ(publisher.publish(kInfo, "b"), PublishResult::kAccepted);
    ASSERT_EQ(publisher.publish(kComplete, {}), PublishResult::kAccepted);
    bus.pump({.max_events = 2});
  }
  bus.pump();
  const LatencyReport report = bus.latency();
  EXPECT_EQ(report.all.wait.count(), bus.stats().dispatched);
  EXPECT_EQ(report.all.delivery.count(), bus.stats().dispatched);
  EXPECT_THAT(type_names(report), testing::ElementsAre("token", "complete", "info", "metrics"));
  std::uint64_t sum = 0;
  for (const LatencyRow& row : report.types) {
    EXPECT_EQ(row.wait.count(), row.delivery.count()) << row.type;
    sum += row.wait.count();
  }
  EXPECT_EQ(sum, report.all.wait.count());
}

TEST(Latency, RunsToTheReturnOfTheLastSubscriber) {
  Bus bus = manual_bus();
  auto first = bus.subscribe(kTokens, [](const Event&) { work_for(2ms); }).value();
  auto last =
      bus.subscribe({.types = kToken, .stream = 0}, [](const Event&) { work_for(2ms); }).value();
  auto batch = bus.subscribe_batch(kTokens, [](std::span<const Event>) { work_for(2ms); }).value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  bus.pump();
  const LatencyReport report = bus.latency();
  EXPECT_GE(report.all.delivery.min(), 6ms);
  EXPECT_LE(report.all.wait.max() + 6ms, report.all.delivery.max());
}

TEST(Latency, WaitRunsToTheStartOfTheFanOut) {
  Bus bus = manual_bus();
  auto slow = bus.subscribe(kTokens, [](const Event&) { work_for(3ms); }).value();
  Publisher publisher = make_publisher(bus);
  publish_tokens(publisher, {"a", "b"});
  work_for(3ms);
  bus.pump();
  const LatencyReport report = bus.latency();
  EXPECT_GE(report.all.wait.min(), 3ms) << "time in the lane";
  EXPECT_GE(report.all.wait.max(), 6ms) << "and behind the event before";
}

TEST(Latency, WaitCountsTimeBetweenPumps) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  publish_tokens(publisher, {"a", "b"});
  bus.pump({.max_events = 1});
  work_for(5ms);
  bus.pump({.max_events = 1});
  EXPECT_GE(bus.latency().all.wait.max(), 5ms);
}

TEST(Latency, WaitCountsTheTimeOfMiddleware) {
  Bus bus = manual_bus();
  auto slow = bus.use(kTokens,
                      [](Event&, Emitter&) {
                        work_for(5ms);
                        return Verdict::kPass;
                      })
                  .value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  bus.pump();
  EXPECT_GE(bus.latency().all.wait.max(), 5ms);
}

TEST(Latency, CountsFromWhenTheEventWasDue) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  const auto due = steady_clock::now() - 10min;
  ASSERT_EQ(publisher.publish(kToken, "a", {.at = due}), PublishResult::kAccepted);
  ASSERT_EQ(publisher.publish(kInfo, "b"), PublishResult::kAccepted);
  bus.pump();
  const LatencyReport report = bus.latency();
  ASSERT_EQ(report.types.size(), 2u);
  EXPECT_GE(report.types[0].wait.min(), 599s);
  EXPECT_LE(report.types[0].wait.min(), 1h);
  EXPECT_LT(report.types[1].delivery.max(), 599s);
}

TEST(Latency, OfAnEventDueInTheFutureIsClampedAndCounted) {
  Bus bus = manual_bus();
  ASSERT_EQ(bus.publish(kToken, "a", {.at = steady_clock::now() + 1h}), PublishResult::kAccepted);
  bus.pump();
  const LatencyReport report = bus.latency();
  EXPECT_EQ(report.all.wait.count(), 1u);
  EXPECT_EQ(report.all.wait.max(), 0ns);
  EXPECT_EQ(report.all.delivery.max(), 0ns);
  EXPECT_EQ(report.all.wait.count_negative(), 1u);
  EXPECT_GE(bus.stats().negative_latencies, 1u);
}

TEST(Latency, OfDueTimesFarAwayIsClamped) {
  Bus bus = manual_bus();
  for (const auto due : {steady_clock::time_point::max(), steady_clock::time_point::min()}) {
    ASSERT_EQ(bus.publish(kToken, "a", {.at = due}), PublishResult::kAccepted);
  }
  bus.pump();
  const LatencyHistogram wait = bus.latency().all.wait;
  EXPECT_EQ(wait.min(), 0ns);
  EXPECT_EQ(wait.count_negative(), 1u);
  EXPECT_EQ(wait.count_saturated(), 1u);
}

TEST(Latency, OfEmittedEventsIsNotNegative) {
  Bus bus = manual_bus();
  auto guard = bus.use(kTokens,
                       [](Event&, Emitter& emitter) {
                         EXPECT_TRUE(emitter.emit_before(kInfo, "before"));
                         EXPECT_TRUE(emitter.emit_after(kInfo, "after"));
                         return Verdict::kPass;
                       })
                   .value();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  }
  bus.pump();
  EXPECT_EQ(bus.stats().dispatched, 300u);
  EXPECT_EQ(bus.stats().negative_latencies, 0u);
}

TEST(Latency, OfAResumedEventCountsFromItsOwnPublish) {
  Bus bus = manual_bus();
  auto guard = bus.use(kTokens,
                       [held = std::vector<Event>()](Event& event, Emitter& emitter) mutable {
                         if (held.empty()) {
                           held.push_back(std::move(event));
                           return Verdict::kHold;
                         }
                         EXPECT_TRUE(emitter.resume(std::move(held.back())));
                         return Verdict::kDrop;
                       })
                   .value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  bus.pump();
  work_for(5ms);
  ASSERT_EQ(bus.publish(kToken, "b"), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(bus.latency().all.wait.count(), 1u);
  EXPECT_GE(bus.latency().all.wait.min(), 5ms);
}

// An event from a bus that does not measure has no time of its own; the uptime of the machine is
// none.
TEST(Latency, OfAnEventWithoutATimeIsNotMadeUp) {
  Bus unmeasured = manual_bus({.latency = false});
  Event kept;
  auto keeper = unmeasured.subscribe(kTokens, [&](const Event& event) { kept = event; }).value();
  ASSERT_EQ(unmeasured.publish(kToken, "a"), PublishResult::kAccepted);
  unmeasured.pump();
  Bus bus = manual_bus();
  auto guard = bus.use(kTokens,
                       [&](Event& event, Emitter&) {
                         event = kept;
                         return Verdict::kPass;
                       })
                   .value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(bus.stats().dispatched, 1u);
  EXPECT_LT(bus.latency().all.delivery.max(), 1min);
}

// A batch of tokens, of which each is worked on for a while, and their true latencies.
struct BackToBack {
  static constexpr int kEvents = 200;  // more than one row
  std::chrono::nanoseconds true_min = 1h;
  std::chrono::nanoseconds true_max{0};
  std::chrono::nanoseconds true_sum{0};

  // The first event holds the bus up until all are in its lane.
  template <typename Deliver>
  LatencyRow run(Bus& bus, Deliver deliver) {
    std::atomic<bool> all_in = false;
    auto starter = bus.subscribe(
        {.types = kInfo}, [&](const Event&) { all_in.wait(false, std::memory_order_acquire); });
    auto worker = bus.subscribe(kTokens, [this](const Event& event) {
      work_for(1us);
      const std::chrono::nanoseconds latency = steady_clock::now() - event.publish_time();
      true_min = std::min(true_min, latency);
      true_max = std::max(true_max, latency);
      true_sum += latency;
    });
    Publisher publisher = make_publisher(bus);
    EXPECT_EQ(bus.publish(kInfo, "go"), PublishResult::kAccepted);
    for (int i = 0; i < kEvents; ++i) {
      publish_tokens(publisher, {"a"});
    }
    all_in.store(true, std::memory_order_release);
    all_in.notify_all();
    deliver();
    const LatencyReport report = bus.latency();
    EXPECT_EQ(report.types.at(0).type, "token");
    return report.types.at(0);
  }
  // No figure is better than the truth, but for the error of a bucket and of the clocks.
  void expect_no_shorter(const LatencyHistogram& measured) const {
    EXPECT_EQ(measured.count(), std::uint64_t{kEvents});
    EXPECT_GE(measured.min() + 1us, true_min);
    EXPECT_GE(measured.max() + 1us, true_max);
    EXPECT_GE(measured.mean_ns() + 1'000, static_cast<double>(true_sum.count()) / kEvents);
  }
};

TEST(Latency, OfEventsThatShareAReadOfTheClockErrsTowardsLonger) {
  Bus bus = thread_bus();
  BackToBack events;
  const LatencyRow row = events.run(bus, [&] { EXPECT_TRUE(bus.flush(kLong).ok()); });
  events.expect_no_shorter(row.delivery);
  EXPECT_GE(row.wait.max(), row.delivery.max()) << "the last of them share no read";
}

TEST(Latency, InManualModeEachEventHasAReadOfTheClockOfItsOwn) {
  Bus bus = manual_bus();
  BackToBack events;
  const LatencyRow row = events.run(bus, [&] { bus.pump(); });
  events.expect_no_shorter(row.delivery);
  EXPECT_LT(row.wait.max(), row.delivery.max());
}

TEST(Latency, OffMeansNoSamples) {
  Bus bus = manual_bus({.latency = false});
  auto guard = bus.use(kTokens,
                       [](Event&, Emitter& emitter) {
                         EXPECT_TRUE(emitter.emit_after(kInfo, "b"));
                         return Verdict::kPass;
                       })
                   .value();
  ASSERT_EQ(bus.publish(kToken, "a", {.at = steady_clock::now()}), PublishResult::kAccepted);
  EXPECT_EQ(bus.pump().events, 1u);
  EXPECT_EQ(bus.stats().dispatched, 2u);
  EXPECT_TRUE(bus.latency().all.wait.empty());
  EXPECT_TRUE(bus.latency().all.delivery.empty());
  EXPECT_TRUE(bus.latency().types.empty());
}

// The objective.

TEST(Latency, CountsExactlyWhatIsOverTheObjective) {
  Bus bus = manual_bus({.slo = 1min});
  for (int i = 0; i < 100; ++i) {
    const auto age = i < 2 ? steady_clock::duration(2min) : steady_clock::duration(0);
    ASSERT_EQ(bus.publish(kToken, "a", {.at = steady_clock::now() - age}),
              PublishResult::kAccepted);
  }
  bus.pump();
  const LatencyReport report = bus.latency();
  EXPECT_EQ(report.slo, 1min);
  EXPECT_EQ(report.all.delivery.count_over_slo(), 2u);
  EXPECT_FALSE(report.within_slo()) << "98 % are";
}

TEST(Latency, IsWithinTheObjectiveIf99PercentAre) {
  Bus bus = manual_bus({.slo = 1min});
  for (int i = 0; i < 100; ++i) {
    const auto age = i < 1 ? steady_clock::duration(2min) : steady_clock::duration(0);
    ASSERT_EQ(bus.publish(kToken, "a", {.at = steady_clock::now() - age}),
              PublishResult::kAccepted);
  }
  bus.pump();
  EXPECT_TRUE(bus.latency().within_slo());
}

TEST(Latency, WithoutAnObjectiveAnythingIsWithin) {
  Bus bus = manual_bus({.slo = LatencyHistogram::kNoSlo});
  ASSERT_EQ(bus.publish(kToken, "a", {.at = steady_clock::now() - 10h}), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(bus.latency().all.delivery.count_over_slo(), 0u);
  EXPECT_TRUE(bus.latency().within_slo());
}

}  // namespace
}  // namespace herald
