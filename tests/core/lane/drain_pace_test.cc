// The pace of looks into a lane: dense traffic is paused for, sparse traffic never.
#include "core/lane/drain_pace.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace herald::core {
namespace {

using base::Clock;
using base::Ticks;

constexpr std::size_t kCapacity = 16'384;

class DrainPaceTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { Clock::calibrate(); }

  // So many looks in a row, each finding `count` events `spacing_ns` apart.
  void look(unsigned looks, std::size_t count, std::int64_t spacing_ns) {
    for (unsigned i = 0; i < looks; ++i) {
      now_ += static_cast<Ticks>(count) * Clock::to_ticks(spacing_ns);
      pace_.looked(now_, count);
    }
  }
  bool pauses() const { return !pace_.may_look(now_); }

  DrainPace pace_{kCapacity};
  Ticks now_ = Clock::now();
};

constexpr std::int64_t kDenseNs = DrainPace::kFastNs / 2;
constexpr std::int64_t kSparseNs = DrainPace::kFastNs * 2;

TEST_F(DrainPaceTest, TheFirstLookIsAtOnce) {
  EXPECT_TRUE(pace_.may_look(now_));
  EXPECT_FALSE(pace_.is_paused());
}

TEST_F(DrainPaceTest, SparseEventsAreNeverPausedFor) {
  for (int i = 0; i < 1'000; ++i) {
    look(1, 1, kSparseNs);
    ASSERT_FALSE(pauses()) << "after look " << i;
  }
  look(100, DrainPace::kEnoughEvents - 1, kSparseNs);
  EXPECT_FALSE(pauses());
}

TEST_F(DrainPaceTest, DenseEventsArePausedForAfterSomeLooksInARow) {
  look(1 + DrainPace::kFastLooks, 1, kDenseNs);  // before the first there was quiet
  EXPECT_FALSE(pauses());
  look(1, 1, kDenseNs);
  EXPECT_TRUE(pauses());
}

TEST_F(DrainPaceTest, EventsComeDenselyAfterTwoFastLooksUntilASlowOne) {
  look(2, 1, kDenseNs);  // before the first there was quiet
  EXPECT_FALSE(pace_.is_dense());
  look(1, 1, kDenseNs);
  EXPECT_TRUE(pace_.is_dense());
  EXPECT_FALSE(pauses());
  look(100, DrainPace::kEnoughEvents, kDenseNs);
  EXPECT_TRUE(pace_.is_dense());
  look(1, 1, kSparseNs);
  EXPECT_FALSE(pace_.is_dense());
  look(1, 1, kDenseNs);
  EXPECT_FALSE(pace_.is_dense());
}

TEST_F(DrainPaceTest, ALaneIsSlowWhileItsLooksAreFarApart) {
  look(1, 1, 0);
  look(1, 1, DrainPace::kSlowNs / 2);
  EXPECT_FALSE(pace_.is_slow());
  look(1, 1, 2 * DrainPace::kSlowNs);
  EXPECT_TRUE(pace_.is_slow());
  look(1, 1, kDenseNs);
  EXPECT_FALSE(pace_.is_slow());
}

TEST_F(DrainPaceTest, APauseIsBounded) {
  look(100, 1, kDenseNs);
  ASSERT_TRUE(pauses());
  const Ticks pause = Clock::to_ticks(DrainPace::kPauseNs);
  EXPECT_FALSE(pace_.may_look(now_ + pause - 1));
  EXPECT_TRUE(pace_.may_look(now_ + pause));
}

TEST_F(DrainPaceTest, OneSparseLookEndsIt) {
  look(100, 1, kDenseNs);
  look(1, 1, kSparseNs);
  EXPECT_FALSE(pauses());
  look(DrainPace::kFastLooks, 1, kDenseNs);
  EXPECT_FALSE(pauses());
}

TEST_F(DrainPaceTest, ALookThatFoundEnoughNeedsNoPause) {
  look(100, DrainPace::kEnoughEvents, kDenseNs);
  EXPECT_FALSE(pauses());
  look(1, DrainPace::kEnoughEvents - 1, kDenseNs);
  EXPECT_TRUE(pauses());
}

TEST_F(DrainPaceTest, InASmallLaneAnEighthIsEnough) {
  pace_ = DrainPace(64);
  look(100, 8, kDenseNs);
  EXPECT_FALSE(pauses());
  look(1, 7, kDenseNs);
  EXPECT_TRUE(pauses());
}

TEST_F(DrainPaceTest, ALaneOfOneEventIsNeverPausedFor) {
  pace_ = DrainPace(1);
  look(100, 1, kDenseNs);
  EXPECT_FALSE(pauses());
}

}  // namespace
}  // namespace herald::core
