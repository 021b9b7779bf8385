// Lane, shared lane: takes events from any thread, gives them to the dispatcher in batches.
//
// Threads: any number of publishers, one dispatcher, any thread may seal.
// Invariants:
//  1. tickets_ counts the events that were let in, plus kSealed once the lane is closed. A ticket
//     is taken only while tickets - left() < capacity, or for a kept place: there are never more
//     events inside.
//  2. A ticket taken before the seal leads to an event that is delivered; after it, to none. So the
//     seal needs no second look: both are read-modify-writes of one word.
//  3. arrived_ grows after each event is in the queue. When the queue is found empty after arrived_
//     was loaded, every event counted in it has been taken; a dispatcher that sees arrived_ at the
//     same count need not look again.
//  4. Each event carries its ticket (in the place of its sequence). Of the tickets below any count
//     read by the dispatcher, those not yet taken number count - drained: enough to know when all
//     of them have been (flush), although threads overtake each other.
//  5. A ticket without an event is counted in lost_ at once, so that no flush waits for it; its
//     room in freed_, at once or, if it keeps a place, when that is given up. Both only grow.
// Synchronization:
//  [S1] arrived_ grows with release after the event is in / is loaded with acquire before the
//       dispatcher looks into the queue: what is counted is found. An event that is found before it
//       is counted is made visible by the queue's own release and acquire.
//  [S2] drained_ is stored with release after events have left, freed_ added to with release after
//       its ticket is taken / loaded with acquire before another is taken, into their room.
//  [S3] a publisher adds to arrived_, then loads the doorbell: [P1] in base/parking.h.
//  [S4] the dispatcher stores drained_, or a publisher adds to freed_, then loads the credit bell:
//       [P1] the other way round, and always sequentially consistent, as [L5] in lane_room.h.
// Bounds: `capacity` events.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/cache_line.h"
#include "base/fence.h"
#include "base/parking.h"
#include "core/lane/push_result.h"

namespace herald::core {

/// `Queue` is any queue for many producers and one consumer that keeps each producer's order:
/// enqueue(item) -> bool, dequeue(items, max) -> count, 0 only if everything put in before is out.
/// `Item` has a field `sequence` of 64 bits.
template <typename Atomics, typename Queue>
class SharedLane {
 public:
  using Item = typename Queue::Item;
  using Bell = base::ParkingSpot<Atomics>;
  using Race = base::StoreThenLoad<Atomics>;
  using Count = std::uint64_t;

  SharedLane(Queue queue, std::size_t capacity, base::FenceMode mode, Bell& doorbell)
      : queue_(std::move(queue)),
        capacity_(capacity),
        mode_(mode),
        doorbell_(doorbell),
        credit_bell_(kCreditFence) {}
  SharedLane(const SharedLane&) = delete;
  SharedLane& operator=(const SharedLane&) = delete;

  // Publishers.

  /// Lock-free: a ticket is lost only to another thread that got one.
  [[nodiscard]] PushResult push(Item& item) noexcept {
    Count ticket = 0;
    const PushResult entry = take_ticket(ticket);
    return entry == PushResult::kAccepted ? enter(item, ticket) : entry;
  }

  /// Keeps a place for one event that is to come, whatever comes before it. False without room.
  /// Requires: it was promised, see promised_places.h.
  [[nodiscard]] bool keep_place() noexcept {
    Count ticket = 0;
    if (take_ticket(ticket) != PushResult::kAccepted) {
      return false;
    }
    lose();
    return true;
  }
  /// As push(), into a kept place, which it gives up: never kNoCredit. kNoMemory: it is still kept.
  [[nodiscard]] PushResult push_to_kept_place(Item& item) noexcept {
    Count ticket = 0;
    PushResult result = take_ticket(ticket, true);
    if (result == PushResult::kAccepted) {
      result = enter(item, ticket);
    }
    if (result == PushResult::kAccepted) {
      give_place_up();
    }
    return result;
  }
  void give_place_up() noexcept { free_room(); }

  /// As Lane::wait_for_room.
  bool wait_for_room(std::int64_t deadline_ns) noexcept {
    const auto ticket = credit_bell_.prepare();
    const Count left = this->left();
    const Count tickets = Race::heavy_load(kCreditFence, tickets_);  // [S4]
    if ((tickets & kSealed) != 0 || tickets - left < capacity_) {
      return true;
    }
    return credit_bell_.sleep(ticket, deadline_ns);
  }

  // Dispatcher.

  /// Whether there is something to take, or soon will be.
  [[nodiscard]] bool waiting() const noexcept {
    // [S1] [S3] acquire; first: then mark() sees the tickets of all that is counted in it.
    const Count arrived = Race::heavy_load(mode_, arrived_);
    return (found_some_ || arrived != seen_arrived_) && mark().missing != 0;
  }

  /// Takes up to `max` events. 0: none that was there at the start of the call is left.
  [[nodiscard]] std::size_t take(Item* items, std::size_t max) noexcept {
    seen_arrived_ = Race::heavy_load(mode_, arrived_);  // [S1] acquire: pairs with arrive()
    const std::size_t count = queue_.dequeue(items, max);
    found_some_ = count != 0;
    taken_ += count;
    return_room();
    return count;
  }

  /// Tickets that have led to an event, or are lost. Read before mark(), no more than its limit:
  /// the rest of those below it may yet be lost.
  [[nodiscard]] Count arrived() const noexcept {
    return Race::heavy_load(mode_, arrived_);  // [S1] acquire
  }
  /// Tickets taken up to now: every event accepted before has a lower one.
  [[nodiscard]] Count tickets() const noexcept {
    return Race::heavy_load(mode_, tickets_) & ~kSealed;
  }
  /// Events that have left.
  [[nodiscard]] Count taken() const noexcept { return taken_; }
  /// A point in the lane: events accepted before it have a ticket below `limit`, and `missing`
  /// events with such a ticket have not left yet. `lost`: tickets that have led to no event by now.
  struct Mark {
    Count limit = 0;
    Count missing = 0;
    Count lost = 0;
  };
  [[nodiscard]] Mark mark() const noexcept {
    const Count lost = Race::heavy_load(mode_, lost_);  // first: then its ticket is in the limit
    const Count limit = tickets();
    return {limit, limit - taken_ - lost, lost};
  }

  // Any thread.

  /// Refuses everything from now on. seq_cst: the waiters' condition, [S4].
  void seal() noexcept {
    tickets_.fetch_or(kSealed, std::memory_order_seq_cst);
    credit_bell_.notify();
    doorbell_.notify();
  }
  /// Relaxed: statistics, exact when the publishers rest.
  [[nodiscard]] Count accepted() const noexcept {
    return (tickets_.load(std::memory_order_relaxed) & ~kSealed) -
           lost_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] Count drained() const noexcept { return drained_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  static constexpr Count kSealed = Count{1} << 63U;
  static constexpr base::FenceMode kCreditFence = base::FenceMode::kSequentiallyConsistent;

  // `has_place`: the caller's own, for which it gets the ticket.
  PushResult take_ticket(Count& ticket, bool has_place = false) noexcept {
    // Lock-free: it goes round again only if another thread got this ticket or sealed. Counts never
    // repeat, so no ABA. Relaxed: a ticket orders nothing, see [S1] and [S2].
    do {
      const Count left = this->left();  // before tickets_: what has left has a ticket we then see
      ticket = tickets_.load(std::memory_order_relaxed);
      if ((ticket & kSealed) != 0) {
        return PushResult::kSealed;
      }
      if (!has_place && ticket - left >= capacity_) {
        return PushResult::kNoCredit;
      }
    } while (!tickets_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_relaxed,
                                             std::memory_order_relaxed));
    return PushResult::kAccepted;
  }

  // Lets an event with a ticket in.
  PushResult enter(Item& item, Count ticket) noexcept {
    item.sequence = ticket;
    if (!queue_.enqueue(item)) [[unlikely]] {
      free_room();
      lose();
      return PushResult::kNoMemory;
    }
    arrive();
    doorbell_.notify();
    return PushResult::kAccepted;
  }

  // [S2] acquire: pairs with return_room() and free_room(). seq_cst: [S4].
  [[nodiscard]] Count left() const noexcept {
    return Race::heavy_load(kCreditFence, drained_) + Race::heavy_load(kCreditFence, freed_);
  }

  // A flush may wait for the arrival of such a ticket. seq_cst: [S3] in that mode.
  void lose() noexcept {
    lost_.fetch_add(1, std::memory_order_seq_cst);
    arrive();
    doorbell_.notify();
  }
  // [S2] release: the ticket is taken; pairs with left(). seq_cst: [S4].
  void free_room() noexcept {
    freed_.fetch_add(1, std::memory_order_seq_cst);
    credit_bell_.notify();
  }

  // seq_cst: [S3] in that mode, and [S1] release: the event is in; pairs with take().
  void arrive() noexcept { arrived_.fetch_add(1, std::memory_order_seq_cst); }

  // [S2] [S4] release at least: the events are out; pairs with left().
  void return_room() noexcept {
    Race::light_store(kCreditFence, drained_, taken_);
    credit_bell_.notify();
  }

  // Fixed.
  Queue queue_;
  const std::size_t capacity_;
  const base::FenceMode mode_;
  Bell& doorbell_;
  // Written by publishers.
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<Count> tickets_{0};
  typename Atomics::template Atomic<Count> arrived_{0};
  typename Atomics::template Atomic<Count> lost_{0};
  typename Atomics::template Atomic<Count> freed_{0};
  // Written by the dispatcher.
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<Count> drained_{0};
  Count taken_ = 0;         // what drained_ holds
  Count seen_arrived_ = 0;  // arrived_ before the last look into the queue
  bool found_some_ = false;
  // Written seldom.
  alignas(base::kFalseSharingBytes) Bell credit_bell_;
};

}  // namespace herald::core
