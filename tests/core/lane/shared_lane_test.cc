// The shared lane over the real queue, by one thread; its races are explored in tests/model.
#include "core/lane/shared_lane.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>

#include "base/atomics.h"

namespace herald::core {
namespace {

using base::FenceMode;

struct Ticketed {
  std::uint64_t sequence = 0;
};

// A queue that has no memory when the test says so, and lets it look into the middle of a push.
struct TestQueue {
  using Item = Ticketed;

  bool enqueue(const Item& item) {
    if (*meanwhile) {
      (*meanwhile)();
    }
    if (*full) {
      return false;
    }
    items.push_back(item);
    return true;
  }
  std::size_t dequeue(Item* out, std::size_t max) {
    std::size_t count = 0;
    for (; count < max && !items.empty(); ++count) {
      out[count] = items.front();
      items.pop_front();
    }
    return count;
  }

  bool* full;
  std::function<void()>* meanwhile;
  std::deque<Item> items = {};
};

class SharedLaneTest : public testing::Test {
 protected:
  PushResult push() {
    Ticketed item;
    return lane_.push(item);
  }
  std::size_t take(std::size_t max) { return lane_.take(taken_.data(), max); }

  static constexpr FenceMode kMode = FenceMode::kSequentiallyConsistent;
  bool full_ = false;
  std::function<void()> meanwhile_;
  base::ParkingSpot<base::NativeAtomics> doorbell_{kMode};
  SharedLane<base::NativeAtomics, TestQueue> lane_{TestQueue{&full_, &meanwhile_}, 3, kMode,
                                                   doorbell_};
  std::array<Ticketed, 8> taken_{};
};

TEST_F(SharedLaneTest, EmptyGivesNothing) {
  EXPECT_FALSE(lane_.waiting());
  EXPECT_EQ(take(8), 0u);
  EXPECT_FALSE(lane_.waiting());
}

TEST_F(SharedLaneTest, LetsInAsManyAsItsCapacity) {
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(push(), PushResult::kAccepted);
    EXPECT_EQ(push(), PushResult::kAccepted);
    EXPECT_EQ(push(), PushResult::kAccepted);
    EXPECT_EQ(push(), PushResult::kNoCredit);
    EXPECT_EQ(take(1), 1u);
    EXPECT_EQ(push(), PushResult::kAccepted);
    EXPECT_EQ(push(), PushResult::kNoCredit);
    EXPECT_EQ(take(8), 3u);
  }
  EXPECT_EQ(lane_.accepted(), 12u);
  EXPECT_EQ(lane_.drained(), 12u);
}

TEST_F(SharedLaneTest, EventsCarryTheirTickets) {
  push();
  push();
  EXPECT_EQ(take(8), 2u);
  EXPECT_EQ(taken_[0].sequence, 0u);
  EXPECT_EQ(taken_[1].sequence, 1u);
}

TEST_F(SharedLaneTest, IsNotWaitingOnceAllWasTaken) {
  push();
  EXPECT_TRUE(lane_.waiting());
  EXPECT_EQ(take(8), 1u);
  EXPECT_FALSE(lane_.waiting()) << "nothing has come since";
}

TEST_F(SharedLaneTest, IsWaitingWhileAPartIsLeft) {
  push();
  push();
  EXPECT_EQ(take(1), 1u);
  EXPECT_TRUE(lane_.waiting());
}

// Why Bus::wait may end a moment early, and why it does not do so again and again.
TEST_F(SharedLaneTest, IsWaitingForAPushOnItsWayUntilItHasLooked) {
  push();
  ASSERT_EQ(take(8), 1u);
  meanwhile_ = [this] {
    EXPECT_TRUE(lane_.waiting()) << "there may be more where the last one was";
    EXPECT_EQ(take(8), 0u);
    EXPECT_FALSE(lane_.waiting());
  };
  EXPECT_EQ(push(), PushResult::kAccepted);
  EXPECT_TRUE(lane_.waiting());
  EXPECT_EQ(take(8), 1u);
}

TEST_F(SharedLaneTest, AnEventWithoutMemoryTakesNoRoom) {
  full_ = true;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(push(), PushResult::kNoMemory);
  }
  full_ = false;
  EXPECT_EQ(lane_.accepted(), 0u);
  EXPECT_EQ(lane_.mark().missing, 0u);
  EXPECT_TRUE(lane_.wait_for_room(0));
  EXPECT_EQ(push(), PushResult::kAccepted);
  EXPECT_EQ(push(), PushResult::kAccepted);
  EXPECT_EQ(push(), PushResult::kAccepted);
  EXPECT_EQ(push(), PushResult::kNoCredit);
  EXPECT_EQ(lane_.mark().missing, 3u);
  EXPECT_EQ(take(8), 3u);
  EXPECT_EQ(lane_.mark().missing, 0u);
}

TEST_F(SharedLaneTest, ASealRefusesWhatComesAndGivesWhatCame) {
  push();
  lane_.seal();
  lane_.seal();
  EXPECT_EQ(push(), PushResult::kSealed);
  EXPECT_EQ(lane_.accepted(), 1u);
  EXPECT_EQ(lane_.tickets(), 1u) << "the seal is no ticket";
  EXPECT_EQ(take(8), 1u);
}

TEST_F(SharedLaneTest, WaitForRoomEndsAtOnceWithRoomOrASeal) {
  EXPECT_TRUE(lane_.wait_for_room(base::NativeAtomics::kNoDeadline));
  push();
  push();
  push();
  EXPECT_FALSE(lane_.wait_for_room(0));
  lane_.seal();
  EXPECT_TRUE(lane_.wait_for_room(base::NativeAtomics::kNoDeadline));
}

}  // namespace
}  // namespace herald::core
