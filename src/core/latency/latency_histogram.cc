// Latency, histogram: takes bucket counts, gives the figures that a user reads off them.
#include "herald/latency_histogram.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace herald {
namespace {

using std::chrono::nanoseconds;

/// The greatest value of a bucket.
std::int64_t bucket_last_ns(std::size_t index) noexcept {
  return index + 1 < LatencyHistogram::kBucketCount ? LatencyHistogram::bucket_upper_ns(index) - 1
                                                    : LatencyHistogram::bucket_upper_ns(index);
}

/// The value with the least possible error. Requires: not the last bucket, which has no middle.
std::int64_t bucket_middle_ns(std::size_t index) noexcept {
  const std::int64_t lower_ns = LatencyHistogram::bucket_lower_ns(index);
  return lower_ns + (LatencyHistogram::bucket_upper_ns(index) - lower_ns) / 2;
}

/// How many of `count` samples a percentile covers, at least one.
std::uint64_t nearest_rank(double percent, std::uint64_t count) noexcept {
  // 0.07 % of 10,000 is 7.000000000000001 in doubles, which would round up to 8 samples. One part
  // in 2^50 less outweighs the four roundings here, each at most one part in 2^53.
  constexpr double kLess = 1.0 - 0x1p-50;
  const double rank = std::ceil(percent * static_cast<double>(count) / 100.0 * kLess);
  return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count);
}

}  // namespace

LatencyHistogram::LatencyHistogram(nanoseconds slo) noexcept : slo_ns_(slo.count()) {
  HERALD_ASSERT(slo_ns_ >= 0, "the SLO of a latency histogram must not be negative");
}

void LatencyHistogram::record_ns(std::int64_t latency_ns) noexcept {
  if (latency_ns < 0) {
    ++negative_;
    latency_ns = 0;
  }
  ++buckets_[bucket_index(latency_ns)];
  ++count_;
  sum_ns_ += static_cast<std::uint64_t>(std::min(latency_ns, kHighestTrackable.count()));
  min_ns_ = std::min(min_ns_, latency_ns);
  max_ns_ = std::max(max_ns_, latency_ns);
  over_slo_ += latency_ns > slo_ns_ ? 1 : 0;
}

void LatencyHistogram::merge(const LatencyHistogram& other) noexcept {
  if (other.empty()) {
    return;
  }
  if (empty()) {
    slo_ns_ = other.slo_ns_;
  }
  HERALD_ASSERT(slo_ns_ == other.slo_ns_, "merged latency histograms must have the same SLO");
  for (std::size_t index = 0; index < kBucketCount; ++index) {
    buckets_[index] += other.buckets_[index];
  }
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  min_ns_ = std::min(min_ns_, other.min_ns_);
  max_ns_ = std::max(max_ns_, other.max_ns_);
  over_slo_ += other.over_slo_;
  negative_ += other.negative_;
}

void LatencyHistogram::subtract(const LatencyHistogram& earlier) noexcept {
  bool is_earlier = earlier.empty() || slo_ns_ == earlier.slo_ns_;
  for (std::size_t index = 0; index < kBucketCount; ++index) {
    is_earlier &= earlier.buckets_[index] <= buckets_[index];
    buckets_[index] -= earlier.buckets_[index];
  }
  HERALD_ASSERT(is_earlier, "only an earlier snapshot of the same recorder can be subtracted");
  sum_ns_ -= earlier.sum_ns_;
  over_slo_ -= earlier.over_slo_;
  negative_ -= earlier.negative_;
  // The extremes of the whole enclose those of the interval; the buckets now narrow them down.
  conform_to_buckets();
}

nanoseconds LatencyHistogram::min() const noexcept { return nanoseconds(empty() ? 0 : min_ns_); }

nanoseconds LatencyHistogram::max() const noexcept { return nanoseconds(max_ns_); }

nanoseconds LatencyHistogram::slo() const noexcept { return nanoseconds(slo_ns_); }

double LatencyHistogram::sum_ns() const noexcept {
  double estimate_ns = 0;
  for (std::size_t index = 0; index + 1 < kBucketCount; ++index) {
    estimate_ns +=
        static_cast<double>(buckets_[index]) * static_cast<double>(bucket_middle_ns(index));
  }
  estimate_ns +=
      static_cast<double>(count_saturated()) * static_cast<double>(kHighestTrackable.count());
  // sum_ns_ wraps at 2^64, which a bus with 16,384 events always waiting reaches in 13 days. The
  // estimate is within 1/128, so it tells how often it wrapped for sums up to 2^70.
  constexpr double kWrap = 0x1p64;
  const auto wrapped_ns = static_cast<double>(sum_ns_);
  return wrapped_ns + kWrap * std::round((estimate_ns - wrapped_ns) / kWrap);
}

double LatencyHistogram::mean_ns() const noexcept {
  return empty() ? 0.0
                 : std::clamp(sum_ns() / static_cast<double>(count_), static_cast<double>(min_ns_),
                              static_cast<double>(max_ns_));
}

nanoseconds LatencyHistogram::percentile(double percent) const noexcept {
  HERALD_ASSERT(percent >= 0 && percent <= 100, "a percentile is between 0 and 100");
  if (percent == 0 || empty()) {
    return min();
  }
  if (percent == 100) {
    return max();
  }
  std::uint64_t remaining = nearest_rank(percent, count_);
  for (std::size_t index = 0; index + 1 < kBucketCount; ++index) {
    if (remaining <= buckets_[index]) {
      return nanoseconds(std::clamp(bucket_middle_ns(index), min_ns_, max_ns_));
    }
    remaining -= buckets_[index];
  }
  return max();
}

double LatencyHistogram::fraction_at_or_below(nanoseconds latency) const noexcept {
  if (empty() || latency < min()) {
    return 0.0;
  }
  if (latency >= max()) {
    return 1.0;
  }
  std::uint64_t below = 0;
  for (std::size_t index = 0; bucket_last_ns(index) <= latency.count(); ++index) {
    below += buckets_[index];
  }
  return static_cast<double>(below) / static_cast<double>(count_);
}

void LatencyHistogram::conform_to_buckets() noexcept {
  count_ = 0;
  std::uint64_t above_slo_bucket = 0;
  const std::size_t slo_index = bucket_index(slo_ns_);
  for (std::size_t index = 0; index < kBucketCount; ++index) {
    count_ += buckets_[index];
    above_slo_bucket += index > slo_index ? buckets_[index] : 0;
  }
  if (empty()) {
    *this = LatencyHistogram(nanoseconds(slo_ns_));
    return;
  }
  over_slo_ = std::clamp(over_slo_, above_slo_bucket, above_slo_bucket + buckets_[slo_index]);
  negative_ = std::min(negative_, buckets_[0]);
  conform_extremes();
}

void LatencyHistogram::conform_extremes() noexcept {
  const auto in_use = [](std::uint64_t samples) { return samples != 0; };
  const auto first = std::find_if(buckets_.begin(), buckets_.end(), in_use);
  const auto last = std::find_if(buckets_.rbegin(), buckets_.rend(), in_use);
  const auto lowest = static_cast<std::size_t>(first - buckets_.begin());
  const auto highest = static_cast<std::size_t>(buckets_.rend() - last) - 1;
  min_ns_ = std::clamp(min_ns_, bucket_lower_ns(lowest), bucket_last_ns(lowest));
  max_ns_ = std::clamp(max_ns_, bucket_lower_ns(highest), bucket_last_ns(highest));
  max_ns_ = std::max(min_ns_, max_ns_);  // one bucket, read between the stores of min and max
}

}  // namespace herald
