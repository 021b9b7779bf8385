// Stage 9, stalls: takes the clock reads of the spinning dispatcher, keeps the gaps that the
// machine made.
//
// Threads: the holder of the dispatch right.
// Invariant: a gap counts only if the thread's involuntary switches did not grow since the last gap
//   was looked at: otherwise another thread may have had the processor, and it is no stall.
// Bounds: the last kKept intervals; a system call only after a gap.
#pragma once

#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "herald/stats.h"

namespace herald::core {

class StallLog {
 public:
  static constexpr std::int64_t kGapNs = 50'000;

  /// Two clock reads of one spin, nothing but waiting between them.
  void observe(base::Ticks before, base::Ticks now) noexcept {
    if (base::Clock::to_ns(now - before) > kGapNs) [[unlikely]] {
      record(before, now);
    }
  }
  /// Before a spin of a thread that may have been switched out since.
  void resync() noexcept { switches_ = involuntary_switches(); }

  [[nodiscard]] StallStats stats() const;

 private:
  struct Interval {
    base::Ticks begin = 0;
    base::Ticks end = 0;
  };
  static constexpr std::size_t kKept = 4'096;

  void record(base::Ticks begin, base::Ticks end) noexcept {
    const long switches = involuntary_switches();
    const bool switched_out = switches != switches_;
    switches_ = switches;
    if (switched_out) {
      return;
    }
    kept_[count_ % kKept] = {begin, end};
    ++count_;
    total_ += end - begin;
    longest_ = end - begin > longest_ ? end - begin : longest_;
  }

  static long involuntary_switches() noexcept {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
  }

  std::array<Interval, kKept> kept_{};
  std::uint64_t count_ = 0;
  base::Ticks total_ = 0;
  base::Ticks longest_ = 0;
  long switches_ = 0;
};

inline StallStats StallLog::stats() const {
  StallStats stats;
  stats.count = count_;
  stats.total = std::chrono::nanoseconds(base::Clock::to_ns(total_));
  stats.longest = std::chrono::nanoseconds(base::Clock::to_ns(longest_));
  const std::uint64_t first = count_ > kKept ? count_ - kKept : 0;
  for (std::uint64_t i = first; i < count_; ++i) {
    const Interval& kept = kept_[i % kKept];
    stats.recent.push_back({base::Clock::to_steady(kept.begin), base::Clock::to_steady(kept.end)});
  }
  return stats;
}

}  // namespace herald::core
