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
constexpr std::int64_t kPhaseNs = 25'000;

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
      next_ns_ += last_pause_ns_ = pace_.pause_ns(watch_, quiet);
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

// Of calls of `length_ns` that begin at all distances from a far look, how many have a strike.
int strikes_of(std::int64_t length_ns, int& calls) {
  int strikes = 0;
  calls = 0;
  for (std::int64_t begin = 0; begin < LookPace::kFarPauses * kSlowNs; begin += kPhaseNs) {
    Sampler sampler;
    sampler.look_until(begin + length_ns + 10 * kSlowNs, [&](std::int64_t ns) {
      return ns >= begin && ns < begin + length_ns ? call(1) : Stay{};
    });
    EXPECT_LE(sampler.strikes(), 1);
    strikes += sampler.strikes();
    ++calls;
  }
  return strikes;
}

TEST(LookPace, SeesEachCallOfFiveTimesSlowAfter) {
  int calls = 0;
  EXPECT_EQ(strikes_of(5 * kSlowNs, calls), calls);
}

TEST(LookPace, SeesShorterCallsByChance) {
  int calls = 0;
  const int twice = strikes_of(2 * kSlowNs, calls);
  const int thrice = strikes_of(3 * kSlowNs, calls);
  EXPECT_GT(twice, calls / 5);
  EXPECT_GT(thrice, calls / 2);
  EXPECT_LT(thrice, calls);
}

TEST(LookPace, StrikesNoCallBelowSlowAfter) {
  int calls = 0;
  EXPECT_EQ(strikes_of(kSlowNs - 1, calls), 0);
}

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
  Sampler of_short(200'000);
  of_short.look_until(kSlowNs, [](std::int64_t) { return call(1); });
  EXPECT_EQ(of_short.last_pause_ns(), LookPace::kShortestPauseNs);
}

TEST(LookPace, NoticesRestInTimeHoweverLongSlowAfterIs) {
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
