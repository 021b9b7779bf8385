// The proof proves something: every fault that a bus could have is found. The faults are made by
// middleware in a real bus, between the publishers and the subscribers of a workload.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "herald/bus.h"
#include "tools/herald/delivery_check.h"
#include "tools/herald/sample_log.h"
#include "tools/herald/schedule.h"
#include "tools/herald/stalled_time.h"
#include "tools/herald/topology.h"
#include "tools/herald/verdict.h"
#include "tools/herald/workload.h"

namespace herald::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kEvents = 200;  // of each publisher

/// A workload on a bus that the test pumps. Bus::use with a fault, then run.
class Rig {
 public:
  explicit Rig(const WorkloadSize& size)
      : workload_(size),
        schedule_(1e6, size.publishers),
        samples_(10'000, 10'000),
        check_(workload_, schedule_, samples_),
        bus_(Bus::create({.dispatch = DispatchMode::kManual}).value()),
        topology_(build_topology(bus_, workload_, check_, 0ns).value()) {
    schedule_.begin(std::chrono::steady_clock::now(), std::vector<std::uint64_t>(size.publishers));
    samples_.open();
  }

  Bus& bus() { return bus_; }
  DeliveryCheck& check() { return check_; }
  SampleLog& samples() { return samples_; }

  Faults run() {
    std::vector<std::uint64_t> sent;
    for (std::uint64_t event = 0; event < kEvents; ++event) {
      for (auto& source : topology_.sources) {
        source->send(std::chrono::steady_clock::now());
      }
    }
    bus_.pump();
    for (auto& source : topology_.sources) {
      EXPECT_EQ(source->sent(), kEvents);
      EXPECT_EQ(source->refused(), 0U);
      sent.push_back(source->sent());
    }
    return check_.conclude(sent);
  }

 private:
  Workload workload_;
  Schedule schedule_;
  SampleLog samples_;
  DeliveryCheck check_;
  Bus bus_;
  Topology topology_;
};

/// Whether an event is the one to be harmed: number 20 of publisher 0.
bool is_victim(const Event& event) {
  const Stamp* stamp = event.get<Stamp>();
  return stamp != nullptr && stamp->publisher == 0 && stamp->number == 20;
}

class FaultTest : public ::testing::TestWithParam<WorkloadSize> {
 protected:
  Rig rig{GetParam()};
  /// The key of the victim's type.
  EventType<Stamp> victim_type =
      rig.bus().find<Stamp>("verify-" + std::to_string(20 % GetParam().types)).value();
};

TEST_P(FaultTest, NoneIsFoundInASoundBus) {
  EXPECT_EQ(rig.run(), Faults{});
  const Workload workload(GetParam());
  EXPECT_EQ(rig.check().deliveries(), kEvents * GetParam().publishers * workload.matching());
}

TEST_P(FaultTest, ALostEventIsFoundAtEachOfItsSubscribers) {
  auto fault = rig.bus().use({.types = TypeMask::all()}, [](Event& event, Emitter&) {
    return is_victim(event) ? Verdict::kDrop : Verdict::kPass;
  });
  EXPECT_EQ(rig.run(), Faults{.lost = Workload(GetParam()).matching()});
}

TEST_P(FaultTest, ALostTailIsFound) {
  auto fault = rig.bus().use({.types = TypeMask::all()}, [](Event& event, Emitter&) {
    return event.get<Stamp>()->number > kEvents - 3 ? Verdict::kDrop : Verdict::kPass;
  });
  EXPECT_EQ(rig.run(), Faults{.lost = 3 * GetParam().publishers * Workload(GetParam()).matching()});
}

TEST_P(FaultTest, ADuplicateIsFoundAtEachOfItsSubscribers) {
  auto fault = rig.bus().use({.types = TypeMask::all()}, [this](Event& event, Emitter& emitter) {
    if (is_victim(event)) {
      EXPECT_TRUE(emitter.emit_after(victim_type, *event.get<Stamp>()));
    }
    return Verdict::kPass;
  });
  EXPECT_EQ(rig.run(), Faults{.duplicated = Workload(GetParam()).matching()});
}

TEST_P(FaultTest, AnOvertakenEventIsFound) {
  std::optional<Event> held;
  const std::uint64_t later = 20 + 2 * GetParam().types;  // of the same type
  auto fault = rig.bus().use({.types = TypeMask::all()}, [&](Event& event, Emitter& emitter) {
    if (is_victim(event)) {
      held = std::move(event);
      return Verdict::kHold;
    }
    if (held.has_value() && event.get<Stamp>()->number > later) {
      EXPECT_TRUE(emitter.resume(std::move(*held)));
      held.reset();
    }
    return Verdict::kPass;
  });
  const Faults faults = rig.run();
  EXPECT_GE(faults.reordered, 1U);
  EXPECT_EQ(faults, Faults{.reordered = faults.reordered});
}

TEST_P(FaultTest, AChangedEventIsFound) {
  auto fault = rig.bus().use({.types = TypeMask::all()}, [](Event& event, Emitter&) {
    if (is_victim(event)) {
      Stamp torn = *event.get<Stamp>();
      torn.number ^= 1U << 20U;
      EXPECT_TRUE(event.set(torn));
    }
    return Verdict::kPass;
  });
  const Faults faults = rig.run();
  EXPECT_GE(faults.torn, 1U);
  EXPECT_EQ(faults, Faults{.torn = faults.torn});
}

INSTANTIATE_TEST_SUITE_P(
    Workloads, FaultTest,
    ::testing::Values(
        WorkloadSize{.subscribers = 1}, WorkloadSize{.subscribers = 5},
        WorkloadSize{.subscribers = 40, .publishers = 3, .types = 8},
        WorkloadSize{.subscribers = 40, .publishers = 3, .types = 8, .selectivity = 0.3},
        WorkloadSize{.subscribers = 7, .publishers = 2, .types = 59, .selectivity = 0}));

TEST(DeliveryCheck, AFaultAtOneSubscriberInTheMiddleIsFound) {
  const WorkloadSize size{.subscribers = 9};
  for (int fault = 0; fault < 3; ++fault) {
    Rig rig(size);
    Tally& tally = rig.check().tally(4);
    ASSERT_FALSE(rig.check().is_witness(4));
    if (fault == 0) {  // one more
      tally.add(1);
      EXPECT_EQ(rig.run(), Faults{.duplicated = 1});
    } else if (fault == 1) {  // one less
      tally.count = std::uint64_t{0} - 1;
      EXPECT_EQ(rig.run(), Faults{.lost = 1});
    } else {  // as many, but others
      tally.order = 1;
      EXPECT_EQ(rig.run(), Faults{.reordered = 1});
    }
  }
}

TEST(DeliveryCheck, TextThatIsCutOrChangedIsTorn) {
  for (const bool cut : {true, false}) {
    Rig rig({.subscribers = 3, .payload_bytes = 100});
    int seen = 0;
    auto fault = rig.bus().use({.types = TypeMask::all()}, [&](Event& event, Emitter&) {
      if (++seen == 50) {
        std::string text(event.text());
        if (cut) {
          text.pop_back();
        } else {
          text.back() ^= 1;
        }
        EXPECT_TRUE(event.set_text(text));
      }
      return Verdict::kPass;
    });
    EXPECT_EQ(rig.run(), Faults{.torn = 2});  // at the first subscriber and the last
  }
}

TEST(DeliveryCheck, EachEventIsOneSampleHoweverManyGetIt) {
  Rig rig({.subscribers = 30, .publishers = 2, .types = 4, .selectivity = 0.5});
  EXPECT_EQ(rig.run(), Faults{});
  EXPECT_EQ(rig.samples().samples().size(), 2 * kEvents);
}

TEST(SampleLog, KeepsAnEvenShareOfMoreThanItHolds) {
  EXPECT_EQ(SampleLog(10'000, 10'000).stride(), 1U);
  SampleLog log(1'000'000, 10'000);
  EXPECT_EQ(log.stride(), 128U);
  log.open();
  std::size_t wanted = 0;
  for (std::uint64_t number = 1; number <= 1'000'000; ++number) {
    wanted += log.wants(Stamp::make(0, number).checksum) ? 1U : 0U;
  }
  EXPECT_NEAR(static_cast<double>(wanted), 1e6 / 128, 400);
}

// Verdicts.

Instant at(std::chrono::nanoseconds time) { return Instant(time); }

/// A row with `slow` samples of 2 ms among 10,000 of 10 us, `excused` of them in stalls.
VerifyRow row_with(std::size_t slow, std::size_t excused) {
  const auto samples = [](std::size_t fast, std::size_t late) {
    std::vector<std::int64_t> latencies_ns(fast, 10'000);
    latencies_ns.insert(latencies_ns.end(), late, 2'000'000);
    return Latencies(std::move(latencies_ns));
  };
  VerifyRow row;
  row.rate_asked = 100'000;
  row.rate = 100'000;
  row.seconds = 3;
  row.matching = 10;
  row.all = samples(10'000 - slow, slow);
  row.unstalled = samples(10'000 - slow, slow - excused);
  return row;
}

Outcome outcome(VerifyRow row, bool strict = false) {
  VerifyOptions options;
  options.slo = 1ms;
  options.strict = strict;
  judge(row, options);
  const bool passed = row.outcome == Outcome::kPass || row.outcome == Outcome::kInterrupted;
  EXPECT_EQ(row.advice.empty(), passed);
  return row.outcome;
}

TEST(Verdict, PassesWithinTheObjective) {
  EXPECT_EQ(outcome(row_with(0, 0)), Outcome::kPass);
  EXPECT_EQ(outcome(row_with(10, 0)), Outcome::kPass);
}

TEST(Verdict, FailsIfTheTailOfTheUnstalledIsOver) {
  EXPECT_EQ(outcome(row_with(11, 0)), Outcome::kFail);
}

TEST(Verdict, StallsExcuseTheTailUnlessStrict) {
  EXPECT_EQ(outcome(row_with(50, 50)), Outcome::kPass);
  EXPECT_EQ(outcome(row_with(50, 50), /*strict=*/true), Outcome::kFail);
}

TEST(Verdict, StallsDoNotExcuseTheP99OfAll) {
  EXPECT_EQ(outcome(row_with(101, 101)), Outcome::kFail);
}

TEST(Verdict, TooManyLeftOutIsOverloaded) {
  EXPECT_EQ(outcome(row_with(501, 501)), Outcome::kOverloaded);
}

TEST(Verdict, AGrowingBacklogIsOverloaded) {
  VerifyRow row = row_with(0, 0);
  row.backlog_grows = true;
  EXPECT_EQ(outcome(row), Outcome::kOverloaded);
  row = row_with(0, 0);
  row.unpublished = 1;
  EXPECT_EQ(outcome(row), Outcome::kOverloaded);
  row = row_with(0, 0);
  row.undelivered = 1;
  EXPECT_EQ(outcome(row), Outcome::kOverloaded);
  row.rate_asked.reset();
  EXPECT_EQ(outcome(row), Outcome::kOverloaded) << "also at the greatest rate";
}

TEST(Verdict, ALossFailsWhateverTheLatency) {
  VerifyRow row = row_with(0, 0);
  row.faults.reordered = 1;
  EXPECT_EQ(outcome(row), Outcome::kFail);
  row = row_with(0, 0);
  row.contradictions.emplace_back("the books");
  EXPECT_EQ(outcome(row), Outcome::kFail);
}

TEST(Verdict, AtGreatestRateOnlyLossesCount) {
  VerifyRow row = row_with(5'000, 0);
  row.rate_asked.reset();
  EXPECT_EQ(outcome(row), Outcome::kPass);
  row.faults.lost = 1;
  EXPECT_EQ(outcome(row), Outcome::kFail);
}

TEST(Verdict, ABacklogGrowsOnlyIfEachStretchIsLater) {
  std::vector<Interval> samples;
  for (int i = 0; i < 1'000; ++i) {
    samples.push_back({at(0ms), at(i * 10us)});
  }
  EXPECT_TRUE(backlog_grows(samples, 1ms));
  EXPECT_FALSE(backlog_grows(samples, 1s));
  for (int i = 400; i < 600; ++i) {
    samples[static_cast<std::size_t>(i)].end = at(20ms);  // one long stall, then it recovers
  }
  EXPECT_FALSE(backlog_grows(samples, 1ms));
  EXPECT_FALSE(backlog_grows({}, 1ms));
}

TEST(Verdict, NamesWhoHasSomeStrikesAndAGoodPartOfAll) {
  EXPECT_FALSE(is_culprit(0, 0));
  EXPECT_FALSE(is_culprit(2, 2));
  EXPECT_TRUE(is_culprit(3, 3));
  EXPECT_TRUE(is_culprit(3, 12));
  EXPECT_FALSE(is_culprit(3, 13));
}

TEST(StalledTime, IsTheUnionOfStallsWithinTheSpan) {
  const StalledTime stalled(
      {{at(7ms), at(20ms)}, {at(1ms), at(2ms)}, {at(1500us), at(4ms)}, {at(30ms), at(40ms)}},
      {at(0ms), at(10ms)});
  EXPECT_EQ(stalled.count(), 2U);
  EXPECT_EQ(stalled.longest(), 3ms);
  EXPECT_EQ(stalled.total(), 6ms);
  EXPECT_FALSE(stalled.overlaps({at(0ms), at(1ms)}));
  EXPECT_TRUE(stalled.overlaps({at(0ms), at(1001us)}));
  EXPECT_TRUE(stalled.overlaps({at(2ms), at(3ms)}));
  EXPECT_FALSE(stalled.overlaps({at(4ms), at(7ms)}));
}

}  // namespace
}  // namespace herald::cli
