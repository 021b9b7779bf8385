// Stage 6, fan-out: takes an event (or a span of them), calls every subscriber of one list in
// order.
//
// Threads: the holder of the dispatch right.
// Invariants:
//  1. The calls of a fan-out walk one contiguous array of {function, object}; nothing is added to
//     it meanwhile. A callback may remove any entry: it becomes a tombstone, a call that
//     does nothing.
//  2. Order is order of addition; sweep() keeps it.
//  3. What a subscriber was offered is counted for the list, not for each call: calls_ now, less
//     calls_ when it was added, corrected when it leaves in the middle of a fan-out.
// Bounds: 16 bytes an entry, 8 for its owner, an eighth in reserve; tombstones are at most half of
//   a swept list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/exceptions.h"
#include "core/attachment.h"
#include "core/callback_guard.h"
#include "core/growth.h"

namespace herald::core {

/// Where the dispatcher is: which list, which entry. Read by those who remove from a callback.
struct FanOutCursor {
  const void* list = nullptr;  // null: no call is running
  std::size_t index = 0;
  std::uint64_t weight = 0;      // events offered by the running call
  Attachment* leaver = nullptr;  // whoever last removed himself in his own call
};

template <typename Argument>
class FanOutList {
 public:
  using Function = void(void* object, Argument argument);

  void add(Attachment& owner, unsigned type_index, Function* function, void* object) {
    settle();
    make_room_for_one(owners_);
    make_room_for_one(entries_);
    owner.places.push_back({this, type_index, static_cast<std::uint32_t>(entries_.size()), calls_});
    owners_.push_back(&owner);
    entries_.push_back({function, object});
  }

  /// Leaves a tombstone. The caller takes care of the owner's place, and keeps the owner until a
  /// running call is back.
  void remove(std::size_t index, FanOutCursor& cursor) noexcept {
    settle();
    if (cursor.list == this && cursor.index == index) {
      cursor.leaver = owners_[index];
    }
    entries_[index] = {&skip, nullptr};
    owners_[index] = nullptr;
    ++tombstones_;
  }

  /// Closes the gaps. Not during a fan-out of this list.
  void sweep() noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (owners_[i] == nullptr) {
        continue;
      }
      entries_[kept] = entries_[i];
      owners_[kept] = owners_[i];
      place_of(*owners_[i]).index = static_cast<std::uint32_t>(kept);
      ++kept;
    }
    entries_.resize(kept);
    owners_.resize(kept);
    tombstones_ = 0;
  }

  /// Calls everyone with `argument`, which is `weight` events. What they throw is contained.
  /// Returns the number of calls.
  std::size_t call(Argument argument, std::uint64_t weight, FanOutCursor& cursor,
                   CallbackGuard& guard) noexcept {
    const auto no_more = [](std::size_t) -> std::remove_reference_t<Argument>* { return nullptr; };
    return call_each(&argument, weight, no_more, cursor, guard);
  }

  /// The same with one argument after the other: `next(calls)` gives it after each fan-out, of so
  /// many calls, and null at the end. Nobody is added or swept meanwhile. Returns the calls for
  /// each.
  template <typename Next>
  std::size_t call_each(std::remove_reference_t<Argument>* argument, std::uint64_t weight,
                        Next next, FanOutCursor& cursor, CallbackGuard& guard) noexcept {
    const std::size_t end = entries_.size();
    cursor.list = this;
    cursor.weight = weight;
    cursor.index = 0;
    calls_ += weight;
    while (argument != nullptr) {
      HERALD_TRY {
        call_rest(*argument, end, cursor);
        argument = next(end);
        cursor.index = 0;
        calls_ += argument != nullptr ? weight : 0;
      }
      HERALD_CATCH_ALL {
        guard.caught(thrower(cursor));
        ++cursor.index;
      }
    }
    cursor.list = nullptr;
    return end;
  }

  /// What `place` was offered up to now, and has been called with or is being called with.
  [[nodiscard]] std::uint64_t offered(const Place& place,
                                      const FanOutCursor& cursor) const noexcept {
    return calls_ - place.calls_before - not_reached(place, cursor);
  }
  /// Events of the running fan-out that have not reached `place`.
  [[nodiscard]] std::uint64_t not_reached(const Place& place,
                                          const FanOutCursor& cursor) const noexcept {
    return cursor.list == this && place.index > cursor.index ? cursor.weight : 0;
  }
  void undeliver(std::uint64_t events) noexcept { deliveries_ -= events; }

  [[nodiscard]] std::size_t live() const noexcept { return entries_.size() - tombstones_; }
  [[nodiscard]] bool wants_sweep() const noexcept { return tombstones_ > live(); }
  /// The events offered to the list, times the subscribers they went to.
  [[nodiscard]] std::uint64_t deliveries() const noexcept {
    return deliveries_ + (calls_ - settled_calls_) * live();
  }
  /// With the places of the owners.
  [[nodiscard]] std::size_t size_bytes() const noexcept {
    return sizeof(*this) + entries_.capacity() * sizeof(Entry) +
           owners_.capacity() * sizeof(Attachment*) + live() * sizeof(Place);
  }
  template <typename Visit>
  void for_each_owner(Visit&& visit) const {
    for (Attachment* owner : owners_) {
      if (owner != nullptr) {
        visit(*owner);
      }
    }
  }

 private:
  struct Entry {
    Function* function;
    void* object;
  };

  static void skip(void*, Argument) noexcept {}

  // The inner loop of Herald, four calls a turn: one by one, the loop's own jump would be every
  // third, as a call and its return are two. The cursor is stored for each call: measured free.
  void call_rest(Argument argument, std::size_t end, FanOutCursor& cursor) {
    const Entry* const entries = entries_.data();
    const auto call = [&](std::size_t index) {
      cursor.index = index;
      entries[index].function(entries[index].object, argument);
    };
    std::size_t index = cursor.index;
    for (; index + 4 <= end; index += 4) {
      call(index);
      call(index + 1);
      call(index + 2);
      call(index + 3);
    }
    for (; index < end; ++index) {
      call(index);
    }
  }

  [[nodiscard]] Attachment& thrower(const FanOutCursor& cursor) const noexcept {
    Attachment* owner = owners_[cursor.index];
    return owner != nullptr ? *owner : *cursor.leaver;
  }

  // Before the number of subscribers changes.
  void settle() noexcept {
    deliveries_ = deliveries();
    settled_calls_ = calls_;
  }

  Place& place_of(Attachment& owner) noexcept {
    std::size_t i = 0;
    while (owner.places[i].list != this) {
      ++i;
    }
    return owner.places[i];
  }

  std::vector<Entry> entries_;
  std::vector<Attachment*> owners_;  // by the index of the entry; null: a tombstone
  std::size_t tombstones_ = 0;
  std::uint64_t calls_ = 0;          // events offered to the list
  std::uint64_t settled_calls_ = 0;  // those of them that deliveries_ has
  std::uint64_t deliveries_ = 0;
};

}  // namespace herald::core
