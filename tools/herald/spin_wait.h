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
/// between two clock reads of a thread that does nothing else, of which the time that other
/// threads had its processor explains less than a tenth. (What they took is not excused. The kernel
/// tells it in /proc/thread-self/schedstat; a count of involuntary switches would not do, as a
/// kernel thread that runs for 5 us after a stop of 3 ms is one switch too.)
///
/// Threads: one, from begin() on; stalls() while that one is at rest.
/// Bounds: kMostStalls records; more are counted only.
class SpinWait {
 public:
  static constexpr std::chrono::nanoseconds kStall = std::chrono::microseconds(50);
  static constexpr std::size_t kMostStalls = 65'536;

  SpinWait() { stalls_.reserve(kMostStalls); }
  ~SpinWait();
  SpinWait(const SpinWait&) = delete;
  SpinWait& operator=(const SpinWait&) = delete;

  /// To be called first, by the thread that waits. Forgets the stalls so far.
  void begin() noexcept;
  /// Returns the time, at or after `due`; earlier only when interrupted.
  Instant until(Instant due) noexcept;

  [[nodiscard]] std::span<const Interval> stalls() const noexcept { return stalls_; }
  [[nodiscard]] std::uint64_t overflow() const noexcept { return overflow_; }

 private:
  void look(Interval gap) noexcept;
  [[nodiscard]] std::int64_t delay_by_others_ns() const noexcept;  // negative: not known

  std::vector<Interval> stalls_;
  std::uint64_t overflow_ = 0;
  int schedstat_ = -1;         // the open file
  std::int64_t delay_ns_ = 0;  // by others, at the last look
};

}  // namespace herald::cli
