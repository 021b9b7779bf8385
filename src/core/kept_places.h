// Stage 1, kept places: counts the places of the shared lane that are kept for events to come.
//
// Threads: any.
// Invariant: never more than `capacity` - 1, so that other events always have one.
// Synchronization: what the count means beside the lane's others is invariant 5 in shared_lane.h.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/fence.h"

namespace herald::core {

template <typename Atomics>
class KeptPlaces {
 public:
  using Count = std::uint64_t;

  explicit KeptPlaces(std::size_t capacity) noexcept : capacity_(capacity) {}

  /// Lock-free: it goes round again only if another thread counted. Relaxed: the caller publishes
  /// it with lost_, [S2] in shared_lane.h.
  [[nodiscard]] bool add() noexcept {
    Count seen = count_.load(std::memory_order_relaxed);
    do {
      if (seen + 1 >= capacity_) {
        return false;
      }
    } while (!count_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed,
                                           std::memory_order_relaxed));
    return true;
  }
  /// Whether add() would count. Relaxed: a hint.
  [[nodiscard]] bool may_add() const noexcept {
    return count_.load(std::memory_order_relaxed) + 1 < capacity_;
  }
  /// [S2] release: after the ticket that the place is exchanged for, if it is. seq_cst: [S4].
  void remove() noexcept { count_.fetch_sub(1, std::memory_order_seq_cst); }
  /// [S2] acquire, [S4] seq_cst: pairs with remove().
  [[nodiscard]] Count count() const noexcept { return count_.load(std::memory_order_seq_cst); }

 private:
  const std::size_t capacity_;
  typename Atomics::template Atomic<Count> count_{0};
};

}  // namespace herald::core
