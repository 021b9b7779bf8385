#include "core/dispatch/stall_log.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "support/buses.h"

namespace herald::core {
namespace {

using namespace std::chrono_literals;
using base::Clock;
using base::Ticks;

Ticks ticks(std::chrono::nanoseconds time) { return Clock::to_ticks(time.count()); }

class StallLogTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { Clock::calibrate(); }

  void SetUp() override {
    log_.begin();
    log_.refresh();
  }
  // Tells of gaps until one is taken for a stall: not one while others had the processor.
  void observe_stall(Ticks begin, Ticks end) {
    const std::uint64_t before = log_.stats().count;
    ASSERT_TRUE(support::eventually([&] {
      log_.observe(begin, end);
      return log_.stats().count != before;
    }));
  }

  StallLog log_;
  const Ticks now_ = Clock::now();
};

TEST_F(StallLogTest, EmptyIsZero) {
  const StallStats stats = log_.stats();
  EXPECT_EQ(stats.count, 0u);
  EXPECT_EQ(stats.total, 0ns);
  EXPECT_EQ(stats.longest, 0ns);
  EXPECT_TRUE(stats.recent.empty());
}

TEST_F(StallLogTest, ShortGapsAreNoStalls) {
  log_.observe(now_, now_);
  log_.observe(now_, now_ + ticks(49us));
  EXPECT_EQ(log_.stats().count, 0u);
}

TEST_F(StallLogTest, LongGapsAreCountedAndKept) {
  observe_stall(now_, now_ + ticks(1ms));
  observe_stall(now_ + ticks(2ms), now_ + ticks(5ms));
  const StallStats stats = log_.stats();
  EXPECT_EQ(stats.count, 2u);
  EXPECT_LT(std::chrono::abs(stats.total - 4ms), 1us);
  EXPECT_LT(std::chrono::abs(stats.longest - 3ms), 1us);
  ASSERT_EQ(stats.recent.size(), 2u);
  EXPECT_LT(std::chrono::abs(stats.recent[1].end - stats.recent[1].begin - 3ms), 50ms);
  EXPECT_LT(stats.recent[0].begin, stats.recent[1].begin);
}

TEST_F(StallLogTest, KeepsTheLast4096) {
  Ticks last = 0;
  for (std::uint64_t seen = 0; seen < 5'000; seen = log_.stats().count) {
    for (std::uint64_t left = seen; left < 5'000; ++left) {
      last += ticks(1s);
      log_.observe(now_ + last, now_ + last + ticks(1ms));
    }
  }
  observe_stall(now_ + last + ticks(1s), now_ + last + ticks(2s));
  const StallStats stats = log_.stats();
  EXPECT_EQ(stats.count, 5'001u);
  ASSERT_EQ(stats.recent.size(), 4'096u);
  EXPECT_GE(stats.recent.back().begin - stats.recent.front().begin, 4'094s) << "oldest first";
  EXPECT_GE(stats.longest, 999ms);
}

TEST_F(StallLogTest, AGapIsNoStallBeforeTheFirstLook) {
  StallLog log;
  log.observe(now_, now_ + ticks(1ms));
  EXPECT_EQ(log.stats().count, 0u) << "begin() was not called";
  log.begin();
  log.observe(now_, now_ + ticks(1ms));
  EXPECT_EQ(log.stats().count, 0u) << "who had the processor before is not known";
  log_.forget();
  log_.observe(now_, now_ + ticks(1ms));
  EXPECT_EQ(log_.stats().count, 0u) << "nor after a sleep";
}

TEST(StallLog, ExcusesOnlyWhatOtherThreadsDoNotExplain) {
  EXPECT_TRUE(StallLog::is_stall(3'000'000, 0));
  EXPECT_TRUE(StallLog::is_stall(3'000'000, 5'000)) << "a kernel thread ran in between";
  EXPECT_TRUE(StallLog::is_stall(3'000'000, 299'999));
  EXPECT_FALSE(StallLog::is_stall(3'000'000, 300'000));
  EXPECT_FALSE(StallLog::is_stall(3'000'000, 3'000'000)) << "another program had the processor";
  EXPECT_FALSE(StallLog::is_stall(50'000, 0)) << "too short to be one";
  EXPECT_TRUE(StallLog::is_stall(50'001, 0));
}

}  // namespace
}  // namespace herald::core
