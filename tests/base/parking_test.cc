// The real futex under the parking spot; its protocol is explored in tests/model.
#include "base/parking.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/atomics.h"
#include "base/clock.h"

namespace herald::base {
namespace {

using Spot = ParkingSpot<NativeAtomics>;
constexpr std::int64_t kNoDeadline = NativeAtomics::kNoDeadline;

class Parking : public testing::TestWithParam<FenceMode> {
 protected:
  void SetUp() override {
    if (GetParam() == FenceMode::kMembarrier && !NativeAtomics::membarrier_available()) {
      GTEST_SKIP() << "this kernel refuses membarrier: there is no such mode to test";
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, Parking,
                         testing::Values(FenceMode::kMembarrier,
                                         FenceMode::kSequentiallyConsistent),
                         [](const auto& mode) {
                           return mode.param == FenceMode::kMembarrier ? "Membarrier" : "SeqCst";
                         });

TEST_P(Parking, NotifyWithoutASleeperDoesNothing) {
  Spot spot(GetParam());
  EXPECT_FALSE(spot.notify());
  EXPECT_FALSE(spot.notify());
}

TEST_P(Parking, OneNotifyIsEnoughForOneAnnouncement) {
  Spot spot(GetParam());
  static_cast<void>(spot.prepare());
  EXPECT_TRUE(spot.notify());
  EXPECT_FALSE(spot.notify()) << "the first one has told all";
}

TEST_P(Parking, ASleeperThatWasNotifiedSinceItPreparedDoesNotSleep) {
  Spot spot(GetParam());
  const Spot::Ticket ticket = spot.prepare();
  spot.notify();
  EXPECT_TRUE(spot.sleep(ticket, kNoDeadline));
}

TEST_P(Parking, SleepEndsAtItsDeadline) {
  Spot spot(GetParam());
  const std::int64_t now = Clock::monotonic_ns();
  for (const std::int64_t deadline : {std::int64_t{-1}, std::int64_t{0}, now, now + 2'000'000}) {
    const Spot::Ticket ticket = spot.prepare();
    // Returning early is allowed, returning before the deadline with a timeout is not.
    while (spot.sleep(ticket, deadline)) {
    }
    EXPECT_GE(Clock::monotonic_ns(), deadline);
  }
}

TEST_P(Parking, NotifyWakesAllSleepers) {
  Spot spot(GetParam());
  std::atomic<bool> condition{false};
  std::vector<std::thread> sleepers;
  for (int i = 0; i < 4; ++i) {
    sleepers.emplace_back([&] {
      while (!condition.load(std::memory_order_seq_cst)) {
        const Spot::Ticket ticket = spot.prepare();
        if (!condition.load(std::memory_order_seq_cst)) {
          spot.sleep(ticket, kNoDeadline);
        }
      }
    });
  }
  condition.store(true, std::memory_order_seq_cst);
  spot.notify();
  for (std::thread& sleeper : sleepers) {
    sleeper.join();
  }
}

// A lost wake-up would hang it.
TEST_P(Parking, PingPongLosesNoWakeUp) {
  constexpr std::uint64_t kRounds = 2'000;
  Spot spots[2] = {Spot(GetParam()), Spot(GetParam())};
  std::atomic<std::uint64_t> turns[2] = {0, 0};
  const auto play = [&](int me) {
    const int you = 1 - me;
    for (std::uint64_t round = 1; round <= kRounds; ++round) {
      if (me == 0) {
        StoreThenLoad<NativeAtomics>::light_store(GetParam(), turns[you], round);
        spots[you].notify();
      }
      const auto mine = [&] {
        return StoreThenLoad<NativeAtomics>::heavy_load(GetParam(), turns[me]) >= round;
      };
      while (!mine()) {
        const Spot::Ticket ticket = spots[me].prepare();
        if (!mine()) {
          spots[me].sleep(ticket, kNoDeadline);
        }
      }
      if (me == 1) {
        StoreThenLoad<NativeAtomics>::light_store(GetParam(), turns[you], round);
        spots[you].notify();
      }
    }
  };
  std::thread other([&] { play(1); });
  play(0);
  other.join();
}

}  // namespace
}  // namespace herald::base
