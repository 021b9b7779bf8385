// Fan-out, growth: how much more room a table takes when it is full.
#pragma once

#include <cstddef>
#include <vector>

namespace herald::core {

/// An eighth, in place of as much again, as a vector would: 100,000 subscribers would leave room
/// for 31,072 more. Each item is still moved a bounded number of times (9 on average).
template <typename T>
void make_room_for_one(std::vector<T>& items) {
  constexpr std::size_t kShare = 8;
  if (items.size() == items.capacity()) {
    items.reserve(items.size() + items.size() / kShare + 1);
  }
}

}  // namespace herald::core
