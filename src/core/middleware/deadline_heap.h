// Middleware, deadlines: takes the times at which middleware wants to run, gives the earliest.
//
// Threads: the holder of the dispatch right.
// Bounds: one entry for each middleware; a later time for the same one replaces the earlier.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace herald::core {

class Attachment;

class DeadlineHeap {
 public:
  struct Entry {
    base::Ticks time;
    Attachment* owner;
  };

  /// Replaces the owner's earlier one. O(entries): there are as many as middleware, a handful.
  void set(Attachment& owner, base::Ticks time) {
    remove(owner);
    entries_.push_back({time, &owner});
    std::push_heap(entries_.begin(), entries_.end(), later);
  }
  void remove(const Attachment& owner) noexcept {
    const auto removed =
        std::erase_if(entries_, [&](const Entry& entry) { return entry.owner == &owner; });
    if (removed != 0) {
      std::make_heap(entries_.begin(), entries_.end(), later);
    }
  }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  /// Requires: not empty.
  [[nodiscard]] base::Ticks earliest() const noexcept { return entries_.front().time; }
  /// The owner whose time has come, taken out; null if none has.
  [[nodiscard]] Attachment* take_due(base::Ticks now) noexcept {
    if (empty() || earliest() > now) {
      return nullptr;
    }
    std::pop_heap(entries_.begin(), entries_.end(), later);
    Attachment* owner = entries_.back().owner;
    entries_.pop_back();
    return owner;
  }

 private:
  static bool later(const Entry& a, const Entry& b) noexcept { return a.time > b.time; }

  std::vector<Entry> entries_;
};

}  // namespace herald::core
