// How fast tokens are published.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "sample_log.h"

namespace herald::cli {

/// When each token is due: at even distances, so that one that is late takes nothing from the next.
/// After more than kMostLate without publishing (no input, no room) the count begins anew: what was
/// lost that way is not made up for by a burst.
class Pace {
 public:
  static constexpr std::chrono::nanoseconds kMostLate = std::chrono::milliseconds(50);

  /// `rate` is in tokens a second; absent: every token is due at once.
  Pace(std::optional<double> rate, Instant begin)
      : period_ns_(rate.has_value() ? 1e9 / *rate : 0), origin_(begin) {}

  /// When the token is due that one has in hand at `now`.
  [[nodiscard]] Instant next(Instant now) noexcept {
    const double offset_ns = static_cast<double>(index_) * period_ns_;
    Instant due = origin_ + std::chrono::nanoseconds(static_cast<std::int64_t>(offset_ns));
    if (due < now - kMostLate) {
      due = origin_ = now;
      index_ = 0;
    }
    ++index_;
    return due;
  }

 private:
  double period_ns_;
  Instant origin_;
  std::uint64_t index_ = 0;
};

}  // namespace herald::cli
