#include "latencies.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace herald::cli {

Latencies::Latencies(std::vector<std::int64_t> samples_ns) : sorted_ns_(std::move(samples_ns)) {
  std::sort(sorted_ns_.begin(), sorted_ns_.end());
}

std::chrono::nanoseconds Latencies::percentile(double percent) const noexcept {
  if (sorted_ns_.empty()) {
    return std::chrono::nanoseconds(0);
  }
  // The small part taken off undoes the rounding of e.g. 99.9 / 100.
  const double rank = std::ceil(percent / 100 * static_cast<double>(count()) - 1e-6);
  const auto index = static_cast<std::size_t>(std::max(1.0, rank)) - 1;
  return std::chrono::nanoseconds(sorted_ns_[std::min(index, count() - 1)]);
}

double Latencies::share_within(std::chrono::nanoseconds limit) const noexcept {
  if (sorted_ns_.empty()) {
    return 0;
  }
  const auto over = std::upper_bound(sorted_ns_.begin(), sorted_ns_.end(), limit.count());
  return static_cast<double>(over - sorted_ns_.begin()) / static_cast<double>(count());
}

}  // namespace herald::cli
