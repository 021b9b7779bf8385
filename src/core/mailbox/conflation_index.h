// Mailbox, conflation index: where in a mailbox's queue the last event of each key was put.
//
// Threads: the dispatcher. What it says may be out by now: the queue knows.
// Bounds: twice the capacity; those that have left the queue are thrown away when it is full, so
//   each look-up costs O(1) on average. No memory after it is made: with a third in reserve, the
//   map gets rid of what was thrown away in place (tests/integration/allocation_test.cc sees it).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "herald/event.h"

namespace herald::core {

class Attachment;

class ConflationIndex {
 public:
  using Position = std::uint64_t;

  explicit ConflationIndex(std::size_t capacity_events) : most_keys_(2 * capacity_events) {
    places_.reserve(std::max(most_keys_ + most_keys_ / 2, kFewestPlaces));
  }

  [[nodiscard]] std::size_t size_bytes() const noexcept {
    return places_.capacity() * (sizeof(Key) + sizeof(Position) + 1);
  }
  /// Where the last event of the key was put; null if it is not known.
  [[nodiscard]] const Position* find(const Attachment& receiver, const Event& event) const {
    const auto found = places_.find(key(receiver, event));
    return found == places_.end() ? nullptr : &found->second;
  }
  /// Notes where it is put now; `first` is the oldest that may be in the queue.
  void note(const Attachment& receiver, const Event& event, Position at, Position first) {
    places_[key(receiver, event)] = at;
    if (places_.size() > most_keys_) {
      absl::erase_if(places_, [first](const auto& place) { return place.second < first; });
    }
  }

 private:
  static constexpr std::size_t kFewestPlaces = 28;  // a smaller map always grows
  using Key = std::tuple<const Attachment*, unsigned, StreamId>;

  [[nodiscard]] static Key key(const Attachment& receiver, const Event& event) noexcept {
    return {&receiver, event.type_index(), event.stream()};
  }

  const std::size_t most_keys_;
  absl::flat_hash_map<Key, Position> places_;
};

}  // namespace herald::core
