// The samples of a run: when each event was due and when its last subscriber had it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace herald::cli {

using Instant = std::chrono::steady_clock::time_point;

/// A span of time on the steady clock.
struct Interval {
  Instant begin;
  Instant end;

  [[nodiscard]] std::chrono::nanoseconds length() const noexcept { return end - begin; }
};

/// Samples in order of delivery: [due, end]. Memory is reserved and touched beforehand.
///
/// Threads: append by the dispatching thread; everything else while it is at rest.
/// Bounds: `capacity` samples of 16 bytes. Events are chosen by their checksum, one in `stride`, so
///   that a long run still fits; what does not fit is counted.
class SampleLog {
 public:
  /// `expected` events are to fit in `capacity` samples.
  SampleLog(std::uint64_t expected, std::size_t capacity);

  /// Whether an event is one of those kept. The choice looks random, so no type is favoured.
  [[nodiscard]] bool wants(std::uint32_t checksum) const noexcept {
    return open_ && (checksum & mask_) == 0;
  }
  void append(Instant due, Instant end) noexcept {
    if (size_ < samples_.size()) {
      samples_[size_++] = {due, end};
    } else {
      ++overflow_;
    }
  }

  /// Samples are kept from now on; before, none is.
  void open() noexcept { open_ = true; }

  [[nodiscard]] std::span<const Interval> samples() const noexcept {
    return std::span(samples_).first(size_);
  }
  [[nodiscard]] std::uint64_t overflow() const noexcept { return overflow_; }
  /// One in so many events is a sample.
  [[nodiscard]] std::uint64_t stride() const noexcept { return std::uint64_t{mask_} + 1; }

 private:
  std::vector<Interval> samples_;
  std::size_t size_ = 0;
  std::uint64_t overflow_ = 0;
  std::uint32_t mask_ = 0;
  bool open_ = false;
};

}  // namespace herald::cli
