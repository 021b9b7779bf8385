// What the lock-free protocols stand on. Every protocol is a template on such a provider: this one
// is the machine; tests/model/ has another that explores interleavings and stale loads.
#pragma once

#include <atomic>
#include <cstdint>

namespace herald::base {

struct NativeAtomics {
  template <typename T>
  using Atomic = std::atomic<T>;

  /// Keeps the compiler, not the processor, from moving memory accesses across.
  static void compiler_barrier() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

  /// Every running thread of this process passes a full memory barrier before it returns.
  /// Requires: membarrier_available() has returned true before. Cost: about 1 us.
  static void membarrier() noexcept;

  /// Registers the process for membarrier() once; false if the kernel refuses it.
  static bool membarrier_available() noexcept;

  /// Sleeps while `word` holds `expected`, until a wake or until CLOCK_MONOTONIC reaches
  /// `deadline_ns` (kNoDeadline: none). May also return without a reason. False on timeout.
  static bool futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                         std::int64_t deadline_ns) noexcept;

  /// Wakes every thread that sleeps on `word`.
  static void futex_wake_all(const std::atomic<std::uint32_t>& word) noexcept;

  /// Lets another thread have the processor.
  static void yield() noexcept;

  static constexpr std::int64_t kNoDeadline = INT64_MAX;
};

}  // namespace herald::base
