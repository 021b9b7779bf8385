// The monotonic clock behind every latency: the processor's time-stamp counter where the kernel
// itself trusts it, else CLOCK_MONOTONIC.
//
// Threads: all functions may be called from any thread at any time.
// Invariants:
//  1. A tick never means anything alone: only differences are converted, so the error of the
//     calibration (measured over 2 ms at first use, some 10 ppm) is relative to the difference.
//  2. The source is chosen once per process and never changes.
#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace herald::base {

/// A point in time, in units of the chosen counter. 0 is "no time".
using Ticks = std::int64_t;

class Clock {
 public:
  /// Chooses the source and calibrates it; the first call takes about 2 ms, later ones nothing.
  static void calibrate() noexcept;

  /// Now. Cost: 11 ns with the time-stamp counter, 28 ns with CLOCK_MONOTONIC (a
  /// virtual Zen 5 at 3.4 GHz). Requires: calibrate() has returned before.
  static Ticks now() noexcept {
#if defined(__x86_64__)
    if (uses_tsc_) [[likely]] {
      return static_cast<Ticks>(__rdtsc());
    }
#endif
    return monotonic_ns();
  }

  /// The length of a difference of two ticks. Cost: a multiplication and a shift.
  static std::int64_t to_ns(Ticks difference) noexcept {
    return static_cast<std::int64_t>((static_cast<Wide>(difference) * ns_per_tick_q32_) >> 32);
  }

  /// The opposite of to_ns; a difference of a century or more becomes kFarTicks, which can still be
  /// added to now().
  static Ticks to_ticks(std::int64_t ns) noexcept {
    const Wide ticks = (static_cast<Wide>(ns) * ticks_per_ns_q32_) >> 32;
    return static_cast<Ticks>(ticks > kFarTicks ? kFarTicks
                                                : (ticks < -kFarTicks ? -kFarTicks : ticks));
  }
  static constexpr Ticks kFarTicks = INT64_MAX / 2;
  /// A deadline that there is not.
  static constexpr Ticks kNever = INT64_MAX;

  /// The same instants on the scales of std::chrono, by reading both clocks now: off by some
  /// 0.1 us, also if the thread is stopped meanwhile. to_wall follows what sets the system's clock.
  static Ticks from_steady(std::chrono::steady_clock::time_point time) noexcept;
  static std::chrono::steady_clock::time_point to_steady(Ticks time) noexcept;
  static std::chrono::system_clock::time_point to_wall(Ticks time) noexcept;

  /// CLOCK_MONOTONIC in nanoseconds: the scale of every deadline given to the kernel.
  static std::int64_t monotonic_ns() noexcept;
  /// `timeout` from now on that scale; INT64_MAX, which is no deadline, rather than an overflow.
  static std::int64_t monotonic_deadline(std::chrono::nanoseconds timeout) noexcept;

  [[nodiscard]] static bool uses_tsc() noexcept { return uses_tsc_; }

 private:
  __extension__ using Wide = __int128;

  // Written once inside calibrate(), before any thread of a bus exists; read-only afterwards.
  static inline bool uses_tsc_ = false;
  static inline std::int64_t ns_per_tick_q32_ = std::int64_t{1} << 32;
  static inline std::int64_t ticks_per_ns_q32_ = std::int64_t{1} << 32;
};

}  // namespace herald::base
