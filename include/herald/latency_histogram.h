// The measuring instrument: how many latencies fell into which of 2,346 buckets.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace herald {

/// A distribution of latencies: a plain value, either a snapshot that the bus hands out (each
/// dispatcher keeps its own recorder) or a histogram that the caller fills with record().
///
/// Threads: like an int. Const members may run at once; record, merge and subtract need the object
/// to themselves.
/// Ownership: holds everything inline and never allocates. An object is about 18 KiB: mind small
/// stacks, and pass it by reference.
///
/// Resolution (the layout of HdrHistogram, hdrhistogram.org, with 128 sub-buckets): values below
/// 128 ns have a bucket each. From there every octave [2^k, 2^(k+1)) is cut into 64 buckets of
/// equal width w = 2^(k-6), up to 1 h. Below 1 ns there is only 0, which has its own bucket.
///
/// Error: at most 1/128 (0.79 %) of the true value, from 0 ns to 1 h. Proof: a bucket that starts
/// at L >= 128 has L >= 2^k = 64 w. A value v in it is reported as the midpoint L + w/2, so
/// |reported - v| <= w/2 <= L/128 <= v/128. Below 128 ns w = 1, and the report is v itself.
/// Clamping the report into [min(), max()] only moves it towards v, which lies in there.
/// Values over 1 h share the last bucket, which has no error bound; count_saturated() counts them.
///
/// Coordinated omission: a sample must start at the *intended* time of an event, not at the moment
/// when a late sender came round to sending it; otherwise a stall of 1 s leaves one sample of 1 s
/// and hides all that queued behind it. No histogram can repair that afterwards. The bus anchors at
/// `publish(..., {.at = intended})`; do the same with your own samples.
///
/// When empty, every count, statistic, percentile and fraction is 0.
class LatencyHistogram {
 public:
  /// The greatest latency with an error bound.
  static constexpr std::chrono::nanoseconds kHighestTrackable = std::chrono::hours(1);

  /// As an SLO: none, so that no sample is over it.
  static constexpr std::chrono::nanoseconds kNoSlo = std::chrono::nanoseconds::max();

  static constexpr std::size_t kBucketCount = 2'346;

  /// An empty histogram. count_over_slo() counts against `slo`, the greatest latency that still
  /// meets the objective. Requires: slo >= 0.
  explicit LatencyHistogram(std::chrono::nanoseconds slo = kNoSlo) noexcept;

  /// Adds one sample. A negative one (two clocks that disagree) is recorded as 0 and counted in
  /// count_negative(). Cost: 3 ns.
  void record(std::chrono::nanoseconds latency) noexcept { record_ns(latency.count()); }
  void record_ns(std::int64_t latency_ns) noexcept;

  /// Adds the samples of `other`: the result equals having recorded both into one. An empty
  /// histogram takes over the SLO of the other.
  /// Requires: both have the same SLO, or one is empty. Cost: O(kBucketCount), under 1 us.
  void merge(const LatencyHistogram& other) noexcept;

  /// Keeps what was recorded since `earlier`: turns the later of two snapshots of one recorder into
  /// the interval between them. All of it is exact but min() and max(), which nobody kept for the
  /// interval: they are exact if the interval set a new record, else the outer edge of the
  /// outermost bucket in use, so that they enclose the samples and overstate the spread by at most
  /// 1/64. Requires: `earlier` is an earlier state of this one. Cost: O(kBucketCount), about 2 us.
  void subtract(const LatencyHistogram& earlier) noexcept;

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  /// The smallest and the greatest sample: exact, over 1 h too. A snapshot taken while its writer
  /// records may be one bucket off (1/64) where it caught a sample half written.
  [[nodiscard]] std::chrono::nanoseconds min() const noexcept;
  [[nodiscard]] std::chrono::nanoseconds max() const noexcept;

  /// The sum and the mean of all samples: exact but for the rounding of a double. A sample over 1 h
  /// enters as 1 h. Cost: O(kBucketCount), about 4 us.
  [[nodiscard]] double sum_ns() const noexcept;
  [[nodiscard]] double mean_ns() const noexcept;

  /// The smallest latency that at least `percent` % of the samples do not exceed (nearest rank: no
  /// value between two samples is made up), within the error above. 0 gives min(), 100 gives max().
  /// If it is over 1 h, max() is returned, so that a saturated tail is never understated.
  /// Requires: 0 <= percent <= 100. Cost: O(kBucketCount), under 1 us.
  [[nodiscard]] std::chrono::nanoseconds percentile(double percent) const noexcept;

  /// The fraction, 0 to 1, of samples at or below `latency`. Never overstated: a bucket counts once
  /// all its values are at or below, so it is exact below 128 ns and from max() on, and elsewhere
  /// short by at most the samples within 1/64 of `latency`. Cost: O(kBucketCount).
  [[nodiscard]] double fraction_at_or_below(std::chrono::nanoseconds latency) const noexcept;

  /// The objective, and how many samples were strictly over it: exact, not to bucket resolution.
  [[nodiscard]] std::chrono::nanoseconds slo() const noexcept;
  [[nodiscard]] std::uint64_t count_over_slo() const noexcept { return over_slo_; }

  /// How many samples were over kHighestTrackable.
  [[nodiscard]] std::uint64_t count_saturated() const noexcept { return buckets_.back(); }

  /// How many samples were negative and entered as 0.
  [[nodiscard]] std::uint64_t count_negative() const noexcept { return negative_; }

  /// Calls visit(lower_ns, upper_ns, count) for each bucket in use, in ascending order: `count`
  /// samples were at least lower_ns and less than upper_ns. For plots and exports.
  template <typename Visit>
  void for_each_bucket(Visit&& visit) const {
    for (std::size_t index = 0; index < kBucketCount; ++index) {
      if (buckets_[index] != 0) {
        visit(bucket_lower_ns(index), bucket_upper_ns(index), buckets_[index]);
      }
    }
  }

  /// The bucket of a latency. Requires: latency_ns >= 0. Cost: under 1 ns, no table.
  [[nodiscard]] static constexpr std::size_t bucket_index(std::int64_t latency_ns) noexcept {
    if (latency_ns > kHighestTrackable.count()) {
      return kBucketCount - 1;
    }
    // Keeping the 7 leading bits gives 64..127 within each octave; octave `shift` begins where the
    // one before it ends, and below 128 the shift is 0 and the value is its own index.
    const auto value = static_cast<std::uint64_t>(latency_ns);
    const int shift = 57 - std::countl_zero(value | kSubBuckets);
    return static_cast<std::size_t>(shift) * kSubBuckets + (value >> shift);
  }

  /// The smallest value of a bucket. Requires: index < kBucketCount.
  [[nodiscard]] static constexpr std::int64_t bucket_lower_ns(std::size_t index) noexcept {
    if (index == kBucketCount - 1) {
      return kHighestTrackable.count() + 1;
    }
    const std::size_t shift = index < 2 * kSubBuckets ? 0 : index / kSubBuckets - 1;
    return static_cast<std::int64_t>((index - shift * kSubBuckets) << shift);
  }

  /// One past the greatest value of a bucket: the lower edge of the next. For the last bucket the
  /// greatest std::int64_t, which stands for "no limit". Requires: index < kBucketCount.
  [[nodiscard]] static constexpr std::int64_t bucket_upper_ns(std::size_t index) noexcept {
    return index + 1 < kBucketCount ? bucket_lower_ns(index + 1) : kInfinite;
  }

  /// True if all samples so far give the same reports, whatever their order was.
  [[nodiscard]] friend bool operator==(const LatencyHistogram&,
                                       const LatencyHistogram&) noexcept = default;

 private:
  friend class LatencyRecorder;  // fills snapshots

  static constexpr std::size_t kSubBuckets = 64;
  static constexpr std::int64_t kInfinite = std::numeric_limits<std::int64_t>::max();

  /// Counts the samples, and brings every other figure within what the buckets allow.
  void conform_to_buckets() noexcept;
  void conform_extremes() noexcept;

  std::uint64_t count_ = 0;
  std::uint64_t sum_ns_ = 0;  // modulo 2^64: sum_ns() restores the rest
  std::int64_t min_ns_ = kInfinite;
  std::int64_t max_ns_ = 0;
  std::int64_t slo_ns_;
  std::uint64_t over_slo_ = 0;
  std::uint64_t negative_ = 0;
  std::array<std::uint64_t, kBucketCount> buckets_{};
};

static_assert(LatencyHistogram::bucket_index(LatencyHistogram::kHighestTrackable.count()) ==
              LatencyHistogram::kBucketCount - 2);

}  // namespace herald
