#include "core/event_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace herald::core {
namespace {

using Item = detail::EventSlot;

Item numbered(std::uint64_t number) {
  Item item{};
  item.stream = number;
  return item;
}

// However long the parts are that go in and out, memory that was reserved once is enough.
TEST(LaneQueue, ReservedRoomIsEnoughForEver) {
  constexpr std::size_t kCapacity = 300;
  for (const std::size_t step : {1u, 7u, 64u, 255u, 256u, 300u}) {
    LaneQueue::Queue queue(0);
    LaneQueue lane(queue);
    lane.reserve(kCapacity);
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    std::array<Item, kCapacity> items{};
    for (int round = 0; round < 200; ++round) {
      while (in - out + step <= kCapacity) {
        std::generate_n(items.begin(), step, [next = in]() mutable { return numbered(next++); });
        ASSERT_TRUE(lane.enqueue(items.data(), step)) << step;
        in += step;
      }
      const std::size_t wanted = 1 + static_cast<std::size_t>(round) % (in - out);
      ASSERT_EQ(lane.dequeue(items.data(), wanted), wanted);
      ASSERT_EQ(items[0].stream, out);
      ASSERT_EQ(items[wanted - 1].stream, out + wanted - 1);
      out += wanted;
    }
  }
}

TEST(LaneQueue, ReserveGrowsOnly) {
  LaneQueue::Queue queue(0);
  LaneQueue lane(queue);
  lane.reserve(1'000);
  const std::size_t bytes = lane.reserved_bytes();
  EXPECT_GE(bytes, 1'000 * sizeof(Item));
  lane.reserve(10);
  EXPECT_EQ(lane.reserved_bytes(), bytes);
  lane.reserve(5'000);
  EXPECT_GE(lane.reserved_bytes(), 5'000 * sizeof(Item));
}

TEST(LaneQueue, LanesOfOneQueueAreApart) {
  LaneQueue::Queue queue(0);
  LaneQueue one(queue);
  LaneQueue two(queue);
  one.reserve(1);
  two.reserve(1);
  Item first = numbered(1);
  Item second = numbered(2);
  ASSERT_TRUE(one.enqueue(&first, 1));
  ASSERT_TRUE(two.enqueue(&second, 1));
  Item out{};
  EXPECT_EQ(two.dequeue(&out, 1), 1u);
  EXPECT_EQ(out.stream, 2u);
  EXPECT_EQ(two.dequeue(&out, 1), 0u);
  EXPECT_EQ(one.dequeue(&out, 1), 1u);
  EXPECT_EQ(out.stream, 1u);
}

TEST(SharedQueue, GivesAllOfManyThreadsEachInOrder) {
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kEach = 1'000;
  SharedQueue queue(kThreads * kEach);
  std::vector<std::thread> threads;
  for (std::uint64_t who = 0; who < kThreads; ++who) {
    threads.emplace_back([&queue, who] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        Item item = numbered(who);
        item.sequence = i;
        ASSERT_TRUE(queue.enqueue(item));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::array<std::uint64_t, kThreads> next{};
  std::array<Item, 64> items{};
  while (const std::size_t count = queue.dequeue(items.data(), items.size())) {
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(items[i].sequence, next[items[i].stream]++);
    }
  }
  for (const std::uint64_t count : next) {
    EXPECT_EQ(count, kEach);
  }
}

}  // namespace
}  // namespace herald::core
