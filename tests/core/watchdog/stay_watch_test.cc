// What the sampler makes of its looks, on a clock of the test's; and the ring for its reports.
#include "core/watchdog/stay_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/fan_out/fan_out_list.h"
#include "core/watchdog/stay_ring.h"

namespace herald::core {
namespace {

constexpr base::Ticks kSlow = 1'000;
constexpr base::Ticks kFar = 3'000;
constexpr base::Ticks kStep = 250;

const FanOutOwners kList;
const FanOutOwners kOtherList;

Stay stay_at(std::size_t index, std::uint64_t turn = 1) {
  return {.layout = 1, .turn = turn, .list = &kList, .index = index};
}

class Looks {
 public:
  Looks() { watch_.resume(now_); }

  /// `count` looks, kStep apart, that all find the same. Returns how many put a strike.
  int at(const Stay& stay, int count) {
    int asked = 0;
    for (int i = 0; i < count; ++i) {
      now_ += kStep;
      asked += watch_.look(
          stay, now_, [this](std::int32_t) { return waited_; },
          [this](const StayReport& report) { return put(report); });
    }
    return asked;
  }
  void leave_no_room(bool full) { full_ = full; }
  void wait_for_processor(base::Ticks time) { waited_ += time; }
  void forget_waits() { waited_ = -1; }
  [[nodiscard]] const std::vector<StayReport>& reports() const { return reports_; }
  [[nodiscard]] std::uint64_t lost() const { return watch_.lost(); }
  [[nodiscard]] base::Ticks time_of(std::size_t index) const {
    return std::accumulate(reports_.begin(), reports_.end(), base::Ticks{0},
                           [index](base::Ticks sum, const StayReport& report) {
                             return sum + (report.stay.index == index ? report.time : 0);
                           });
  }
  [[nodiscard]] int strikes_of(std::size_t index) const {
    int strikes = 0;
    for (const StayReport& report : reports_) {
      strikes += report.stay.index == index && report.is_strike ? 1 : 0;
    }
    return strikes;
  }

 private:
  bool put(const StayReport& report) {
    if (!full_) {
      reports_.push_back(report);
    }
    return !full_;
  }

  StayWatch watch_{kSlow, kFar};
  base::Ticks now_ = 1'000'000;
  base::Ticks waited_ = 7'000'000;
  bool full_ = false;
  std::vector<StayReport> reports_;
};

TEST(StayWatch, AnIdleDispatcherIsNobodys) {
  Looks looks;
  EXPECT_EQ(looks.at({.layout = 1, .turn = 7}, 100), 0);
  EXPECT_TRUE(looks.reports().empty());
}

TEST(StayWatch, AStayIsTheTimeBetweenItsFirstAndItsLastLook) {
  Looks looks;
  looks.at(stay_at(3), 4);
  looks.at({}, 1);
  ASSERT_EQ(looks.reports().size(), 1u);
  EXPECT_EQ(looks.reports()[0].seen, 3 * kStep);
  EXPECT_EQ(looks.reports()[0].stay, stay_at(3));
  EXPECT_FALSE(looks.reports()[0].is_strike) << "seen for less than slow_after";
}

TEST(StayWatch, AStayHasOneStrikeToldAtItsEnd) {
  Looks looks;
  EXPECT_EQ(looks.at(stay_at(3), 4'000), 0);
  EXPECT_TRUE(looks.reports().empty());
  EXPECT_EQ(looks.at({}, 1), 1);
  ASSERT_EQ(looks.reports().size(), 1u);
  EXPECT_TRUE(looks.reports()[0].is_strike);
  EXPECT_EQ(looks.reports()[0].seen, 3'999 * kStep);
  EXPECT_EQ(looks.at({}, 10), 0);
}

TEST(StayWatch, AStayOfSlowAfterIsAStrike) {
  Looks looks;
  looks.at(stay_at(3), 5);
  EXPECT_EQ(looks.at(stay_at(4), 1), 1);
  EXPECT_EQ(looks.reports()[0].seen, kSlow);
}

TEST(StayWatch, WhatTheThreadWaitedForItsProcessorIsNoPartOfAStay) {
  Looks looks;
  looks.at(stay_at(3), 2);
  looks.wait_for_processor(kSlow);
  looks.at(stay_at(3), 6);
  EXPECT_EQ(looks.at({}, 1), 0);
  EXPECT_EQ(looks.reports()[0].seen, 7 * kStep - kSlow);
  looks.at(stay_at(4), 8);
  EXPECT_EQ(looks.at({}, 1), 1) << "a wait before the stay";
}

TEST(StayWatch, MoreWaitThanStayLeavesNothing) {
  Looks looks;
  looks.at(stay_at(3), 6);
  looks.wait_for_processor(100 * kSlow);
  EXPECT_EQ(looks.at({}, 1), 0);
  EXPECT_EQ(looks.reports()[0].seen, 0);
}

TEST(StayWatch, WithoutAWordOfWaitsAStayCountsWhole) {
  Looks looks;
  looks.at(stay_at(3), 6);
  looks.forget_waits();
  EXPECT_EQ(looks.at({}, 1), 1);
  EXPECT_EQ(looks.reports()[0].seen, 5 * kStep);
  looks.at(stay_at(3, 2), 6);
  looks.wait_for_processor(2 * kSlow);
  EXPECT_EQ(looks.at({}, 1), 1) << "known at the end only";
}

TEST(StayWatch, EachWordTellsStaysApart) {
  const Stay stay{.layout = 1, .turn = 2, .argument = &kList, .list = &kList, .index = 3};
  std::vector<Stay> others(7, stay);
  ++others[0].layout;
  ++others[1].turn;
  others[2].argument = &kOtherList;
  others[3].list = &kOtherList;
  ++others[4].index;
  others[5].link = 1;
  ++others[6].thread;
  for (const Stay& other : others) {
    Looks looks;
    for (int i = 0; i < 10; ++i) {
      looks.at(stay, 3);
      looks.at(other, 3);
    }
    for (const StayReport& report : looks.reports()) {
      EXPECT_FALSE(report.is_strike);
      EXPECT_EQ(report.seen, 2 * kStep);
    }
    EXPECT_EQ(looks.reports().size(), 19u);
  }
}

TEST(StayWatch, TimeCountsOnceForWhatTheLaterLookFound) {
  Looks looks;
  looks.at(stay_at(1), 6);
  looks.at(stay_at(2), 2);
  looks.at({}, 5);
  looks.at(stay_at(1), 1);
  looks.at({}, 1);
  EXPECT_EQ(looks.time_of(1), 7 * kStep);
  EXPECT_EQ(looks.time_of(2), 2 * kStep);
}

TEST(StayWatch, ALateLookCountsAFarPauseAtMost) {
  StayWatch watch(kSlow, kFar);
  std::vector<StayReport> reports;
  const auto put = [&](const StayReport& report) {
    reports.push_back(report);
    return true;
  };
  const auto waited = [](std::int32_t) { return base::Ticks{0}; };
  watch.resume(0);
  watch.look(stay_at(1), 1'000'000, waited, put);
  watch.look({}, 1'000'001, waited, put);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].time, kFar);
}

TEST(StayWatch, AStayThatFindsNoRoomIsCountedAsLost) {
  Looks looks;
  looks.at(stay_at(1), 20);
  looks.leave_no_room(true);
  EXPECT_EQ(looks.at(stay_at(2), 1), 0);
  EXPECT_EQ(looks.lost(), 1u);
  looks.leave_no_room(false);
  looks.at({}, 1);
  EXPECT_EQ(looks.strikes_of(1), 0);
  EXPECT_EQ(looks.time_of(2), kStep);
  EXPECT_EQ(looks.lost(), 1u);
}

std::vector<base::Ticks> taken_from(StayRing& ring) {
  std::vector<base::Ticks> times;
  ring.take([&times](const StayReport& report) { times.push_back(report.time); });
  return times;
}

TEST(StayRing, GivesWhatWasPutInOrder) {
  StayRing ring;
  EXPECT_TRUE(taken_from(ring).empty());
  for (base::Ticks time = 1; time <= 3; ++time) {
    EXPECT_TRUE(ring.put({.stay = {}, .time = time}));
  }
  EXPECT_THAT(taken_from(ring), testing::ElementsAre(1, 2, 3));
  EXPECT_TRUE(taken_from(ring).empty());
}

TEST(StayRing, RefusesWhatItHasNoRoomForAndGoesRound) {
  StayRing ring;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < StayRing::kReports; ++i) {
      EXPECT_EQ(ring.is_half_full(), i >= StayRing::kReports / 2);
      EXPECT_TRUE(ring.put({.stay = {}, .time = static_cast<base::Ticks>(i)}));
    }
    EXPECT_FALSE(ring.put({.stay = {}, .time = -1}));
    const std::vector<base::Ticks> times = taken_from(ring);
    ASSERT_EQ(times.size(), StayRing::kReports);
    EXPECT_EQ(times.front(), 0);
    EXPECT_EQ(times.back(), static_cast<base::Ticks>(StayRing::kReports) - 1);
  }
}

}  // namespace
}  // namespace herald::core
