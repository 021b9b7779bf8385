// Lane, room: the places of a lane; takes the counts of events that went in and came out, says
// whether more fit, and lets the publisher sleep until some do.
//
// Threads: one publisher, one dispatcher; any thread may wake the publisher.
// Invariants:
//  1. drained_ counts the events that have left the ring. put - drained_ <= capacity - kept places,
//     exactly: the publisher puts nothing in without credit, keeps no place without it, and gives a
//     kept place up for the event that takes it.
//  2. A publisher sleeps only without credit, and is woken once wake_room_ places are free, or all
//     that the dispatcher knew of is taken: it has put in nothing since, so this comes.
// Synchronization:
//  [L2] drained_ is stored with release after the events have left the ring / loaded with acquire
//       before their room is used again.
//  [L5] the dispatcher stores drained_, then loads the bell: [P1] in base/parking.h, the other way
//       round, and always sequentially consistent: the dispatcher pays 6 ns for each take, once for
//       many events; a membarrier by each publisher that sleeps would interrupt the dispatcher.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/cache_line.h"
#include "base/fence.h"
#include "base/parking.h"

namespace herald::core {

template <typename Atomics>
class LaneRoom {
 public:
  using Count = std::uint64_t;
  using Race = base::StoreThenLoad<Atomics>;

  static constexpr base::FenceMode kFence = base::FenceMode::kSequentiallyConsistent;

  explicit LaneRoom(std::size_t capacity) : capacity_(capacity), usable_(capacity) {}
  LaneRoom(const LaneRoom&) = delete;
  LaneRoom& operator=(const LaneRoom&) = delete;

  // Publisher, who has put in `put` events.

  /// Whether `count` more fit. Looks at what the dispatcher has done only if it must.
  [[nodiscard]] bool has(Count put, std::size_t count) noexcept {
    return credit(put) >= count || refreshed_credit(put) >= count;
  }
  /// How many more fit, at least, by what is known.
  [[nodiscard]] std::size_t credit(Count put) const noexcept {
    return usable_ - static_cast<std::size_t>(put - cached_drained_);
  }
  /// The same, by now. [L2] acquire: pairs with give_back().
  [[nodiscard]] std::size_t refreshed_credit(Count put) noexcept {
    cached_drained_ = drained_.load(std::memory_order_acquire);
    return credit(put);
  }
  /// False without room. Requires: fewer are kept than capacity() - 1.
  [[nodiscard]] bool keep_place(Count put) noexcept {
    const bool kept = has(put, 1);
    usable_ -= kept ? 1 : 0;
    return kept;
  }
  void give_place_up() noexcept { usable_ = std::min(usable_ + 1, capacity_); }
  /// Sleeps until there is credit, `closed()`, or `deadline_ns` (then false). May return early.
  template <typename Closed>
  bool wait(Count put, std::int64_t deadline_ns, Closed closed) noexcept {
    const auto ticket = bell_.prepare();
    cached_drained_ = Race::heavy_load(kFence, drained_);  // [L2] [L5]
    if (credit(put) > 0 || closed()) {
      return true;
    }
    return bell_.sleep(ticket, deadline_ns);
  }

  // Dispatcher.

  /// `taken` events are out; of those that it knows of, `left` are not.
  void give_back(Count taken, std::size_t left) noexcept {
    release(taken);
    if (capacity_ - left >= wake_room_) {
      bell_.notify();
    }
  }
  /// From now on a publisher that sleeps is woken once there is so much room.
  void wake_for(std::size_t room) noexcept { wake_room_ = room; }

  /// All places are free. Only while neither side uses it.
  void reopen(std::size_t capacity) noexcept {
    capacity_ = usable_ = capacity;
    cached_drained_ = 0;
    // Relaxed: nobody else reads it but for statistics, until the lane is handed over.
    drained_.store(0, std::memory_order_relaxed);
  }

  // Any thread.

  void wake_publisher() noexcept { bell_.notify(); }
  /// Events taken by the dispatcher. Relaxed: a statistic.
  [[nodiscard]] Count drained() const noexcept { return drained_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  // [L2] [L5] release at least: the items are out; pairs with refreshed_credit().
  void release(Count taken) noexcept { Race::light_store(kFence, drained_, taken); }

  // Written seldom, read by both.
  std::size_t capacity_;
  base::ParkingSpot<Atomics> bell_{kFence};
  // Written by the publisher.
  alignas(base::kFalseSharingBytes) Count cached_drained_ = 0;  // no newer than drained_
  std::size_t usable_;                                          // capacity_, less the places kept
  // Written by the dispatcher.
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<Count> drained_{0};
  std::size_t wake_room_ = 1;  // to capacity_
};

}  // namespace herald::core
