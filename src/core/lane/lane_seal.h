// Lane, seal: the end of a lane; takes the order to close, gives the count of accepted events.
//
// Threads: one publisher, one dispatcher, any thread may seal.
// Invariants:
//  1. value_ goes kOpen -> kSealing -> a count, or kOpen -> a count, once. Events up to that count
//     are accepted and will be taken; an event behind it was refused to its publisher and is never
//     given to the dispatcher as accepted.
//  2. A publisher that stored its count of accepted events and then still read kOpen is below the
//     final one: the sealer reads that count after every publisher that stores later is sure to
//     read kSealing. If it reads kSealing, it and the sealer race to name the count, and either
//     name is right.
// Synchronization:
//  [L3] the publisher stores `accepted`, then loads the seal; the sealer stores kSealing, then
//       loads `accepted`: store-then-load, see base/fence.h.
// Progress: two rivals at most race for the name, one wins; values never repeat, so no ABA.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/fence.h"

namespace herald::core {

template <typename Atomics>
class LaneSeal {
 public:
  using Race = base::StoreThenLoad<Atomics>;
  using Count = std::uint64_t;
  using AtomicCount = typename Atomics::template Atomic<Count>;

  // Above every count.
  static constexpr Count kOpen = UINT64_MAX;
  static constexpr Count kSealing = UINT64_MAX - 1;

  // Publisher.

  /// [L3] after its store of `accepted`.
  [[nodiscard]] bool begun_now(base::FenceMode mode) const noexcept {
    return Race::light_load(mode, value_) != kOpen;
  }
  /// It has begun: whether the events up to `put`, the publisher's last, are accepted.
  [[nodiscard]] bool covers(Count put) noexcept {
    Count seen = kSealing;
    return name(seen, put) || put <= seen;
  }
  /// The publisher's own end.
  void finish(Count put) noexcept {
    Count seen = kOpen;
    while (!name(seen, put) && seen >= kSealing) {
    }
  }

  // Dispatcher, or a publisher that is about to sleep.

  /// kOpen, kSealing, or the count.
  [[nodiscard]] Count load(base::FenceMode mode) const noexcept {
    return Race::heavy_load(mode, value_);
  }

  // Any thread.

  /// On return the count is named, unless another thread is sealing at the same time.
  void seal(base::FenceMode mode, const AtomicCount& accepted) noexcept {
    Count seen = kOpen;
    if (start(seen)) {
      Race::heavy_barrier(mode);
      seen = kSealing;
      name(seen, Race::heavy_load(mode, accepted));  // [L3] fails if the publisher named it
    }
  }
  /// As load(), but relaxed: a hint or a statistic, without the order of [L3].
  [[nodiscard]] Count peek() const noexcept { return value_.load(std::memory_order_relaxed); }

  /// Only while nobody else uses it. Relaxed: the lane is handed over with more.
  void reopen() noexcept { value_.store(kOpen, std::memory_order_relaxed); }

 private:
  // seq_cst: the sealer's store of the race [L3]. A second sealer fails and leaves it to the first.
  bool start(Count& seen) noexcept {
    return value_.compare_exchange_strong(seen, kSealing, std::memory_order_seq_cst,
                                          std::memory_order_acquire);
  }
  // Turns kSealing (or, by the publisher itself, kOpen) into the count. seq_cst: the lane's limit()
  // relies on it in that mode, see [L3].
  bool name(Count& seen, Count count) noexcept {
    return value_.compare_exchange_strong(seen, count, std::memory_order_seq_cst,
                                          std::memory_order_acquire);
  }

  AtomicCount value_{kOpen};
};

}  // namespace herald::core
