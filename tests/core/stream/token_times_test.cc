#include "core/stream/token_times.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace herald::core {
namespace {

using base::Clock;
using base::Ticks;

class TokenTimesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { Clock::calibrate(); }
  static constexpr Ticks kStart = 1'000'000;

  void start() { times_.start(kStart); }
  TokenTimes times_;
};

TEST_F(TokenTimesTest, IsZeroBeforeTheFirstToken) {
  start();
  EXPECT_EQ(times_.tokens(), 0u);
  EXPECT_EQ(times_.first_token_ns(), 0);
  EXPECT_EQ(times_.inter_token_ns(0.5), 0);
  EXPECT_EQ(times_.tokens_per_second(kStart), 0);
  EXPECT_EQ(times_.decode_tokens_per_second(), 0);
  EXPECT_EQ(times_.total_ns(kStart + 4'000), Clock::to_ns(4'000));
}

TEST_F(TokenTimesTest, OneTokenHasATimeAndNoGap) {
  start();
  times_.token(kStart + 5'000);
  EXPECT_EQ(times_.first_token_ns(), Clock::to_ns(5'000));
  EXPECT_EQ(times_.inter_token_ns(0.99), 0);
  EXPECT_EQ(times_.decode_tokens_per_second(), 0);
}

TEST_F(TokenTimesTest, RatesAreWholeAndDecodeOnly) {
  start();
  const Ticks first = Clock::to_ticks(500'000'000);
  const Ticks gap = Clock::to_ticks(10'000'000);
  for (int i = 0; i <= 50; ++i) {
    times_.token(kStart + first + i * gap);
  }
  times_.end(kStart + 2 * first);
  const Ticks later = kStart + 100 * first;
  EXPECT_NEAR(times_.tokens_per_second(later), 51.0, 0.1) << "51 in a second, until its end";
  EXPECT_NEAR(times_.decode_tokens_per_second(), 100.0, 0.1) << "50 gaps in half a second";
  EXPECT_NEAR(static_cast<double>(times_.total_ns(later)), 1e9, 1e4);
}

TEST_F(TokenTimesTest, ATimeBeforeTheRequestIsNoNegativeOne) {
  start();
  times_.token(kStart - 100);
  times_.token(kStart - 300);
  EXPECT_EQ(times_.first_token_ns(), 0);
  EXPECT_GE(times_.inter_token_ns(0.5), 0);
}

TEST_F(TokenTimesTest, StartForgetsEverything) {
  start();
  times_.token(kStart + 1'000'000);
  times_.token(kStart + 2'000'000);
  times_.end(kStart + 3'000'000);
  start();
  EXPECT_EQ(times_.tokens(), 0u);
  EXPECT_EQ(times_.total_ns(kStart), 0);
  times_.token(kStart + 1);
  times_.token(kStart + 2);
  EXPECT_LT(times_.inter_token_ns(1.0), Clock::to_ns(1'024));
}

TEST_F(TokenTimesTest, AGapBeyondTheLastBucketIsCountedThere) {
  start();
  times_.token(kStart);
  times_.token(kStart + (Ticks{1} << 50));
  EXPECT_GT(times_.inter_token_ns(0.5), Clock::to_ns(Ticks{1} << 39));
}

// The promise of the file's head, for every quantile of any gaps.
RC_GTEST_PROP(TokenTimesProperty, QuantilesAreWithinOneThirtySecond, ()) {
  Clock::calibrate();
  const auto gaps = *rc::gen::nonEmpty(rc::gen::container<std::vector<Ticks>>(rc::gen::map(
      rc::gen::pair(rc::gen::inRange(0, 40), rc::gen::inRange<std::int64_t>(0, 1'000'000)),
      [](const auto& drawn) {
        const Ticks octave = Ticks{1} << drawn.first;
        return octave + static_cast<Ticks>(static_cast<double>(octave) *
                                           static_cast<double>(drawn.second) / 1e6);
      })));
  TokenTimes times;
  times.start(0);
  Ticks now = 0;
  times.token(now);
  for (const Ticks gap : gaps) {
    now += gap;
    times.token(now);
  }
  std::vector<Ticks> sorted = gaps;
  std::sort(sorted.begin(), sorted.end());
  for (const double quantile : {0.01, 0.5, 0.99, 1.0}) {
    const auto rank = std::max<std::size_t>(
        1, static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(sorted.size()))));
    const auto exact = static_cast<double>(Clock::to_ns(sorted[rank - 1]));
    const auto reported = static_cast<double>(times.inter_token_ns(quantile));
    const double allowed =
        std::max(exact / 32.0, static_cast<double>(Clock::to_ns(32))) + 2;  // two roundings
    RC_ASSERT(std::abs(reported - exact) <= allowed);
  }
}

}  // namespace
}  // namespace herald::core
