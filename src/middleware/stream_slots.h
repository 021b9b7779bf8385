// A bounded map from stream to a value, with an order that its user keeps: by age, or by last use.
//
// Threads: one at a time.
// Invariants:
//  1. A slot is in use (in one chain of the hash table and in the order) or free.
//  2. The order is a ring through kept slots and one sentinel, front() behind it.
// Bounds: everything is allocated when it is made; every call is O(1), with a chain of expected
//     length at most 1.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "herald/filter.h"

namespace herald::middleware {

template <typename Value>
class StreamSlots {
 public:
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;

  explicit StreamSlots(std::size_t capacity)
      : chains_(std::bit_ceil(capacity + 1), kNone),
        slots_(capacity + 1),
        sentinel_(static_cast<Index>(capacity)) {
    slots_[sentinel_].before = slots_[sentinel_].behind = sentinel_;
    for (Index slot = sentinel_; slot > 0; --slot) {
      slots_[slot - 1].chained = std::exchange(free_, slot - 1);
    }
  }

  [[nodiscard]] bool empty() const noexcept { return slots_[sentinel_].behind == sentinel_; }
  [[nodiscard]] bool full() const noexcept { return free_ == kNone; }

  /// The slot of the stream; kNone if it has none.
  [[nodiscard]] Index find(StreamId stream) const noexcept {
    Index slot = chains_[chain_of(stream)];
    while (slot != kNone && slots_[slot].stream != stream) {
      slot = slots_[slot].chained;
    }
    return slot;
  }
  /// A slot for the stream, at the back of the order. Its value is what the last user left.
  /// Requires: not full, and the stream has none.
  Index insert(StreamId stream) noexcept {
    const Index slot = free_;
    free_ = slots_[slot].chained;
    slots_[slot].stream = stream;
    slots_[slot].chained = std::exchange(chains_[chain_of(stream)], slot);
    link_before(sentinel_, slot);
    return slot;
  }
  void erase(Index slot) noexcept {
    Index* link = &chains_[chain_of(slots_[slot].stream)];
    while (*link != slot) {
      link = &slots_[*link].chained;
    }
    *link = slots_[slot].chained;
    unlink(slot);
    slots_[slot].chained = std::exchange(free_, slot);
  }

  [[nodiscard]] Value& operator[](Index slot) noexcept { return slots_[slot].value; }

  // The order.

  /// Requires: not empty.
  [[nodiscard]] Index front() const noexcept { return slots_[sentinel_].behind; }
  void move_to_front(Index slot) noexcept {
    unlink(slot);
    link_before(slots_[sentinel_].behind, slot);
  }
  void move_to_back(Index slot) noexcept {
    unlink(slot);
    link_before(sentinel_, slot);
  }

 private:
  struct Slot {
    Value value{};
    StreamId stream = 0;
    Index chained = kNone;  // the next of its chain, or of the free ones
    Index before = kNone;
    Index behind = kNone;
  };

  // Ids are often counted up, or have their meaning in the upper bits: mix all of them.
  [[nodiscard]] std::size_t chain_of(StreamId stream) const noexcept {
    std::uint64_t mixed = (stream ^ (stream >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return static_cast<std::size_t>(mixed ^ (mixed >> 31U)) & (chains_.size() - 1);
  }
  void link_before(Index place, Index slot) noexcept {
    const Index before = slots_[place].before;
    slots_[slot].before = before;
    slots_[slot].behind = place;
    slots_[before].behind = slot;
    slots_[place].before = slot;
  }
  void unlink(Index slot) noexcept {
    slots_[slots_[slot].before].behind = slots_[slot].behind;
    slots_[slots_[slot].behind].before = slots_[slot].before;
  }

  std::vector<Index> chains_;
  std::vector<Slot> slots_;  // the last one is the sentinel
  Index sentinel_;
  Index free_ = kNone;
};

}  // namespace herald::middleware
