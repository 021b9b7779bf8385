// A batch for queues that take and give only one at a time.
#pragma once

#include <cstddef>
#include <span>

namespace peers {

/// Calls `move` for one after the other until it says no. Returns for how many it said yes.
template <typename Item, typename Move>
std::size_t one_by_one(std::span<Item> items, Move move) {
  std::size_t count = 0;
  while (count < items.size() && move(items[count])) {
    ++count;
  }
  return count;
}

}  // namespace peers
