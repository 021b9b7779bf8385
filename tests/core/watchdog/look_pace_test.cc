// The sampler's schedule, on a clock of the test's: which calls it sees, and how often it looks.
#include "core/watchdog/look_pace.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "base/clock.h"
#include "core/fan_out/fan_out_list.h"
#include "core/watchdog/stay_watch.h"

namespace herald::core {
namespace {

constexpr std::int64_t kSlowNs = 1'000'000;
constexpr std::int64_t kSecondNs = 1'000'000'000;

const FanOutOwners kList;

Stay call(std::uint64_t turn) { return {.turn = turn, .list = &kList}; }

// A sampler that is always in time.
class Sampler {
 public:
  explicit Sampler(std::int64_t slow_after_ns = kSlowNs)
      : pace_(slow_after_ns), watch_(slow_after_ns, pace_.far_pause_ns()) {
    watch_.resume(0);
  }

  /// Looks until `end_ns`; `stay_at(ns)` is what a look at that time finds.
  template <typename StayAt>
  void look_until(std::int64_t end_ns, StayAt&& stay_at, bool quiet = false) {
    while (next_ns_ < end_ns) {
      ++looks_;
      strikes_ += watch_.look(
          stay_at(next_ns_), next_ns_, [](std::int32_t) { return base::Ticks{0}; },
          [](const StayReport&) { return true; });
      next_ns_ += last_pause_ns_ = pace_.next_pause_ns(watch_, quiet);
    }
  }
  [[nodiscard]] int looks() const { return looks_; }
  [[nodiscard]] int strikes() const { return strikes_; }
  [[nodiscard]] std::int64_t last_pause_ns() const { return last_pause_ns_; }

 private:
  LookPace pace_;
  StayWatch watch_;
  std::int64_t next_ns_ = 0;
  std::int64_t last_pause_ns_ = 0;
  int looks_ = 0;
  int strikes_ = 0;
};

enum class Before : std::uint8_t { kRest, kShortCalls };

constexpr int kPhases = 300;

// Of kPhases calls of `length_ns` that begin at all distances from a far look, how many have a
// strike. Before them the dispatcher rests, or each look finds another call.
int strikes_of(std::int64_t length_ns, std::int64_t slow_ns, Before before = Before::kRest) {
  int strikes = 0;
  for (int phase = 0; phase < kPhases; ++phase) {
    const std::int64_t begin = LookPace::kFarPauses * slow_ns * (kPhases + phase) / kPhases;
    Sampler sampler(slow_ns);
    sampler.look_until(begin + length_ns + 10 * slow_ns, [&](std::int64_t ns) {
      if (ns < begin && before == Before::kShortCalls) {
        return call(static_cast<std::uint64_t>(ns) + 2);
      }
      return ns >= begin && ns < begin + length_ns ? call(1) : Stay{};
    });
    EXPECT_LE(sampler.strikes(), 1);
    strikes += sampler.strikes();
  }
  return strikes;
}

class EachSlowAfter : public testing::TestWithParam<std::int64_t> {};

TEST_P(EachSlowAfter, ACallOfFiveTimesIsSeenWhateverCameBefore) {
  EXPECT_EQ(strikes_of(5 * GetParam(), GetParam()), kPhases);
  EXPECT_EQ(strikes_of(5 * GetParam(), GetParam(), Before::kShortCalls), kPhases);
}

TEST_P(EachSlowAfter, ACallOfTwiceIsSeenOneTimeInThree) {
  EXPECT_NEAR(strikes_of(2 * GetParam(), GetParam()), kPhases / 3, 1);
}

TEST_P(EachSlowAfter, AShorterCallIsNoStrike) {
  EXPECT_EQ(strikes_of(GetParam() - 1, GetParam()), 0);
  EXPECT_EQ(strikes_of(GetParam() - 1, GetParam(), Before::kShortCalls), 0);
}

TEST_P(EachSlowAfter, NoTwoLooksAreCloserThanTheShortestPause) {
  Sampler sampler(GetParam());
  sampler.look_until(10 * GetParam(), [](std::int64_t) { return call(1); });
  EXPECT_GE(sampler.last_pause_ns(), LookPace::kShortestPauseNs);
}

INSTANTIATE_TEST_SUITE_P(Times, EachSlowAfter,
                         testing::Values(100'000, 101'000, 150'000, 250'000, 799'000, 1'000'000,
                                         3'600 * kSecondNs));

TEST(LookPace, LooksSeldomWhereCallsAreShort) {
  Sampler sparse;
  sparse.look_until(kSecondNs, [](std::int64_t) { return Stay{}; });
  EXPECT_EQ(sparse.looks(), kSecondNs / (LookPace::kFarPauses * kSlowNs) + 1);
  // Each look finds a call, and each another one: after a far look a close one, no more.
  Sampler dense;
  dense.look_until(kSecondNs, [](std::int64_t ns) { return call(static_cast<std::uint64_t>(ns)); });
  EXPECT_LE(dense.looks(), 2 * (sparse.looks() + 1));
}

TEST(LookPace, LooksCloselyAsLongAsItFindsOneCall) {
  Sampler sampler;
  sampler.look_until(100 * kSlowNs, [](std::int64_t) { return call(1); });
  EXPECT_EQ(sampler.last_pause_ns(), kSlowNs / LookPace::kCloseLooks);
  EXPECT_EQ(sampler.looks(), 100 * LookPace::kCloseLooks);
}

TEST(LookPace, NoticesRestInTimeOnceNothingWasDispatchedBetweenTwoLooks) {
  const auto nothing = [](std::int64_t) { return Stay{}; };
  Sampler sampler(kSecondNs);
  sampler.look_until(1, nothing, /*quiet=*/true);
  EXPECT_EQ(sampler.last_pause_ns(), LookPace::kRestNs);
  Sampler busy(kSecondNs);
  busy.look_until(1, nothing);
  EXPECT_EQ(busy.last_pause_ns(), LookPace::kFarPauses * kSecondNs);
}

}  // namespace
}  // namespace herald::core
