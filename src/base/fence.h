// The store-then-load race, and the two ways to win it.
//
// Two threads, each stores to one word and then loads the other's:
//
//     light side (often)              heavy side (seldom)
//     store  work                     store  flag
//     load   flag                     load   work
//
// Forbidden outcome: both load the old value (the light side sees no flag, the heavy side no work).
// Release and acquire allow it: a store may wait in a buffer while the later load runs ahead.
//
// Synchronization:
//  membarrier              light: a release store, a compiler barrier, a relaxed load: plain moves.
//                          heavy: membarrier() between its store and its load puts a full barrier
//                          into every running thread, so a light store made before it is seen by
//                          the heavy load, and a light load made after it sees the flag.
//  sequentially_consistent all four accesses are seq_cst and so have one total order: the later of
//                          the two stores comes before both loads' turn, and its load is after
//                          both.
// The mode is fixed for all accesses of one race: a mix of both would prove nothing.
#pragma once

#include <atomic>
#include <cstdint>

namespace herald::base {

enum class FenceMode : std::uint8_t { kMembarrier, kSequentiallyConsistent };

/// What this process can do best. ThreadSanitizer does not know membarrier, so it gets the accesses
/// that it can follow.
template <typename Atomics>
[[nodiscard]] FenceMode best_fence_mode() noexcept {
#if defined(__SANITIZE_THREAD__)
  return FenceMode::kSequentiallyConsistent;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
  return FenceMode::kSequentiallyConsistent;
#endif
#endif
  return Atomics::membarrier_available() ? FenceMode::kMembarrier
                                         : FenceMode::kSequentiallyConsistent;
}

/// The four accesses of the race, named by side.
template <typename Atomics>
struct StoreThenLoad {
  template <typename T>
  using Atomic = typename Atomics::template Atomic<T>;

  template <typename T>
  static void light_store(FenceMode mode, Atomic<T>& work, T value) noexcept {
    if (mode == FenceMode::kMembarrier) {
      work.store(value, std::memory_order_release);
    } else {
      work.store(value, std::memory_order_seq_cst);  // seq_cst: see the race drawn above.
    }
  }

  template <typename T>
  [[nodiscard]] static T light_load(FenceMode mode, const Atomic<T>& flag) noexcept {
    if (mode == FenceMode::kMembarrier) {
      Atomics::compiler_barrier();
      return flag.load(std::memory_order_relaxed);  // Stale is made harmless by the heavy side.
    }
    return flag.load(std::memory_order_seq_cst);  // seq_cst: see the race drawn above.
  }

  /// Stands between the heavy side's store of its flag (a seq_cst access) and heavy_load.
  static void heavy_barrier(FenceMode mode) noexcept {
    if (mode == FenceMode::kMembarrier) {
      Atomics::membarrier();
    }
  }

  template <typename T>
  [[nodiscard]] static T heavy_load(FenceMode mode, const Atomic<T>& work) noexcept {
    if (mode == FenceMode::kMembarrier) {
      return work.load(std::memory_order_acquire);
    }
    return work.load(std::memory_order_seq_cst);  // seq_cst: see the race drawn above.
  }
};

}  // namespace herald::base
