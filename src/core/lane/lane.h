// Lane: takes events from one publisher, gives them to the dispatcher in batches.
//
// Threads: one publisher at a time, one dispatcher at a time (whoever holds the dispatch right),
//   any thread may seal.
// Invariants:
//  1. accepted_ counts the events that the publisher has put into the ring; it is stored after they
//     are in. The dispatcher, which takes no more than accepted_ - taken, never finds it short.
//  2. The ring never holds more than the lane's capacity, less the places kept; see lane_room.h.
//  3. The seal, once it has a count, says which events are accepted; see lane_seal.h.
//  4. Each push marks the cell of its first event with the count where it ends. known_, unless it
//     is below taken_, is where a push ended, and the next one marks the cell there. What that
//     cell bears until then is not above taken_: no push is longer than the ring, and no mark of an
//     earlier publisher is above marks_begin_. What lies behind the seal is marked and not seen.
// Synchronization:
//  [L1] accepted_ is stored with release after the events are in the ring / loaded with acquire
//       before they are taken: the payloads are visible to the dispatcher.
//  [L2] [L5] see lane_room.h.
//  [L3] the publisher stores accepted_, then loads the seal: see lane_seal.h.
//  [L4] the publisher stores accepted_, then loads the doorbell: [P1] in base/parking.h.
//  [L6] the mark is stored with release after the events and accepted_ / loaded with acquire before
//       they are taken: the payloads are visible, and accepted_ at this count or a later one.
// What marks are for is told in event_ring.h, where the count alone is better in drain_pace.h.
// Bounds: `capacity` events, plus one push of refused ones behind a seal.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/cache_line.h"
#include "base/fence.h"
#include "base/parking.h"
#include "core/lane/lane_room.h"
#include "core/lane/lane_seal.h"
#include "core/lane/push_result.h"

namespace herald::core {

/// `Ring`: cells by position, ordered by [L1] and [L2] alone: put(position, items, count),
/// get(position, items, count), cell(position), cells(position, most), at(position); and apart from
/// those mark(position), an atomic count, 0 at first.
template <typename Atomics, typename Ring>
class Lane {
 public:
  using Item = typename Ring::Item;
  using Bell = base::ParkingSpot<Atomics>;
  using Race = base::StoreThenLoad<Atomics>;
  using Room = LaneRoom<Atomics>;
  using Seal = LaneSeal<Atomics>;
  using Count = std::uint64_t;

  /// `doorbell` wakes the dispatcher and outlives the lane.
  Lane(Ring ring, std::size_t capacity, base::FenceMode mode, Bell& doorbell)
      : ring_(std::move(ring)), mode_(mode), doorbell_(doorbell), room_(capacity) {}

  // Publisher side.

  /// Takes `count` items, at least one, or none. Wait-free.
  [[nodiscard]] PushResult push(Item* items, std::size_t count) noexcept {
    if (sealed()) [[unlikely]] {
      return PushResult::kSealed;
    }
    if (!room_.has(put_, count)) [[unlikely]] {
      return PushResult::kNoCredit;
    }
    ring_.put(put_, items, count);
    return commit(count);
  }

  /// A cell to make the next item in; null without room or if sealed.
  [[nodiscard]] Item* claim() noexcept {
    return room_.has(put_, 1) && !sealed() ? &ring_.cell(put_) : nullptr;
  }
  /// The same for several, in a row: up to `most`.
  [[nodiscard]] std::span<Item> claim(std::size_t most) noexcept {
    const std::size_t fitting = room_.has(put_, most) ? most : room_.credit(put_);
    return sealed() ? std::span<Item>() : ring_.cells(put_, fitting);
  }
  /// As push(), of the first `count` of the cells that were claimed last; at least one.
  [[nodiscard]] PushResult commit(std::size_t count) noexcept {
    const Count first = put_;
    put_ = first + count;
    announce(first + count);
    mark(first, first + count);
    if (seal_.begun_now(mode_) && !seal_.covers(put_)) [[unlikely]] {
      return PushResult::kRefused;
    }
    doorbell_.notify();
    return PushResult::kAccepted;
  }

  /// Events that fit now, at least.
  [[nodiscard]] std::size_t room() noexcept { return room_.refreshed_credit(put_); }

  /// Keeps a place for one event that is to come, whatever comes before it. False without room.
  /// Requires: fewer are kept than capacity() - 1, so that one is left to others.
  [[nodiscard]] bool keep_place() noexcept { return room_.keep_place(put_); }
  /// The next push() has room for it.
  void give_place_up() noexcept { room_.give_place_up(); }

  /// Sleeps until there is room, a seal, or `deadline_ns` (then false). May return early.
  bool wait_for_room(std::int64_t deadline_ns) noexcept {
    return room_.wait(put_, deadline_ns,
                      [this] { return seal_.load(Room::kFence) != Seal::kOpen; });
  }

  /// The publisher's own end: no event of its can be on the way.
  void finish() noexcept {
    seal_.finish(put_);
    doorbell_.notify();
  }

  // Dispatcher side.

  /// Events accepted and not yet taken.
  [[nodiscard]] Count waiting() const noexcept { return limit() - taken_; }
  /// All events accepted up to now are those before this count.
  [[nodiscard]] Count limit() const noexcept {
    const Count accepted = announced();
    return accepted == taken_ ? accepted : covered(accepted);
  }
  /// All accepted events lie before this count; some before it may yet be refused.
  [[nodiscard]] Count announced() const noexcept {
    return Race::heavy_load(mode_, accepted_);  // [L1] [L4] acquire
  }
  /// Whether every accepted event before `count`, a value of announced(), has been taken.
  [[nodiscard]] bool reached(Count count) const noexcept {
    return taken_ >= count || taken_ == seal_.load(mode_);
  }
  /// Where the dispatcher is.
  [[nodiscard]] Count taken() const noexcept { return taken_; }

  /// Whether an event waits, for who asks over and over: a push that is in is seen once its mark
  /// has arrived. A publisher may be held up before it marks: ask sees_any() now and then.
  [[nodiscard]] bool sees_next() noexcept { return knows_some() || (fresh_ = learn(next_end())); }
  /// The same for who sleeps if not: it misses nothing that [L4] orders.
  [[nodiscard]] bool sees_any() noexcept { return knows_some() || learn(announced()); }
  /// For take(): all that waits, if sees_next(). `fresh`: what that has just found will do.
  [[nodiscard]] Count next_limit(bool fresh) noexcept {
    if (knows_some() ? !(fresh && fresh_) : next_end() > taken_) {
      learn(announced());
    }
    return std::max(known_, taken_);
  }
  /// Whether these look at marks (as at first) or, where events come densely, at the count alone.
  void look_at_marks(bool marks) noexcept { looks_at_marks_ = marks; }
  /// From now on a publisher that sleeps is woken once there is so much room.
  void wake_for(std::size_t room) noexcept { room_.wake_for(room); }

  /// The first item that waits. Requires: waiting(), which has acquired it ([L1]).
  [[nodiscard]] const Item& first() const noexcept { return ring_.at(taken_); }

  /// Takes up to `max` items that lie before `limit` (a value of limit() or next_limit()), gives
  /// their room back. Whoever takes and has not come to the limit takes again, without being asked.
  [[nodiscard]] std::size_t take(Item* items, std::size_t max, Count limit) noexcept {
    const std::size_t wanted = std::min(max, static_cast<std::size_t>(limit - taken_));
    if (wanted != 0) {
      fresh_ = false;
      ring_.get(taken_, items, wanted);
      taken_ += wanted;
      room_.give_back(taken_, static_cast<std::size_t>(limit - taken_));
    }
    return wanted;
  }

  /// Makes a finished, drained lane ready for its next publisher. Only while neither side uses it.
  void reopen(std::size_t capacity) noexcept {
    marks_begin_ += put_;
    put_ = taken_ = known_ = 0;
    looks_at_marks_ = true;
    // Relaxed: nobody else reads it but for statistics, until the lane is handed over.
    accepted_.store(0, std::memory_order_relaxed);
    room_.reopen(capacity);
    seal_.reopen();
  }

  // Any thread.

  /// Refuses everything from now on. On return the count is named, unless another thread is sealing
  /// at the same time. Not while the lane is reopened.
  void seal() noexcept {
    seal_.seal(mode_, accepted_);
    room_.wake_publisher();
    doorbell_.notify();
  }

  /// Whether a seal has begun. A hint: push() and limit() decide, with the order of [L3].
  bool sealed() const noexcept { return seal_.peek() != Seal::kOpen; }

  /// Accepted events; exact when the publisher rests. Relaxed: a statistic.
  [[nodiscard]] Count accepted() const noexcept {
    return std::min(accepted_.load(std::memory_order_relaxed), seal_.peek());
  }
  [[nodiscard]] Count drained() const noexcept { return room_.drained(); }
  std::size_t capacity() const noexcept { return room_.capacity(); }
  Ring& ring() noexcept { return ring_; }

 private:
  // [L1] [L3] [L4] release at least: the items are in the ring; pairs with limit() and seal().
  void announce(Count end) noexcept { Race::light_store(mode_, accepted_, end); }
  // [L6] release: accepted_ is stored; pairs with next_end().
  void mark(Count first, Count end) noexcept {
    ring_.mark(first).store(marks_begin_ + end, std::memory_order_release);
  }
  // Whether some were seen and are not taken.
  [[nodiscard]] bool knows_some() const noexcept { return known_ > taken_; }
  // Where the next push ends, or a later one; not above taken_ if none is in. [L6] acquire: mark().
  [[nodiscard]] Count next_end() const noexcept {
    if (!looks_at_marks_ || known_ != taken_) {
      return announced();
    }
    const Count mark = ring_.mark(taken_).load(std::memory_order_acquire);
    return std::max(mark, marks_begin_) - marks_begin_;
  }
  // What is accepted before `end`. [L3] After the acquire of `end`: if its last event was refused,
  // the seal is visible.
  [[nodiscard]] Count covered(Count end) const noexcept {
    const Count seal = seal_.load(mode_);
    if (seal == Seal::kSealing) [[unlikely]] {
      return taken_;  // Between two instructions of the sealer: look again later.
    }
    return std::min(end, seal);
  }
  bool learn(Count end) noexcept {
    const Count known = end > taken_ ? covered(end) : taken_;
    known_ = known > taken_ ? known : known_;  // taken_ may lie within a push
    return knows_some();
  }

  // Written seldom.
  Ring ring_;
  const base::FenceMode mode_;
  Bell& doorbell_;
  Count marks_begin_ = 0;  // of counts in marks: not below any of earlier publishers
  Seal seal_;
  // Written by the publisher.
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<Count> accepted_{0};
  Count put_ = 0;  // what accepted_ holds, or will
  // Written by the dispatcher.
  alignas(base::kFalseSharingBytes) Count taken_ = 0;
  Count known_ = 0;     // of accepted_, what was seen
  bool fresh_ = false;  // that was by sees_next(), and none is taken since
  bool looks_at_marks_ = true;
  Room room_;
};

}  // namespace herald::core
