// When the machine was stalled, put together from all who noticed.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "sample_log.h"

namespace herald::cli {

/// The union of stalls within a span of time. Stalls that overlap (two processors stopped at once,
/// or one noticed by two threads) count as one.
class StalledTime {
 public:
  StalledTime() = default;
  /// Keeps what lies within `span`.
  StalledTime(std::vector<Interval> stalls, Interval span);

  [[nodiscard]] std::size_t count() const noexcept { return stalls_.size(); }
  [[nodiscard]] std::chrono::nanoseconds longest() const noexcept;
  [[nodiscard]] std::chrono::nanoseconds total() const noexcept;

  /// Whether any stall touches the interval. Cost: O(log count).
  [[nodiscard]] bool overlaps(const Interval& interval) const noexcept;

 private:
  std::vector<Interval> stalls_;  // in order, apart from each other
};

}  // namespace herald::cli
