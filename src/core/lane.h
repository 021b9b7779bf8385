// Stage 1, lane: takes events from one publisher, gives them to the dispatcher in batches.
//
// Threads: one publisher at a time, one dispatcher at a time (whoever holds the dispatch right),
//   any thread may seal.
// Invariants:
//  1. accepted_ counts the events that the publisher has put into the ring; it is stored after they
//     are in. The dispatcher, which takes no more than accepted_ - taken, never finds it short.
//  2. drained_ counts the events that have left the ring. accepted_ - drained_ <= capacity - kept
//     places, exactly: the publisher puts nothing in without credit, keeps no place without it, and
//     gives a kept place up for the event that takes it.
//  3. The seal, once it has a count, says which events are accepted; see lane_seal.h.
//  4. A publisher sleeps only without credit, and is woken once wake_room places are free, or all
//     that the dispatcher knew of is taken: it has put in nothing since, so this comes.
// Synchronization:
//  [L1] accepted_ is stored with release after the events are in the ring / loaded with acquire
//       before they are taken: the payloads are visible to the dispatcher.
//  [L2] drained_ is stored with release after the events have left the ring / loaded with acquire
//       before their room is used again.
//  [L3] the publisher stores accepted_, then loads the seal: see lane_seal.h.
//  [L4] the publisher stores accepted_, then loads the doorbell: [P1] in base/parking.h.
//  [L5] the dispatcher stores drained_, then loads the credit bell: [P1], the other way round, and
//       always sequentially consistent: the dispatcher pays 6 ns for each take, once for many
//       events; a membarrier by each publisher that sleeps would interrupt the dispatcher.
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
#include "core/lane_seal.h"
#include "core/push_result.h"

namespace herald::core {

/// `Ring`: cells by position, which [L1] and [L2] alone order: put(position, items, count),
/// get(position, items, count), cell(position), cells(position, most), at(position).
template <typename Atomics, typename Ring>
class Lane {
 public:
  using Item = typename Ring::Item;
  using Bell = base::ParkingSpot<Atomics>;
  using Race = base::StoreThenLoad<Atomics>;
  using Seal = LaneSeal<Atomics>;
  using Count = std::uint64_t;

  /// `doorbell` wakes the dispatcher and outlives the lane.
  Lane(Ring ring, std::size_t capacity, base::FenceMode mode, Bell& doorbell)
      : ring_(std::move(ring)),
        capacity_(capacity),
        mode_(mode),
        doorbell_(doorbell),
        usable_(capacity),
        credit_bell_(kCreditFence) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Publisher side.

  /// Takes `count` items or none. Wait-free.
  [[nodiscard]] PushResult push(Item* items, std::size_t count) noexcept {
    if (sealed()) [[unlikely]] {
      return PushResult::kSealed;
    }
    if (credit() < count && refreshed_credit() < count) [[unlikely]] {
      return PushResult::kNoCredit;
    }
    ring_.put(put_, items, count);
    return commit(count);
  }

  /// A cell to make the next item in; null without room or if sealed.
  [[nodiscard]] Item* claim() noexcept {
    const bool fits = credit() != 0 || refreshed_credit() != 0;
    return fits && !sealed() ? &ring_.cell(put_) : nullptr;
  }
  /// The same for several, in a row: up to `most`.
  [[nodiscard]] std::span<Item> claim(std::size_t most) noexcept {
    if (credit() < most) [[unlikely]] {
      most = std::min(most, refreshed_credit());
    }
    return sealed() ? std::span<Item>() : ring_.cells(put_, most);
  }
  /// As push(), of the first `count` of the cells that were claimed last.
  [[nodiscard]] PushResult commit(std::size_t count) noexcept {
    put_ += count;
    announce();
    if (seal_.begun_now(mode_) && !seal_.covers(put_)) [[unlikely]] {
      return PushResult::kRefused;
    }
    doorbell_.notify();
    return PushResult::kAccepted;
  }

  /// Events that fit now, at least.
  [[nodiscard]] std::size_t room() noexcept { return std::max(credit(), refreshed_credit()); }

  /// Keeps a place for one event that is to come, whatever comes before it. False without room.
  /// Requires: fewer are kept than capacity() - 1, so that one is left to others.
  [[nodiscard]] bool keep_place() noexcept {
    const bool kept = room() != 0;
    usable_ -= kept ? 1 : 0;
    return kept;
  }
  /// The next push() has room for it.
  void give_place_up() noexcept { usable_ = std::min(usable_ + 1, capacity_); }

  /// Sleeps until there is room, a seal, or `deadline_ns` (then false). May return early.
  bool wait_for_room(std::int64_t deadline_ns) noexcept {
    const auto ticket = credit_bell_.prepare();
    cached_drained_ = Race::heavy_load(kCreditFence, drained_);  // [L2] [L5]
    if (credit() > 0 || seal_.load(kCreditFence) != Seal::kOpen) {
      return true;
    }
    return credit_bell_.sleep(ticket, deadline_ns);
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
    const Count accepted = Race::heavy_load(mode_, accepted_);  // [L1] [L4] acquire
    if (accepted == taken_) [[likely]] {
      return accepted;
    }
    // [L3] After the acquire of accepted_: if the last event was refused, the seal is visible.
    const Count seal = seal_.load(mode_);
    if (seal == Seal::kSealing) [[unlikely]] {
      return taken_;  // Between two instructions of the sealer: look again later.
    }
    return std::min(accepted, seal);
  }
  /// All accepted events lie before this count; some before it may yet be refused.
  [[nodiscard]] Count announced() const noexcept {
    return Race::heavy_load(mode_, accepted_);  // [L1] acquire
  }
  /// Whether every accepted event before `count`, a value of announced(), has been taken.
  [[nodiscard]] bool reached(Count count) const noexcept {
    return taken_ >= count || taken_ == seal_.load(mode_);
  }
  /// Where the dispatcher is.
  [[nodiscard]] Count taken() const noexcept { return taken_; }

  /// The first item that waits. Requires: waiting(), which has acquired it ([L1]).
  [[nodiscard]] const Item& first() const noexcept { return ring_.at(taken_); }

  /// Takes up to `max` items that lie before `limit` (a value of limit()), gives their room back.
  /// Whoever takes and has not come to the limit takes again, without being asked.
  [[nodiscard]] std::size_t take(Item* items, std::size_t max, Count limit) noexcept {
    const std::size_t wanted = std::min(max, static_cast<std::size_t>(limit - taken_));
    if (wanted != 0) {
      ring_.get(taken_, items, wanted);
      taken_ += wanted;
      return_room(capacity_ - static_cast<std::size_t>(limit - taken_));
    }
    return wanted;
  }

  /// From now on a publisher that sleeps is woken once there is so much room.
  void wake_for(std::size_t room) noexcept { wake_room_ = room; }

  /// Makes a finished, drained lane ready for its next publisher. Only while neither side uses it.
  void reopen(std::size_t capacity) noexcept {
    capacity_ = usable_ = capacity;
    put_ = 0;
    cached_drained_ = 0;
    taken_ = 0;
    // Relaxed: nobody else reads them but for statistics, until the lane is handed over.
    accepted_.store(0, std::memory_order_relaxed);
    drained_.store(0, std::memory_order_relaxed);
    seal_.reopen();
  }

  // Any thread.

  /// Refuses everything from now on. On return the count is named, unless another thread is sealing
  /// at the same time. Not while the lane is reopened.
  void seal() noexcept {
    seal_.seal(mode_, accepted_);
    credit_bell_.notify();
    doorbell_.notify();
  }

  /// Whether a seal has begun. A hint: push() and limit() decide, with the order of [L3].
  bool sealed() const noexcept { return seal_.peek() != Seal::kOpen; }

  /// Accepted events; exact when the publisher rests. Relaxed: a statistic.
  [[nodiscard]] Count accepted() const noexcept {
    return std::min(accepted_.load(std::memory_order_relaxed), seal_.peek());
  }
  /// Events taken by the dispatcher. Relaxed: a statistic.
  [[nodiscard]] Count drained() const noexcept { return drained_.load(std::memory_order_relaxed); }
  std::size_t capacity() const noexcept { return capacity_; }
  Ring& ring() noexcept { return ring_; }

 private:
  static constexpr base::FenceMode kCreditFence = base::FenceMode::kSequentiallyConsistent;

  [[nodiscard]] std::size_t credit() const noexcept {
    return usable_ - static_cast<std::size_t>(put_ - cached_drained_);
  }
  // [L2] acquire: pairs with return_room().
  [[nodiscard]] std::size_t refreshed_credit() noexcept {
    cached_drained_ = drained_.load(std::memory_order_acquire);
    return credit();
  }
  // [L1] [L3] [L4] release at least: the items are in the ring; pairs with limit() and seal().
  void announce() noexcept { Race::light_store(mode_, accepted_, put_); }
  // [L2] [L5] release at least: the items are out; pairs with refreshed_credit(). `room`: what is
  // free, and more if events have come since.
  void return_room(std::size_t room) noexcept {
    Race::light_store(kCreditFence, drained_, taken_);
    if (room >= wake_room_) {
      credit_bell_.notify();
    }
  }
  // Fixed until reopen().
  Ring ring_;
  std::size_t capacity_;
  const base::FenceMode mode_;
  Bell& doorbell_;
  // Written by the publisher.
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<Count> accepted_{0};
  Count put_ = 0;             // what accepted_ holds, or will
  Count cached_drained_ = 0;  // no newer than drained_
  std::size_t usable_;        // capacity_, less the places kept
  // Written by the dispatcher.
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<Count> drained_{0};
  Count taken_ = 0;            // what drained_ holds
  std::size_t wake_room_ = 1;  // to capacity_
  // Written seldom, read by both.
  alignas(base::kFalseSharingBytes) Seal seal_;
  Bell credit_bell_;
};

}  // namespace herald::core
