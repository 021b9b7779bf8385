// Stage 1, lane: takes events from one publisher, gives them to the dispatcher in batches.
//
// Threads: one publisher at a time, one dispatcher at a time (whoever holds the dispatch right),
//   any thread may seal.
// Invariants:
//  1. accepted_ counts the events that the publisher has put into the ring; it is stored after they
//     are in. The dispatcher, which takes no more than accepted_ - taken, never finds it short.
//  2. drained_ counts the events that have left the ring. accepted_ - drained_ <= capacity,
//     exactly: the publisher puts nothing in without credit.
//  3. seal_ goes kOpen -> kSealing -> a count, or kOpen -> a count, once. Events up to that count
//     are accepted and will be taken; an event behind it was refused to its publisher (kClosed)
//     and is never given to the dispatcher as accepted.
//  4. A publisher that stored accepted_ and then still read kOpen is below the count: the sealer
//     reads accepted_ after every publisher that stores later is sure to read kSealing. If it reads
//     kSealing, it and the sealer race to name the count, and either name is right.
// Synchronization:
//  [L1] accepted_ is stored with release after the events are in the ring / loaded with acquire
//       before they are taken: the payloads are visible to the dispatcher.
//  [L2] drained_ is stored with release after the events have left the ring / loaded with acquire
//       before their room is used again.
//  [L3] the publisher stores accepted_, then loads the seal; the sealer stores kSealing, then loads
//       accepted_: store-then-load, see base/fence.h.
//  [L4] the publisher stores accepted_, then loads the doorbell: [P1] in base/parking.h.
//  [L5] the dispatcher stores drained_, then loads the credit bell: [P1], the other way round.
// Bounds: `capacity` events, plus one push of refused ones behind a seal.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/cache_line.h"
#include "base/fence.h"
#include "base/parking.h"
#include "core/push_result.h"

namespace herald::core {

/// `Ring`: cells by position, which [L1] and [L2] alone order; put(position, items, count) and
/// get(position, items, count).
template <typename Atomics, typename Ring>
class Lane {
 public:
  using Item = typename Ring::Item;
  using Bell = base::ParkingSpot<Atomics>;
  using Race = base::StoreThenLoad<Atomics>;
  using Count = std::uint64_t;

  /// `doorbell` wakes the dispatcher and outlives the lane.
  Lane(Ring ring, std::size_t capacity, base::FenceMode mode, Bell& doorbell)
      : ring_(std::move(ring)),
        capacity_(capacity),
        mode_(mode),
        doorbell_(doorbell),
        credit_bell_(mode) {}
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
    put_ += count;
    announce();
    if (sealed_now()) [[unlikely]] {
      return resolve_seal();
    }
    doorbell_.notify();
    return PushResult::kAccepted;
  }

  /// Events that fit now, at least.
  [[nodiscard]] std::size_t room() noexcept { return std::max(credit(), refreshed_credit()); }

  /// Sleeps until there is room, a seal, or `deadline_ns` (then false). May return early.
  bool wait_for_room(std::int64_t deadline_ns) noexcept {
    const auto ticket = credit_bell_.prepare();
    cached_drained_ = Race::heavy_load(mode_, drained_);  // [L2] [L5]
    if (credit() > 0 || Race::heavy_load(mode_, seal_) != kOpen) {
      return true;
    }
    return credit_bell_.sleep(ticket, deadline_ns);
  }

  /// The publisher's own end: no event of its can be on the way.
  void finish() noexcept {
    Count seen = kOpen;
    while (!name_count(seen, put_) && seen >= kSealing) {
    }
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
    const Count seal = Race::heavy_load(mode_, seal_);
    if (seal == kSealing) [[unlikely]] {
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
    return taken_ >= count || taken_ == Race::heavy_load(mode_, seal_);
  }
  /// Where the dispatcher is.
  [[nodiscard]] Count taken() const noexcept { return taken_; }

  /// Takes up to `max` items that lie before `limit` (a value of limit()), gives their room back.
  [[nodiscard]] std::size_t take(Item* items, std::size_t max, Count limit) noexcept {
    const std::size_t wanted = std::min(max, static_cast<std::size_t>(limit - taken_));
    if (wanted != 0) {
      ring_.get(taken_, items, wanted);
      taken_ += wanted;
      return_room();
    }
    return wanted;
  }

  /// Makes a finished, drained lane ready for its next publisher. Only while neither side uses it.
  void reopen(std::size_t capacity) noexcept {
    capacity_ = capacity;
    put_ = 0;
    cached_drained_ = 0;
    taken_ = 0;
    // Relaxed: nobody else reads them but for statistics, until the lane is handed over.
    accepted_.store(0, std::memory_order_relaxed);
    drained_.store(0, std::memory_order_relaxed);
    seal_.store(kOpen, std::memory_order_relaxed);
  }

  // Any thread.

  /// Refuses everything from now on. On return the count is named, unless another thread is sealing
  /// at the same time. Not while the lane is reopened.
  void seal() noexcept {
    Count seen = kOpen;
    if (start_seal(seen)) {
      Race::heavy_barrier(mode_);
      seen = kSealing;
      name_count(seen, Race::heavy_load(mode_, accepted_));  // [L3] fails if the publisher named it
    }
    credit_bell_.notify();
    doorbell_.notify();
  }

  /// Whether a seal has begun. Relaxed: push() and limit() decide, with the order of [L3].
  bool sealed() const noexcept { return seal_.load(std::memory_order_relaxed) != kOpen; }

  /// Accepted events; exact when the publisher rests. Relaxed: a statistic.
  [[nodiscard]] Count accepted() const noexcept {
    return std::min(accepted_.load(std::memory_order_relaxed),
                    seal_.load(std::memory_order_relaxed));  // kOpen and kSealing are above all
  }
  /// Events taken by the dispatcher. Relaxed: a statistic.
  [[nodiscard]] Count drained() const noexcept { return drained_.load(std::memory_order_relaxed); }
  std::size_t capacity() const noexcept { return capacity_; }
  Ring& ring() noexcept { return ring_; }

 private:
  static constexpr Count kOpen = UINT64_MAX;
  static constexpr Count kSealing = UINT64_MAX - 1;

  [[nodiscard]] std::size_t credit() const noexcept {
    return capacity_ - static_cast<std::size_t>(put_ - cached_drained_);
  }
  // [L2] acquire: pairs with return_room().
  [[nodiscard]] std::size_t refreshed_credit() noexcept {
    cached_drained_ = drained_.load(std::memory_order_acquire);
    return credit();
  }
  // [L1] [L3] [L4] release at least: the items are in the ring; pairs with limit() and seal().
  void announce() noexcept { Race::light_store(mode_, accepted_, put_); }
  // [L3] the publisher's load, after announce().
  bool sealed_now() const noexcept { return Race::light_load(mode_, seal_) != kOpen; }
  // [L2] [L5] release at least: the items are out; pairs with refreshed_credit().
  void return_room() noexcept {
    Race::light_store(mode_, drained_, taken_);
    credit_bell_.notify();
  }
  // seq_cst: the sealer's store of the race [L3]. A second sealer fails and leaves it to the first.
  bool start_seal(Count& seen) noexcept {
    return seal_.compare_exchange_strong(seen, kSealing, std::memory_order_seq_cst,
                                         std::memory_order_acquire);
  }
  // Turns kSealing (or, by the publisher itself, kOpen) into the count. Two rivals at most, one
  // wins; values never repeat, so no ABA. seq_cst: limit() relies on it in that mode, see [L3].
  bool name_count(Count& seen, Count count) noexcept {
    return seal_.compare_exchange_strong(seen, count, std::memory_order_seq_cst,
                                         std::memory_order_acquire);
  }

  PushResult resolve_seal() noexcept {
    Count seen = kSealing;
    if (name_count(seen, put_) || put_ <= seen) {
      doorbell_.notify();
      return PushResult::kAccepted;
    }
    return PushResult::kRefused;
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
  // Written by the dispatcher.
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<Count> drained_{0};
  Count taken_ = 0;  // what drained_ holds
  // Written seldom, read by both.
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<Count> seal_{kOpen};
  Bell credit_bell_;
};

}  // namespace herald::core
