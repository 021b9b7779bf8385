#include "core/lane/event_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace herald::core {
namespace {

using Item = EventRing::Item;

class EventRingTest : public testing::Test {
 protected:
  // Puts so many more events in, each with its position.
  void put(std::size_t count) {
    std::generate_n(items_.begin(), count, [next = put_]() mutable {
      Item item{};
      item.stream = next++;
      return item;
    });
    ring_.put(put_, items_.data(), count);
    put_ += count;
  }
  void expect_next(std::size_t count) {
    ring_.get(taken_, items_.data(), count);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(items_[i].stream, taken_ + i);
    }
    taken_ += count;
  }

  EventRing ring_;
  std::array<Item, 512> items_{};
  EventRing::Position put_ = 0;
  EventRing::Position taken_ = 0;
};

TEST_F(EventRingTest, IsEmptyUntilReserved) { EXPECT_EQ(ring_.reserved_bytes(), 0u); }

TEST_F(EventRingTest, RoundsUpToAPowerOfTwo) {
  ring_.reserve(65);
  EXPECT_EQ(ring_.reserved_bytes(), 128 * sizeof(Item));
  EventRing one;
  one.reserve(1);
  EXPECT_EQ(one.reserved_bytes(), 64 * sizeof(Item));
}

TEST_F(EventRingTest, ReserveGrowsOnly) {
  ring_.reserve(1'000);
  ring_.reserve(10);
  EXPECT_EQ(ring_.reserved_bytes(), 1'024 * sizeof(Item));
  ring_.reserve(5'000);
  EXPECT_EQ(ring_.reserved_bytes(), 8'192 * sizeof(Item));
}

TEST_F(EventRingTest, GivesBackEachPositionRoundAndRound) {
  for (const std::size_t step : {1u, 7u, 64u, 255u, 256u, 300u, 512u}) {
    ring_.reserve(512);
    for (int round = 0; round < 200; ++round) {
      while (put_ - taken_ + step <= 512) {
        put(step);
      }
      ASSERT_NO_FATAL_FAILURE(expect_next(1 + static_cast<std::size_t>(round) % (put_ - taken_)))
          << "step " << step;
    }
    ASSERT_NO_FATAL_FAILURE(expect_next(put_ - taken_));
  }
}

TEST_F(EventRingTest, CellsLieInARowUpToTheEnd) {
  ring_.reserve(64);
  EXPECT_EQ(ring_.cells(0, 64).size(), 64u);
  EXPECT_EQ(ring_.cells(64, 5).data(), ring_.cells(0, 1).data());
  EXPECT_EQ(ring_.cells(60, 10).size(), 4u);
  EXPECT_TRUE(ring_.cells(7, 0).empty());
  ring_.cells(63 + 64, 10).front().stream = 63;
  ring_.cells(64 + 64, 10).front().stream = 64;
  taken_ = 63;
  expect_next(2);
}

TEST_F(EventRingTest, AMarkIsTouchedByNothingElse) {
  ring_.reserve(64);
  EXPECT_EQ(ring_.mark(3).load(std::memory_order_relaxed), 0u);
  ring_.mark(3).store(7, std::memory_order_relaxed);
  ring_.mark(4).store(8, std::memory_order_relaxed);
  Item item{};
  item.sequence = 99;
  ring_.put(3, &item, 1);
  ring_.cell(4).stream = 1;
  Item out{};
  out.sequence = 1;
  ring_.get(3, &out, 1);
  EXPECT_EQ(out.sequence, 1u);
  EXPECT_EQ(ring_.mark(3).load(std::memory_order_relaxed), 7u);
  EXPECT_EQ(ring_.mark(3 + 64).load(std::memory_order_relaxed), 7u);
  EXPECT_EQ(ring_.mark(4).load(std::memory_order_relaxed), 8u);
}

// But its sequence, which it has not got yet.
TEST_F(EventRingTest, KeepsEveryByteOfAnEvent) {
  ring_.reserve(1);
  Item item{};
  std::fill_n(reinterpret_cast<unsigned char*>(&item), sizeof item, 0xA5);
  ring_.put(12'345, &item, 1);
  Item out{};
  out.sequence = item.sequence;
  ring_.get(12'345, &out, 1);
  EXPECT_TRUE(std::equal(reinterpret_cast<unsigned char*>(&out),
                         reinterpret_cast<unsigned char*>(&out + 1),
                         reinterpret_cast<unsigned char*>(&item)));
}

}  // namespace
}  // namespace herald::core
