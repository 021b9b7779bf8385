// One lane over the real ring, by one thread; its races are explored in tests/model.
#include "core/lane/lane.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/atomics.h"
#include "core/lane/event_ring.h"

namespace herald::core {
namespace {

using base::FenceMode;
using Item = detail::EventSlot;

class LaneTest : public testing::Test {
 protected:
  LaneTest() { lane_.ring().reserve(4); }

  PushResult push(std::size_t count) {
    std::array<Item, 8> items{};
    for (std::size_t i = 0; i < count; ++i) {
      items[i].stream = pushed_ + i;
    }
    const PushResult result = lane_.push(items.data(), count);
    pushed_ += result == PushResult::kAccepted ? count : 0;
    return result;
  }
  std::vector<std::uint64_t> take(std::size_t max) { return take(max, lane_.limit()); }
  std::vector<std::uint64_t> take(std::size_t max, std::uint64_t limit) {
    std::array<Item, 8> items{};
    const std::size_t count = lane_.take(items.data(), max, limit);
    std::vector<std::uint64_t> streams(count);
    std::transform(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count),
                   streams.begin(), [](const Item& item) { return item.stream; });
    return streams;
  }

  // Of a round that begins.
  std::uint64_t next_limit() { return lane_.next_limit(true); }
  void take_mark_away(std::uint64_t at) {
    lane_.ring().mark(at).store(0, std::memory_order_relaxed);
  }

  static constexpr FenceMode kMode = FenceMode::kSequentiallyConsistent;
  base::ParkingSpot<base::NativeAtomics> doorbell_{kMode};
  Lane<base::NativeAtomics, EventRing> lane_{EventRing(), 4, kMode, doorbell_};
  std::uint64_t pushed_ = 0;
};

TEST_F(LaneTest, EmptyGivesNothing) {
  EXPECT_EQ(lane_.waiting(), 0u);
  EXPECT_TRUE(take(8).empty());
  EXPECT_EQ(lane_.room(), 4u);
}

TEST_F(LaneTest, GivesInOrderWhatItTook) {
  EXPECT_EQ(push(2), PushResult::kAccepted);
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_EQ(lane_.waiting(), 3u);
  EXPECT_EQ(take(2), (std::vector<std::uint64_t>{0, 1}));
  EXPECT_EQ(take(8), (std::vector<std::uint64_t>{2}));
  EXPECT_EQ(lane_.accepted(), 3u);
  EXPECT_EQ(lane_.drained(), 3u);
}

TEST_F(LaneTest, TakesAllOfAPushOrNothing) {
  EXPECT_EQ(push(5), PushResult::kNoCredit);
  EXPECT_EQ(push(3), PushResult::kAccepted);
  EXPECT_EQ(push(2), PushResult::kNoCredit);
  EXPECT_EQ(lane_.room(), 1u);
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_EQ(push(1), PushResult::kNoCredit);
  EXPECT_EQ(take(1).size(), 1u);
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_EQ(take(8), (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

TEST_F(LaneTest, ClaimsWhatFitsAndCommitsWhatWasMade) {
  EXPECT_EQ(push(2), PushResult::kAccepted);
  EXPECT_EQ(take(1).size(), 1u);
  const std::span<Item> cells = lane_.claim(8);
  ASSERT_EQ(cells.size(), 3u);
  cells[0].stream = 7;
  cells[1].stream = 8;
  EXPECT_EQ(lane_.waiting(), 1u) << "claimed is not published";
  EXPECT_EQ(lane_.commit(2), PushResult::kAccepted);
  EXPECT_EQ(lane_.claim(8).size(), 1u);
  EXPECT_EQ(take(8), (std::vector<std::uint64_t>{1, 7, 8}));
  EXPECT_EQ(push(4), PushResult::kAccepted);
  EXPECT_TRUE(lane_.claim(1).empty());
  take(8);
  lane_.seal();
  EXPECT_TRUE(lane_.claim(1).empty());
}

TEST_F(LaneTest, KeepsPlacesForWhatIsToCome) {
  EXPECT_EQ(push(2), PushResult::kAccepted);
  EXPECT_TRUE(lane_.keep_place());
  EXPECT_EQ(lane_.room(), 1u);
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_FALSE(lane_.keep_place());
  EXPECT_EQ(push(1), PushResult::kNoCredit);
  EXPECT_TRUE(lane_.claim(1).empty());
  Item last{};
  last.stream = 9;
  lane_.give_place_up();
  EXPECT_EQ(lane_.push(&last, 1), PushResult::kAccepted);
  EXPECT_EQ(take(8), (std::vector<std::uint64_t>{0, 1, 2, 9}));
  EXPECT_TRUE(lane_.keep_place());
  EXPECT_EQ(push(4), PushResult::kNoCredit);
  lane_.give_place_up();
  EXPECT_EQ(push(4), PushResult::kAccepted);
}

TEST_F(LaneTest, ALimitHidesWhatCameLater) {
  push(2);
  const auto limit = lane_.limit();
  push(2);
  std::array<Item, 8> items{};
  EXPECT_EQ(lane_.take(items.data(), 8, limit), 2u);
  EXPECT_EQ(lane_.take(items.data(), 8, limit), 0u);
  EXPECT_TRUE(lane_.reached(limit));
  EXPECT_FALSE(lane_.reached(lane_.announced()));
  EXPECT_EQ(lane_.waiting(), 2u);
}

TEST_F(LaneTest, ASealRefusesWhatComesAndGivesWhatCame) {
  push(2);
  lane_.seal();
  lane_.seal();
  EXPECT_TRUE(lane_.sealed());
  EXPECT_EQ(push(1), PushResult::kSealed);
  EXPECT_EQ(lane_.accepted(), 2u);
  EXPECT_EQ(take(8).size(), 2u);
  EXPECT_TRUE(lane_.reached(lane_.announced()));
}

TEST_F(LaneTest, AFinishedLaneMayBeReopenedWithAnotherCapacity) {
  push(3);
  lane_.finish();
  EXPECT_EQ(push(1), PushResult::kSealed);
  EXPECT_EQ(take(8).size(), 3u);
  lane_.reopen(2);
  EXPECT_EQ(lane_.accepted(), 0u);
  EXPECT_EQ(lane_.capacity(), 2u);
  EXPECT_EQ(push(3), PushResult::kNoCredit);
  EXPECT_EQ(push(2), PushResult::kAccepted);
  EXPECT_EQ(take(8), (std::vector<std::uint64_t>{3, 4}));
}

TEST_F(LaneTest, WhoWaitsSeesTheNextPushAndWhoWorksAllThatCame) {
  EXPECT_FALSE(lane_.sees_next());
  EXPECT_EQ(next_limit(), 0u);
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_EQ(push(2), PushResult::kAccepted);
  EXPECT_TRUE(lane_.sees_next());
  EXPECT_EQ(take(8, next_limit()), (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_EQ(take(8, next_limit()), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_FALSE(lane_.sees_next());
  EXPECT_FALSE(lane_.sees_any());
  EXPECT_EQ(next_limit(), 4u);
}

TEST_F(LaneTest, AGlimpseWillDoOnlyOnce) {
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_TRUE(lane_.sees_next());
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_EQ(lane_.next_limit(true), 1u);
  EXPECT_EQ(lane_.next_limit(false), 2u);
  EXPECT_EQ(take(8, next_limit()).size(), 2u);
}

// Otherwise the room that is left would seem to be more than it is.
TEST_F(LaneTest, WhatIsLeftOfABatchComesWithWhatCameSince) {
  EXPECT_EQ(push(3), PushResult::kAccepted);
  EXPECT_TRUE(lane_.sees_next());
  EXPECT_EQ(take(1, next_limit()).size(), 1u);
  EXPECT_EQ(push(2), PushResult::kAccepted);
  EXPECT_TRUE(lane_.sees_next());
  EXPECT_EQ(next_limit(), 5u);
}

TEST_F(LaneTest, WithoutAMarkNothingIsSeenButByWhoIsAboutToSleep) {
  EXPECT_EQ(push(1), PushResult::kAccepted);
  take_mark_away(0);
  EXPECT_FALSE(lane_.sees_next());
  EXPECT_EQ(next_limit(), 0u);
  EXPECT_TRUE(lane_.sees_any());
  EXPECT_EQ(next_limit(), 1u);
}

TEST_F(LaneTest, AReopenedLaneLooksAtMarksAgain) {
  lane_.look_at_marks(false);
  lane_.finish();
  lane_.reopen(4);
  EXPECT_EQ(push(1), PushResult::kAccepted);
  take_mark_away(0);
  EXPECT_FALSE(lane_.sees_next());
  lane_.look_at_marks(false);
  EXPECT_TRUE(lane_.sees_next());
}

TEST_F(LaneTest, WhoIsAboutToSleepSeesAllThatCame) {
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_EQ(push(2), PushResult::kAccepted);
  EXPECT_TRUE(lane_.sees_any());
  EXPECT_EQ(next_limit(), 3u);
}

TEST_F(LaneTest, WithoutMarksTheCountTells) {
  lane_.look_at_marks(false);
  EXPECT_FALSE(lane_.sees_next());
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_EQ(push(2), PushResult::kAccepted);
  EXPECT_TRUE(lane_.sees_next());
  EXPECT_EQ(take(8, next_limit()), (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_FALSE(lane_.sees_next());
}

// There is no mark within a push: whoever stopped there asks for the count.
TEST_F(LaneTest, WhatIsLeftOfAPushIsSeen) {
  EXPECT_EQ(push(3), PushResult::kAccepted);
  EXPECT_EQ(take(1).size(), 1u);
  EXPECT_TRUE(lane_.sees_next());
  EXPECT_EQ(take(1, next_limit()).size(), 1u);
  EXPECT_TRUE(lane_.sees_next());
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_EQ(take(1, lane_.limit()).size(), 1u);
  EXPECT_EQ(take(8, next_limit()), (std::vector<std::uint64_t>{3}));
}

// A push that went through before its time, as a pump's limit may take it.
TEST_F(LaneTest, WhatALimitTookIsNotSeenAgain) {
  EXPECT_EQ(push(2), PushResult::kAccepted);
  EXPECT_TRUE(lane_.sees_any());
  EXPECT_EQ(push(1), PushResult::kAccepted);
  EXPECT_EQ(take(8).size(), 3u);
  EXPECT_FALSE(lane_.sees_next());
  EXPECT_EQ(next_limit(), 3u);
  EXPECT_TRUE(take(8, next_limit()).empty());
}

TEST_F(LaneTest, MarksOfEarlierLapsTellNothing) {
  const std::size_t cells = lane_.ring().reserved_bytes() / sizeof(Item);
  for (std::size_t round = 0; round < 3 * cells; ++round) {
    const std::size_t count = 1 + round % 4;
    EXPECT_FALSE(lane_.sees_next());
    EXPECT_EQ(next_limit(), lane_.taken());
    EXPECT_EQ(push(count), PushResult::kAccepted);
    ASSERT_TRUE(lane_.sees_next()) << "round " << round;
    ASSERT_EQ(take(8, next_limit()).size(), count) << "round " << round;
  }
}

TEST_F(LaneTest, MarksOfAnEarlierPublisherTellNothing) {
  for (int publisher = 0; publisher < 3; ++publisher) {
    for (int i = 0; i < 10; ++i) {
      EXPECT_FALSE(lane_.sees_next()) << "publisher " << publisher;
      EXPECT_EQ(next_limit(), lane_.taken());
      EXPECT_EQ(push(4), PushResult::kAccepted);
      EXPECT_TRUE(lane_.sees_next());
      EXPECT_EQ(take(8, next_limit()).size(), 4u);
    }
    lane_.finish();
    lane_.reopen(4);
  }
}

TEST_F(LaneTest, WhatLiesBehindTheSealIsNotSeen) {
  EXPECT_EQ(push(1), PushResult::kAccepted);
  lane_.seal();
  lane_.ring().mark(1).store(2, std::memory_order_relaxed);  // as a refused push leaves it
  EXPECT_TRUE(lane_.sees_next());
  EXPECT_EQ(take(8, next_limit()).size(), 1u);
  EXPECT_FALSE(lane_.sees_next());
  EXPECT_FALSE(lane_.sees_any());
  EXPECT_EQ(next_limit(), 1u);
}

TEST_F(LaneTest, WaitForRoomEndsAtOnceWithRoomOrASeal) {
  EXPECT_TRUE(lane_.wait_for_room(base::NativeAtomics::kNoDeadline));
  push(4);
  EXPECT_FALSE(lane_.wait_for_room(0));
  lane_.seal();
  EXPECT_TRUE(lane_.wait_for_room(base::NativeAtomics::kNoDeadline));
}

}  // namespace
}  // namespace herald::core
