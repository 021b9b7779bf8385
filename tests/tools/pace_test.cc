#include "tools/herald/pace.h"

#include <gtest/gtest.h>

#include <chrono>

namespace herald::cli {
namespace {

using namespace std::chrono_literals;

const Instant kBegin{1h};

TEST(Pace, TokensAreDueAtEvenDistances) {
  Pace pace(200.0, kBegin);
  for (int token = 0; token < 1'000; ++token) {
    EXPECT_EQ(pace.next(kBegin + token * 5ms), kBegin + token * 5ms);
  }
}

TEST(Pace, ALateTokenTakesNothingFromTheNext) {
  Pace pace(100.0, kBegin);
  EXPECT_EQ(pace.next(kBegin + 45ms), kBegin);
  EXPECT_EQ(pace.next(kBegin + 46ms), kBegin + 10ms);
}

TEST(Pace, AfterAPauseTheCountBeginsAnew) {
  Pace pace(100.0, kBegin);
  EXPECT_EQ(pace.next(kBegin), kBegin);
  EXPECT_EQ(pace.next(kBegin + 1s), kBegin + 1s);
  EXPECT_EQ(pace.next(kBegin + 1s), kBegin + 1s + 10ms);
}

TEST(Pace, WithoutARateEveryTokenIsDueAtOnce) {
  Pace pace(std::nullopt, kBegin);
  for (const auto later : {0ms, 1ms, 100ms, 101ms}) {
    EXPECT_LE(pace.next(kBegin + later), kBegin + later);
  }
}

}  // namespace
}  // namespace herald::cli
