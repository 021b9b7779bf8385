// The latencies of a run, exact.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace herald::cli {

/// Sorted samples. Empty: every figure is 0.
class Latencies {
 public:
  Latencies() = default;
  explicit Latencies(std::vector<std::int64_t> samples_ns);

  [[nodiscard]] std::size_t count() const noexcept { return sorted_ns_.size(); }
  /// The smallest latency that at least `percent` % of the samples do not exceed (nearest rank).
  [[nodiscard]] std::chrono::nanoseconds percentile(double percent) const noexcept;
  [[nodiscard]] std::chrono::nanoseconds max() const noexcept { return percentile(100); }
  /// The share, 0 to 1, of samples at or below `limit`.
  [[nodiscard]] double share_within(std::chrono::nanoseconds limit) const noexcept;

 private:
  std::vector<std::int64_t> sorted_ns_;
};

}  // namespace herald::cli
