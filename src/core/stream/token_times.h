// Stream, times: takes the moment of each token, gives TTFT, inter-token times and rates.
//
// Threads: one at a time.
// Resolution: gaps below 1,024 ticks (0.5 us at 2 GHz) have buckets of 64 ticks; from there every
//   octave is cut into 16 equal ones, up to 2^40 ticks (5 minutes at 4 GHz, 9 at 2). A gap is
//   reported as its bucket's midpoint: at most 1/32 (3.1 %) off from 1,024 ticks on. It is coarser
//   than LatencyHistogram on purpose: 2 KiB instead of 18, and there is one for each live stream.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace herald::core {

class TokenTimes {
 public:
  void start(base::Ticks requested) noexcept {
    *this = {};
    requested_ = requested;
  }
  void token(base::Ticks now) noexcept {
    if (tokens_++ == 0) {
      first_ = now;
    } else {
      ++gaps_[bucket(std::max<base::Ticks>(now - last_, 0))];
    }
    last_ = now;
  }
  void end(base::Ticks now) noexcept { end_ = now; }

  [[nodiscard]] std::uint64_t tokens() const noexcept { return tokens_; }
  /// 0 before the first token; so are the others that need one or two.
  [[nodiscard]] std::int64_t first_token_ns() const noexcept {
    return tokens_ == 0 ? 0 : std::max<std::int64_t>(base::Clock::to_ns(first_ - requested_), 0);
  }
  /// From the request to the end, or to `now` while it runs.
  [[nodiscard]] std::int64_t total_ns(base::Ticks now) const noexcept {
    const base::Ticks until = end_ == 0 ? now : end_;
    return std::max<std::int64_t>(base::Clock::to_ns(until - requested_), 0);
  }
  [[nodiscard]] double tokens_per_second(base::Ticks now) const noexcept {
    return rate(tokens_, total_ns(now));
  }
  [[nodiscard]] double decode_tokens_per_second() const noexcept {
    return tokens_ < 2 ? 0 : rate(tokens_ - 1, base::Clock::to_ns(last_ - first_));
  }
  /// The gap that a share of `quantile` of all gaps does not exceed.
  [[nodiscard]] std::int64_t inter_token_ns(double quantile) const noexcept {
    if (tokens_ < 2) {
      return 0;
    }
    const auto gaps = static_cast<double>(tokens_ - 1);
    double left = std::max(quantile * gaps, 1.0);
    for (std::size_t i = 0; i < gaps_.size(); ++i) {
      left -= static_cast<double>(gaps_[i]);
      if (left <= 0) {
        return base::Clock::to_ns(midpoint(i));
      }
    }
    return base::Clock::to_ns(midpoint(gaps_.size() - 1));
  }

 private:
  static constexpr unsigned kSubBits = 4;
  static constexpr std::size_t kSubBuckets = std::size_t{1} << kSubBits;
  static constexpr unsigned kLeastOctave = 10;
  static constexpr unsigned kMostOctave = 40;
  static constexpr std::size_t kBuckets = (kMostOctave - kLeastOctave + 1) * kSubBuckets;

  [[nodiscard]] static std::size_t bucket(base::Ticks gap) noexcept {
    const auto ticks = static_cast<std::uint64_t>(gap);
    const unsigned octave = ticks == 0 ? 0 : static_cast<unsigned>(std::bit_width(ticks)) - 1;
    if (octave < kLeastOctave) {
      return ticks >> (kLeastOctave - kSubBits);
    }
    const unsigned shift = octave - kSubBits;
    const std::size_t index =
        (octave - kLeastOctave + 1) * kSubBuckets + ((ticks >> shift) - kSubBuckets);
    return std::min(index, kBuckets - 1);
  }
  [[nodiscard]] static base::Ticks midpoint(std::size_t index) noexcept {
    const std::size_t row = index / kSubBuckets;
    const auto within = static_cast<base::Ticks>(index % kSubBuckets);
    if (row == 0) {
      const unsigned width_bits = kLeastOctave - kSubBits;
      return (within << width_bits) + (base::Ticks{1} << (width_bits - 1));
    }
    const unsigned shift = static_cast<unsigned>(row) - 1 + kLeastOctave - kSubBits;
    return ((within + static_cast<base::Ticks>(kSubBuckets)) << shift) +
           (base::Ticks{1} << (shift - 1));
  }
  [[nodiscard]] static double rate(std::uint64_t count, std::int64_t ns) noexcept {
    return ns <= 0 ? 0 : static_cast<double>(count) * 1e9 / static_cast<double>(ns);
  }

  base::Ticks requested_ = 0;
  base::Ticks first_ = 0;
  base::Ticks last_ = 0;
  base::Ticks end_ = 0;
  std::uint64_t tokens_ = 0;
  std::array<std::uint32_t, kBuckets> gaps_{};
};

}  // namespace herald::core
