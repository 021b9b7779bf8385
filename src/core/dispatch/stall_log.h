// Dispatch, stalls: takes the clock reads of the spinning dispatcher, keeps the gaps that the
// machine made.
//
// Threads: the dispatcher thread, which makes it with begin(); stats() is the holder's.
// Invariant: a gap counts only if the time that other threads had this one's processor since
//   the last look (run_delay.h) explains less than a tenth of it. A count of involuntary switches
//   cannot tell: a kernel thread that ran for 5 us at the end of a stop of 3 ms is one switch too.
// Bounds: the last kKept intervals; a system call only after a gap, and once after each sleep.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/run_delay.h"
#include "herald/stats.h"

namespace herald::core {

class StallLog {
 public:
  static constexpr std::int64_t kGapNs = 50'000;

  /// First, by the thread that spins.
  void begin() noexcept { delay_.emplace(); }
  /// After a sleep, whose end may have been delayed.
  void forget() noexcept { is_fresh_ = false; }
  /// Before a spin, when there is nothing to do.
  void refresh() noexcept {
    if (!is_fresh_) [[unlikely]] {
      delay_ns_ = read_delay_ns();
      is_fresh_ = true;
    }
  }
  /// Two clock reads of one spin, nothing but waiting between them.
  void observe(base::Ticks before, base::Ticks now) noexcept {
    if (base::Clock::to_ns(now - before) > kGapNs) [[unlikely]] {
      look(before, now);
    }
  }
  /// Whether a gap was the machine's, given the time in which other threads had the processor.
  [[nodiscard]] static bool is_stall(std::int64_t gap_ns, std::int64_t delay_ns) noexcept {
    return gap_ns > kGapNs && delay_ns < gap_ns / 10;
  }

  [[nodiscard]] StallStats stats() const;

 private:
  struct Interval {
    base::Ticks begin = 0;
    base::Ticks end = 0;
  };
  static constexpr std::size_t kKept = 4'096;

  void look(base::Ticks begin, base::Ticks end) noexcept {
    const std::int64_t before_ns = delay_ns_;
    delay_ns_ = read_delay_ns();
    const bool is_known = is_fresh_ && before_ns >= 0 && delay_ns_ >= 0;
    if (is_known && is_stall(base::Clock::to_ns(end - begin), delay_ns_ - before_ns)) {
      record(begin, end);
    }
    is_fresh_ = true;
  }
  void record(base::Ticks begin, base::Ticks end) noexcept {
    kept_[count_ % kKept] = {begin, end};
    ++count_;
    total_ += end - begin;
    longest_ = end - begin > longest_ ? end - begin : longest_;
  }
  [[nodiscard]] std::int64_t read_delay_ns() const noexcept {
    return delay_.has_value() ? delay_->read_ns() : base::RunDelay::kUnknown;
  }

  std::array<Interval, kKept> kept_{};
  std::uint64_t count_ = 0;
  base::Ticks total_ = 0;
  base::Ticks longest_ = 0;
  std::optional<base::RunDelay> delay_;
  std::int64_t delay_ns_ = 0;  // at the last look
  bool is_fresh_ = false;
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
