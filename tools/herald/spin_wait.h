// How a publisher waits: on the clock, noticing when the machine did not let it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sample_log.h"

namespace herald::cli {

/// Spins until instants, and records the machine's stalls meanwhile: gaps of more than kStall
/// between two clock reads of a thread that does nothing else, over which its involuntary context
/// switches did not grow. (If they did, another program had the processor; that is not excused.)
///
/// Threads: one, from begin() on; stalls() while that one is at rest.
/// Bounds: kMostStalls records; more are counted only.
class SpinWait {
 public:
  static constexpr std::chrono::nanoseconds kStall = std::chrono::microseconds(50);
  static constexpr std::size_t kMostStalls = 65'536;

  SpinWait() { stalls_.reserve(kMostStalls); }

  /// To be called first, by the thread that waits. Forgets the stalls so far.
  void begin() noexcept;
  /// Returns the time, at or after `due`; earlier only when interrupted.
  Instant until(Instant due) noexcept;

  [[nodiscard]] std::span<const Interval> stalls() const noexcept { return stalls_; }
  [[nodiscard]] std::uint64_t overflow() const noexcept { return overflow_; }

 private:
  void look(Interval gap) noexcept;

  std::vector<Interval> stalls_;
  std::uint64_t overflow_ = 0;
  long switches_ = 0;  // involuntary, at the last look
};

}  // namespace herald::cli
