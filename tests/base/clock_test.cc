#include "base/clock.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace herald::base {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

class ClockTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { Clock::calibrate(); }
};

TEST_F(ClockTest, NeverGoesBack) {
  Ticks last = Clock::now();
  for (int i = 0; i < 100'000; ++i) {
    const Ticks now = Clock::now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST_F(ClockTest, RunsAtTheRateOfTheMonotonicClock) {
  const std::int64_t start_ns = Clock::monotonic_ns();
  const Ticks start = Clock::now();
  while (Clock::monotonic_ns() - start_ns < 20'000'000) {
  }
  const Ticks end = Clock::now();
  const std::int64_t end_ns = Clock::monotonic_ns();
  // The inner interval is the shorter one; 1 % is far more than the calibration's error.
  EXPECT_LE(Clock::to_ns(end - start), (end_ns - start_ns) * 101 / 100);
  EXPECT_GE(Clock::to_ns(end - start), 20'000'000 * 99 / 100 - 1'000'000);
}

TEST_F(ClockTest, ZeroAndSignsAreKept) {
  EXPECT_EQ(Clock::to_ns(0), 0);
  EXPECT_EQ(Clock::to_ticks(0), 0);
  EXPECT_GT(Clock::to_ns(1'000'000), 0);
  EXPECT_LT(Clock::to_ns(-1'000'000), 0);
  EXPECT_LT(Clock::to_ticks(-1'000'000), 0);
}

RC_GTEST_PROP(Clock, TicksOfADurationAreThatDuration, ()) {
  Clock::calibrate();
  const auto years = *rc::gen::inRange<std::int64_t>(0, 20);
  const auto ns = *rc::gen::arbitrary<std::int32_t>() + years * 31'536'000'000'000'000;
  const std::int64_t back = Clock::to_ns(Clock::to_ticks(ns));
  RC_ASSERT(std::abs(back - ns) <= 2 + std::abs(ns) / 1'000'000'000);
}

TEST_F(ClockTest, DurationsWithoutEndStayFarAway) {
  const Ticks decade = Clock::to_ticks(nanoseconds(24h * 365 * 10).count());
  for (const std::int64_t ns : {INT64_MAX, INT64_MAX / 2}) {
    EXPECT_GE(Clock::to_ticks(ns), decade);
    EXPECT_LE(Clock::to_ticks(-ns), -decade);
    EXPECT_GT(Clock::now() + Clock::to_ticks(ns), Clock::now()) << "the sum does not overflow";
  }
  EXPECT_LE(Clock::to_ticks(INT64_MIN), -decade);
}

TEST_F(ClockTest, SteadyTimesGoThereAndBack) {
  for (const nanoseconds offset :
       {0ns, nanoseconds(1h), nanoseconds(-1h), nanoseconds(24h * 365 * 10)}) {
    const steady_clock::time_point time = steady_clock::now() + offset;
    EXPECT_LT(std::chrono::abs(Clock::to_steady(Clock::from_steady(time)) - time), 1s);
  }
}

TEST_F(ClockTest, SteadyTimesWithoutEndAreFarAway) {
  const Ticks now = Clock::now();
  const Ticks decade = Clock::to_ticks(nanoseconds(24h * 365 * 10).count());
  EXPECT_GT(Clock::from_steady(steady_clock::time_point::max()), now + decade);
  EXPECT_LT(Clock::from_steady(steady_clock::time_point::min()), now - decade);
  EXPECT_LT(Clock::from_steady(steady_clock::time_point{}), now);
}

TEST_F(ClockTest, WallTimesFollowTheSystemClock) {
  const auto wall = Clock::to_wall(Clock::now() - Clock::to_ticks(nanoseconds(1h).count()));
  EXPECT_LT(std::chrono::abs(wall - (std::chrono::system_clock::now() - 1h)), 10s);
}

// A thread is stopped now and then between two reads of clocks; no conversion may show it.
TEST_F(ClockTest, ConversionsOfOneMomentAgree) {
  const Ticks moment = Clock::now();
  auto least = Clock::to_wall(moment);
  auto most = least;
  for (int i = 0; i < 200'000; ++i) {
    const auto wall = Clock::to_wall(moment);
    least = std::min(least, wall);
    most = std::max(most, wall);
  }
  EXPECT_LT(most - least, 100us);
}

TEST_F(ClockTest, MonotonicIsTheScaleOfSteadyClock) {
  const std::int64_t before = steady_clock::now().time_since_epoch().count();
  const std::int64_t now = Clock::monotonic_ns();
  EXPECT_LE(before, now);
  EXPECT_LE(now, steady_clock::now().time_since_epoch().count());
}

}  // namespace
}  // namespace herald::base
