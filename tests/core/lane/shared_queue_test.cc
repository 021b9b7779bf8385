#include "core/lane/shared_queue.h"

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
