// Latency, recorder: takes a latency in ns from the dispatcher, keeps what LatencyHistogram shows.
//
// Threads: one writer at a time calls record(): whoever holds the dispatch right, whose handover
// orders successive writers. Any thread, at any time, calls snapshot(). Both are wait-free.
// Invariants:
//  1. Only the writer stores, so load + store loses no sample and no read-modify-write is needed.
//  2. Every counter only grows, and so does its value in successive snapshots of one thread.
//  3. The number of samples is not kept: it is the sum of the buckets, so no snapshot can disagree
//     with itself about it. Its other figures are brought within what its buckets allow.
// Synchronization: none, all accesses are relaxed. A snapshot contains every sample whose record()
// happens before it (through flush(), for instance); of those recorded meanwhile, any part. Without
// such, every figure is exact; with them, some may be as much as one bucket off.
// Bounds: 18,944 bytes, no allocation.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/assert.h"
#include "base/cache_line.h"
#include "herald/latency_histogram.h"

namespace herald {

class LatencyRecorder {
 public:
  /// Requires: slo >= 0.
  explicit LatencyRecorder(std::chrono::nanoseconds slo = LatencyHistogram::kNoSlo) noexcept
      : slo_ns_(slo.count()) {
    HERALD_ASSERT(slo_ns_ >= 0, "the SLO of a latency recorder must not be negative");
  }

  LatencyRecorder(const LatencyRecorder&) = delete;
  LatencyRecorder& operator=(const LatencyRecorder&) = delete;

  /// Adds one sample, `count` times; a negative one is recorded as 0 and counted.
  /// Threads: the writer. Cost: 1.3 to 2 ns whatever the distribution, no read-modify-write.
  void record(std::int64_t latency_ns, std::uint64_t count = 1) noexcept {
    if (latency_ns < own(min_ns_)) [[unlikely]] {
      latency_ns = lower_minimum(latency_ns, count);
    }
    if (latency_ns > own(max_ns_)) [[unlikely]] {
      publish(max_ns_, latency_ns);
    }
    add(buckets_[LatencyHistogram::bucket_index(latency_ns)], count);
    add(sum_ns_, count * static_cast<std::uint64_t>(
                             std::min(latency_ns, LatencyHistogram::kHighestTrackable.count())));
    // Always stored: a branch costs 2 ns more when latencies scatter around the SLO.
    add(over_slo_, latency_ns > slo_ns_ ? count : 0);
  }

  /// What has been recorded so far.
  /// Threads: any. Cost: about 2 us; the writer does not wait, but its cache lines are shared.
  [[nodiscard]] LatencyHistogram snapshot() const noexcept {
    LatencyHistogram result{std::chrono::nanoseconds(slo_ns_)};
    for (std::size_t index = 0; index < buckets_.size(); ++index) {
      result.buckets_[index] = observe(buckets_[index]);
    }
    result.sum_ns_ = observe(sum_ns_);
    result.min_ns_ = observe(min_ns_);
    result.max_ns_ = observe(max_ns_);
    result.over_slo_ = observe(over_slo_);
    result.negative_ = observe(negative_);
    result.conform_to_buckets();
    return result;
  }

 private:
  // Returns the sample as it is recorded. A negative one comes here: the minimum is never below 0.
  std::int64_t lower_minimum(std::int64_t latency_ns, std::uint64_t count) noexcept {
    if (latency_ns < 0) {
      add(negative_, count);
      latency_ns = 0;
    }
    publish(min_ns_, latency_ns);
    return latency_ns;
  }

  template <typename T>
  static T own(const std::atomic<T>& field) noexcept {
    return field.load(std::memory_order_relaxed);  // relaxed: the writer reads its own last store
  }

  template <typename T>
  static T observe(const std::atomic<T>& field) noexcept {
    // relaxed: statistic only; nothing is read through it, and invariant 3 mends what is torn.
    return field.load(std::memory_order_relaxed);
  }

  template <typename T>
  static void publish(std::atomic<T>& field, T value) noexcept {
    field.store(value, std::memory_order_relaxed);  // relaxed: statistic only, may be seen late
  }

  static void add(std::atomic<std::uint64_t>& field, std::uint64_t increment) noexcept {
    publish(field, own(field) + increment);
  }

  // All written by the writer: the figures of every sample on one line, then the buckets.
  alignas(base::kFalseSharingBytes) const std::int64_t slo_ns_;
  std::atomic<std::uint64_t> sum_ns_{0};
  std::atomic<std::int64_t> min_ns_{std::numeric_limits<std::int64_t>::max()};
  std::atomic<std::int64_t> max_ns_{0};
  std::atomic<std::uint64_t> over_slo_{0};
  std::atomic<std::uint64_t> negative_{0};
  alignas(base::kCacheLineBytes)
      std::array<std::atomic<std::uint64_t>, LatencyHistogram::kBucketCount> buckets_{};
};

}  // namespace herald
