// Fan-out: takes an event (or a span of them), calls every subscriber of one list in
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

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/exceptions.h"
#include "core/fan_out/growth.h"
#include "core/subscriber/attachment.h"
#include "core/subscriber/callback_guard.h"
#include "core/watchdog/stay.h"

namespace herald::core {

/// Of every list, whatever its argument.
struct FanOutOwners {
  std::vector<Attachment*> owners;  // by the index of the entry; null: a tombstone
};

/// Where the dispatcher is: which list, which entry. Read by those who remove from a callback, and
/// by the watchdog's sampler (watchdog/stay.h): no reason to pay for more than plain moves.
class FanOutCursor {
 public:
  // The holder's. Relaxed: its own, unless said otherwise.

  /// Null: no call is running.
  [[nodiscard]] const FanOutOwners* list() const noexcept {
    return list_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t index() const noexcept {
    return index_.load(std::memory_order_relaxed);
  }
  void move_to(std::size_t index) noexcept { index_.store(index, std::memory_order_relaxed); }
  void take_up(const void* argument) noexcept {
    argument_.store(argument, std::memory_order_relaxed);
  }
  /// From now on events may lie where others lay, or batches be called again.
  void begin_turn() noexcept { ++turn_; }
  void enter(const FanOutOwners& list) noexcept {
    move_to(0);
    list_.store(&list, std::memory_order_release);  // [W5] release: pairs with watch().
  }
  void leave() noexcept { list_.store(nullptr, std::memory_order_relaxed); }
  // [W5] acquire: pairs with enter(): the index is not one of the list before.
  void watch(Stay& stay) const noexcept {
    stay.turn = turn_.watch();
    stay.list = list_.load(std::memory_order_acquire);
    stay.argument = argument_.load(std::memory_order_relaxed);
    stay.index = index_.load(std::memory_order_relaxed);
  }

  std::uint64_t weight = 0;      // events offered by the running call
  Attachment* leaver = nullptr;  // whoever last removed himself in his own call

 private:
  std::atomic<const FanOutOwners*> list_{nullptr};
  std::atomic<std::size_t> index_{0};
  std::atomic<const void*> argument_{nullptr};
  WatchedCount turn_;
};

template <typename Argument>
class FanOutList : private FanOutOwners {
 public:
  using Function = void(void* object, Argument argument);

  void add(Attachment& owner, unsigned type_index, Function* function, void* object) {
    settle();
    make_room_for_one(owners);
    make_room_for_one(entries_);
    owner.places.push_back({this, type_index, static_cast<std::uint32_t>(entries_.size()), calls_});
    owners.push_back(&owner);
    entries_.push_back({function, object});
  }

  /// Leaves a tombstone. The caller takes care of the owner's place, and keeps the owner until a
  /// running call is back.
  void remove(std::size_t index, FanOutCursor& cursor) noexcept {
    settle();
    if (cursor.list() == this && cursor.index() == index) {
      cursor.leaver = owners[index];
    }
    entries_[index] = {&skip, nullptr};
    owners[index] = nullptr;
    ++tombstones_;
  }

  /// Closes the gaps. Not during a fan-out of this list.
  void sweep() noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (owners[i] == nullptr) {
        continue;
      }
      entries_[kept] = entries_[i];
      owners[kept] = owners[i];
      place_of(*owners[i]).index = static_cast<std::uint32_t>(kept);
      ++kept;
    }
    entries_.resize(kept);
    owners.resize(kept);
    tombstones_ = 0;
  }

  /// Calls everyone with `argument`, which is `weight` events. What they throw is contained.
  /// Returns the number of calls.
  std::size_t call(Argument argument, std::uint64_t weight, FanOutCursor& cursor,
                   CallbackGuard& guard) noexcept {
    call_each(
        &argument, 1, weight, [] { return false; }, cursor, guard);
    return entries_.size();
  }

  /// The same with `count` arguments in a row, one after the other, as long as `more()` says so
  /// between two of them. Nobody is added or swept meanwhile.
  template <typename More>
  void call_each(std::remove_reference_t<Argument>* row, std::size_t count, std::uint64_t weight,
                 More more, FanOutCursor& cursor, CallbackGuard& guard) noexcept {
    const Entry* const entries = entries_.data();
    const std::size_t end = entries_.size();
    std::remove_reference_t<Argument>* const row_end = row + count;
    std::size_t begin = 0;
    cursor.enter(*this);
    cursor.weight = weight;
    while (row != row_end) {
      HERALD_TRY {
        do {
          cursor.take_up(row);
          calls_ += begin == 0 ? weight : 0;  // else it goes on behind one who threw
          call_rest(*row, entries, begin, end, cursor);
          begin = 0;
          ++row;
        } while (row != row_end && more());
        row = row_end;
      }
      HERALD_CATCH_ALL {
        guard.caught(thrower(cursor));
        begin = cursor.index() + 1;
      }
    }
    cursor.leave();
  }

  /// What `place` was offered up to now, and has been called with or is being called with.
  [[nodiscard]] std::uint64_t offered(const Place& place,
                                      const FanOutCursor& cursor) const noexcept {
    return calls_ - place.calls_before - not_reached(place, cursor);
  }
  /// Events of the running fan-out that have not reached `place`.
  [[nodiscard]] std::uint64_t not_reached(const Place& place,
                                          const FanOutCursor& cursor) const noexcept {
    return cursor.list() == this && place.index > cursor.index() ? cursor.weight : 0;
  }
  void undeliver(std::uint64_t events) noexcept { deliveries_ -= events; }

  /// Calls for each argument, tombstones included.
  [[nodiscard]] std::size_t calls() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t live() const noexcept { return entries_.size() - tombstones_; }
  [[nodiscard]] bool wants_sweep() const noexcept { return tombstones_ > live(); }
  /// The events offered to the list, times the subscribers they went to.
  [[nodiscard]] std::uint64_t deliveries() const noexcept {
    return deliveries_ + (calls_ - settled_calls_) * live();
  }
  /// With the places of the owners.
  [[nodiscard]] std::size_t size_bytes() const noexcept {
    return sizeof(*this) + entries_.capacity() * sizeof(Entry) +
           owners.capacity() * sizeof(Attachment*) + live() * sizeof(Place);
  }
  template <typename Visit>
  void for_each_owner(Visit&& visit) const {
    for (Attachment* owner : owners) {
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
  static void call_rest(Argument argument, const Entry* entries, std::size_t index, std::size_t end,
                        FanOutCursor& cursor) {
    const auto call = [&](std::size_t at) {
      cursor.move_to(at);
      entries[at].function(entries[at].object, argument);
    };
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
    Attachment* owner = owners[cursor.index()];
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
  std::size_t tombstones_ = 0;
  std::uint64_t calls_ = 0;          // events offered to the list
  std::uint64_t settled_calls_ = 0;  // those of them that deliveries_ has
  std::uint64_t deliveries_ = 0;
};

}  // namespace herald::core
