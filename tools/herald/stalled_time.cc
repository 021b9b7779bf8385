#include "stalled_time.h"

#include <algorithm>

namespace herald::cli {

using std::chrono::nanoseconds;

StalledTime::StalledTime(std::vector<Interval> stalls, Interval span) {
  std::sort(stalls.begin(), stalls.end(),
            [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
  for (const Interval& stall : stalls) {
    const Interval inside{std::max(stall.begin, span.begin), std::min(stall.end, span.end)};
    if (inside.begin >= inside.end) {
      continue;
    }
    if (!stalls_.empty() && inside.begin <= stalls_.back().end) {
      stalls_.back().end = std::max(stalls_.back().end, inside.end);
    } else {
      stalls_.push_back(inside);
    }
  }
}

nanoseconds StalledTime::longest() const noexcept {
  nanoseconds longest{0};
  for (const Interval& stall : stalls_) {
    longest = std::max(longest, stall.length());
  }
  return longest;
}

nanoseconds StalledTime::total() const noexcept {
  nanoseconds total{0};
  for (const Interval& stall : stalls_) {
    total += stall.length();
  }
  return total;
}

bool StalledTime::overlaps(const Interval& interval) const noexcept {
  const auto next =
      std::upper_bound(stalls_.begin(), stalls_.end(), interval.begin,
                       [](Instant begin, const Interval& stall) { return begin < stall.end; });
  return next != stalls_.end() && next->begin < interval.end;
}

}  // namespace herald::cli
