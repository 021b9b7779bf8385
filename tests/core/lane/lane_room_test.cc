// The room of a lane, by one thread: who is woken, and when. Its races are explored in tests/model.
#include "core/lane/lane_room.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace herald::core {
namespace {

// Nobody sleeps, and wake-ups are counted.
struct CountingAtomics {
  template <typename T>
  using Atomic = std::atomic<T>;
  static constexpr std::int64_t kNoDeadline = INT64_MAX;
  static void compiler_barrier() noexcept {}
  static void membarrier() noexcept {}
  static bool futex_wait(const std::atomic<std::uint32_t>& /*word*/, std::uint32_t /*expected*/,
                         std::int64_t /*deadline_ns*/) noexcept {
    return false;
  }
  static void futex_wake_all(const std::atomic<std::uint32_t>& /*word*/) noexcept { ++wakes; }

  inline static int wakes = 0;
};

class LaneRoomTest : public testing::Test {
 protected:
  static constexpr std::size_t kCapacity = 8;

  LaneRoomTest() { CountingAtomics::wakes = 0; }
  // As a publisher that has put in all that fits.
  bool wait(std::uint64_t put) {
    return room_.wait(put, CountingAtomics::kNoDeadline, [] { return false; });
  }

  LaneRoom<CountingAtomics> room_{kCapacity};
};

TEST_F(LaneRoomTest, HasWhatIsNotPutIn) {
  EXPECT_TRUE(room_.has(0, kCapacity));
  EXPECT_FALSE(room_.has(0, kCapacity + 1));
  EXPECT_TRUE(room_.has(7, 1));
  EXPECT_FALSE(room_.has(8, 1));
  room_.give_back(3, 5);
  EXPECT_TRUE(room_.has(8, 3));
  EXPECT_FALSE(room_.has(8, 4));
  EXPECT_EQ(room_.drained(), 3u);
}

TEST_F(LaneRoomTest, WakesNobodyWhoDoesNotSleep) {
  room_.give_back(8, 0);
  EXPECT_EQ(CountingAtomics::wakes, 0);
}

TEST_F(LaneRoomTest, WakesASleeperForAnyRoomUnlessTold) {
  EXPECT_FALSE(wait(8));
  room_.give_back(1, 7);
  EXPECT_EQ(CountingAtomics::wakes, 1);
}

TEST_F(LaneRoomTest, WakesASleeperOnceThereIsSoMuchRoom) {
  room_.wake_for(3);
  EXPECT_FALSE(wait(8));
  room_.give_back(1, 7);
  room_.give_back(2, 6);
  EXPECT_EQ(CountingAtomics::wakes, 0);
  room_.give_back(3, 5);
  EXPECT_EQ(CountingAtomics::wakes, 1);
  room_.give_back(4, 4);
  EXPECT_EQ(CountingAtomics::wakes, 1) << "nobody sleeps any more";
}

TEST_F(LaneRoomTest, APublisherWithRoomOrASealDoesNotSleep) {
  EXPECT_TRUE(wait(7));
  EXPECT_TRUE(room_.wait(8, CountingAtomics::kNoDeadline, [] { return true; }));
}

TEST_F(LaneRoomTest, AReopenedRoomIsEmptyAgain) {
  EXPECT_TRUE(room_.keep_place(0));
  room_.give_back(8, 0);
  EXPECT_TRUE(room_.has(8, 1));
  room_.reopen(4);
  EXPECT_EQ(room_.capacity(), 4u);
  EXPECT_EQ(room_.drained(), 0u);
  EXPECT_TRUE(room_.has(0, 4));
  EXPECT_FALSE(room_.has(0, 5));
}

}  // namespace
}  // namespace herald::core
