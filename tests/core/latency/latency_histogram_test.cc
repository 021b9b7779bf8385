#include "herald/latency_histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

namespace herald {
namespace {

using std::chrono::nanoseconds;
using Samples = std::vector<std::int64_t>;

constexpr std::int64_t kHourNs = 3'600'000'000'000;
constexpr std::int64_t kLongestNs = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kBuckets = LatencyHistogram::kBucketCount;

// Every octave is as likely as any other, and a value 1 below or at its edge is not rare.
rc::Gen<std::int64_t> any_latency_ns() {
  return rc::gen::resize(
      rc::kNominalSize,
      rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 42),
                                 rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 42)),
                   [](const std::pair<int, std::int64_t>& parts) {
                     const std::int64_t octave = std::int64_t{1} << parts.first;
                     return std::min((octave | (parts.second & (octave - 1))) - 1, kHourNs);
                   }));
}

// Also negative and saturating ones.
rc::Gen<std::int64_t> any_sample_ns() {
  return rc::gen::weightedOneOf<std::int64_t>(
      {{20, any_latency_ns()},
       {1, rc::gen::negative<std::int64_t>()},
       {1, rc::gen::map(any_latency_ns(), [](std::int64_t ns) { return kHourNs + 1 + ns; })}});
}

Samples some(rc::Gen<std::int64_t> sample, std::size_t least, std::size_t below = 2'000) {
  const std::size_t count = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(least, below));
  return *rc::gen::container<Samples>(count, std::move(sample));
}

LatencyHistogram histogram_of(const Samples& samples, nanoseconds slo = LatencyHistogram::kNoSlo) {
  LatencyHistogram histogram(slo);
  for (const std::int64_t sample : samples) {
    histogram.record_ns(sample);
  }
  return histogram;
}

Samples joined(Samples first, const Samples& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

TEST(LatencyHistogram, BucketsCoverEveryValueOnceInOrder) {
  EXPECT_EQ(LatencyHistogram::bucket_lower_ns(0), 0);
  for (std::size_t index = 0; index < kBuckets; ++index) {
    const std::int64_t lower = LatencyHistogram::bucket_lower_ns(index);
    const std::int64_t upper = LatencyHistogram::bucket_upper_ns(index);
    ASSERT_LT(lower, upper) << index;
    ASSERT_EQ(LatencyHistogram::bucket_index(lower), index);
    ASSERT_EQ(LatencyHistogram::bucket_index(lower + (upper - lower) / 2), index);
    ASSERT_EQ(LatencyHistogram::bucket_index(upper - 1), index);
    if (index + 1 < kBuckets) {
      ASSERT_EQ(LatencyHistogram::bucket_lower_ns(index + 1), upper);
      ASSERT_EQ(LatencyHistogram::bucket_index(upper), index + 1);
    }
  }
}

TEST(LatencyHistogram, BucketsAreExactBelow128AndAtMostOne64thWideAbove) {
  for (std::size_t index = 0; index + 1 < kBuckets; ++index) {
    const std::int64_t lower = LatencyHistogram::bucket_lower_ns(index);
    const std::int64_t width = LatencyHistogram::bucket_upper_ns(index) - lower;
    if (lower < 128) {
      ASSERT_EQ(width, 1) << lower;
    } else {
      ASSERT_LE(width * 64, lower) << lower;
      const bool cut_at_one_hour = index == kBuckets - 2;
      ASSERT_TRUE(width * 128 > lower || cut_at_one_hour) << lower << ": finer than it need be";
    }
  }
}

TEST(LatencyHistogram, LastBucketHoldsExactlyWhatIsOverOneHour) {
  EXPECT_EQ(LatencyHistogram::bucket_index(kHourNs), kBuckets - 2);
  EXPECT_EQ(LatencyHistogram::bucket_index(kHourNs + 1), kBuckets - 1);
  EXPECT_EQ(LatencyHistogram::bucket_index(kLongestNs), kBuckets - 1);
  EXPECT_EQ(LatencyHistogram::bucket_lower_ns(kBuckets - 1), kHourNs + 1);
  EXPECT_EQ(LatencyHistogram::bucket_upper_ns(kBuckets - 1), kLongestNs);
}

RC_GTEST_PROP(LatencyHistogram, EveryValueLiesInItsBucket, ()) {
  const std::int64_t value = *any_latency_ns();
  const std::size_t index = LatencyHistogram::bucket_index(value);
  RC_ASSERT(LatencyHistogram::bucket_lower_ns(index) <= value);
  RC_ASSERT(value < LatencyHistogram::bucket_upper_ns(index));
}

TEST(LatencyHistogram, EmptyReturnsZeroEverywhere) {
  const LatencyHistogram empty(nanoseconds(5));
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.count(), 0u);
  EXPECT_EQ(empty.min(), nanoseconds(0));
  EXPECT_EQ(empty.max(), nanoseconds(0));
  EXPECT_EQ(empty.sum_ns(), 0.0);
  EXPECT_EQ(empty.mean_ns(), 0.0);
  for (const double percent : {0.0, 50.0, 100.0}) {
    EXPECT_EQ(empty.percentile(percent), nanoseconds(0));
  }
  EXPECT_EQ(empty.fraction_at_or_below(nanoseconds(1)), 0.0);
  EXPECT_EQ(empty.count_over_slo(), 0u);
  EXPECT_EQ(empty.count_saturated(), 0u);
  EXPECT_EQ(empty.count_negative(), 0u);
  empty.for_each_bucket([](auto...) { FAIL() << "no bucket is in use"; });
}

RC_GTEST_PROP(LatencyHistogram, OneSampleIsReportedExactly, ()) {
  const std::int64_t sample = *any_latency_ns();
  const LatencyHistogram histogram = histogram_of({sample});
  RC_ASSERT(histogram.min() == nanoseconds(sample));
  RC_ASSERT(histogram.max() == nanoseconds(sample));
  RC_ASSERT(histogram.percentile(50) == nanoseconds(sample));
  RC_ASSERT(histogram.mean_ns() == static_cast<double>(sample));
  RC_ASSERT(histogram.fraction_at_or_below(nanoseconds(sample)) == 1.0);
  RC_ASSERT(histogram.fraction_at_or_below(nanoseconds(sample - 1)) == 0.0);
}

RC_GTEST_PROP(LatencyHistogram, EveryPercentileIsWithinOne128thOfTheOrderStatistic, ()) {
  Samples samples = some(any_latency_ns(), 1);
  const LatencyHistogram histogram = histogram_of(samples);
  std::sort(samples.begin(), samples.end());
  std::int64_t previous = 0;
  // In thousandths of a percent, so that the true rank is computed in integers.
  for (std::uint64_t milli = 0; milli <= 100'000; milli += 125) {
    const std::uint64_t rank = (samples.size() * milli + 99'999) / 100'000;
    const std::int64_t truth = samples[std::max<std::uint64_t>(rank, 1) - 1];
    const std::int64_t reported = histogram.percentile(static_cast<double>(milli) / 1'000).count();
    RC_ASSERT(std::abs(reported - truth) * 128 <= truth);
    RC_ASSERT(reported >= previous);
    previous = reported;
  }
  RC_ASSERT(histogram.percentile(0).count() == samples.front());
  RC_ASSERT(histogram.percentile(100).count() == samples.back());
}

TEST(LatencyHistogram, PercentileTakesTheNearestRankInSpiteOfRounding) {
  struct {
    double percent;
    std::uint64_t rank;
    std::uint64_t count;
  } constexpr kCases[] = {{50, 50, 100},      {99.9, 999, 1'000}, {0.07, 7, 10'000},
                          {16.1, 161, 1'000}, {64.9, 649, 1'000}, {1.1, 33, 3'000}};
  for (const auto& [percent, rank, count] : kCases) {
    LatencyHistogram histogram;
    for (std::uint64_t i = 0; i < count; ++i) {
      histogram.record_ns(i < rank ? 1 : 2);
    }
    EXPECT_EQ(histogram.percentile(percent), nanoseconds(1)) << percent;
    EXPECT_EQ(histogram.percentile(percent + 1e-9), nanoseconds(2)) << percent;
  }
}

RC_GTEST_PROP(LatencyHistogram, CountMeanMinAndMaxAreExact, ()) {
  const Samples samples = some(any_latency_ns(), 1);
  const LatencyHistogram histogram = histogram_of(samples);
  const auto [least, greatest] = std::minmax_element(samples.begin(), samples.end());
  double sum = 0;  // below 2^53, so exact
  for (const std::int64_t sample : samples) {
    sum += static_cast<double>(sample);
  }
  RC_ASSERT(histogram.count() == samples.size());
  RC_ASSERT(histogram.min().count() == *least);
  RC_ASSERT(histogram.max().count() == *greatest);
  RC_ASSERT(histogram.sum_ns() == sum);
  RC_ASSERT(histogram.mean_ns() == sum / static_cast<double>(samples.size()));
}

TEST(LatencyHistogram, SumAndMeanSurviveTheWrapOf64Bits) {
  constexpr std::int64_t kSample = kHourNs - 12'345;
  LatencyHistogram histogram = histogram_of({kSample});
  double sum = static_cast<double>(kSample);
  for (int doubling = 0; doubling < 27; ++doubling) {  // 2^27 samples are 26 times 2^64 ns
    histogram.merge(LatencyHistogram(histogram));
    sum *= 2;
    ASSERT_NEAR(histogram.sum_ns() / sum, 1.0, 1e-12);
    ASSERT_NEAR(histogram.mean_ns() / static_cast<double>(kSample), 1.0, 1e-12);
  }
  ASSERT_GT(sum, 25 * 0x1p64);
}

RC_GTEST_PROP(LatencyHistogram, BucketsInUseAscendAndSumToCount, ()) {
  const Samples samples = some(any_sample_ns(), 0);
  const LatencyHistogram histogram = histogram_of(samples);
  std::uint64_t total = 0;
  std::int64_t previous_upper = 0;
  histogram.for_each_bucket([&](std::int64_t lower, std::int64_t upper, std::uint64_t count) {
    RC_ASSERT(count > 0u);
    RC_ASSERT(previous_upper <= lower);
    RC_ASSERT(lower < upper);
    RC_ASSERT(count == static_cast<std::uint64_t>(
                           std::count_if(samples.begin(), samples.end(), [&](std::int64_t sample) {
                             const std::int64_t clamped = std::max<std::int64_t>(sample, 0);
                             return lower <= clamped && clamped < upper;
                           })));
    previous_upper = upper;
    total += count;
  });
  RC_ASSERT(total == histogram.count());
}

RC_GTEST_PROP(LatencyHistogram, FractionIsNeverOverstatedAndMissesAtMostOneBucket, ()) {
  const Samples samples = some(any_sample_ns(), 1);
  const std::int64_t limit = *rc::gen::oneOf(any_sample_ns(), rc::gen::elementOf(samples));
  const auto true_fraction = [&](std::int64_t at) {
    return static_cast<double>(std::count_if(
               samples.begin(), samples.end(),
               [&](std::int64_t sample) { return std::max<std::int64_t>(sample, 0) <= at; })) /
           static_cast<double>(samples.size());
  };
  const double reported = histogram_of(samples).fraction_at_or_below(nanoseconds(limit));
  RC_ASSERT(reported <= true_fraction(limit));
  if (limit < 128) {
    RC_ASSERT(reported == true_fraction(limit));
  } else if (limit <= kHourNs) {
    RC_ASSERT(reported >= true_fraction(limit - limit / 64 - 1));
  }
}

TEST(LatencyHistogram, OverSloIsStrictAndExact) {
  LatencyHistogram histogram(std::chrono::milliseconds(1));
  ASSERT_EQ(LatencyHistogram::bucket_index(1'000'000), LatencyHistogram::bucket_index(1'000'001));
  histogram.record(nanoseconds(999'999));
  histogram.record(nanoseconds(1'000'000));
  EXPECT_EQ(histogram.count_over_slo(), 0u);
  histogram.record(nanoseconds(1'000'001));
  EXPECT_EQ(histogram.count_over_slo(), 1u);
  EXPECT_EQ(histogram.slo(), nanoseconds(1'000'000));
}

TEST(LatencyHistogram, NoSampleIsOverNoSlo) {
  EXPECT_EQ(histogram_of({0, kHourNs, kLongestNs}).count_over_slo(), 0u);
}

TEST(LatencyHistogram, OverOneHourSaturates) {
  LatencyHistogram histogram = histogram_of({kHourNs});
  EXPECT_EQ(histogram.count_saturated(), 0u);
  histogram.record_ns(kHourNs + 1);
  histogram.record_ns(kLongestNs);
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_EQ(histogram.count_saturated(), 2u);
  EXPECT_EQ(histogram.max(), nanoseconds(kLongestNs));
  EXPECT_EQ(histogram.percentile(60), nanoseconds(kLongestNs)) << "never understated";
  EXPECT_EQ(histogram.sum_ns(), 3.0 * static_cast<double>(kHourNs));
  EXPECT_EQ(histogram.fraction_at_or_below(nanoseconds(kHourNs)), 1.0 / 3);
  EXPECT_EQ(histogram.fraction_at_or_below(nanoseconds(kLongestNs - 1)), 1.0 / 3);
  EXPECT_EQ(histogram.fraction_at_or_below(nanoseconds(kLongestNs)), 1.0);
}

TEST(LatencyHistogram, NegativeIsRecordedAsZeroAndCounted) {
  const LatencyHistogram histogram = histogram_of({-1, std::numeric_limits<std::int64_t>::min()});
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.count_negative(), 2u);
  EXPECT_EQ(histogram.min(), nanoseconds(0));
  EXPECT_EQ(histogram.max(), nanoseconds(0));
  EXPECT_EQ(histogram.sum_ns(), 0.0);
}

RC_GTEST_PROP(LatencyHistogram, MergeEqualsRecordingEverythingInOneInEitherOrder, ()) {
  const Samples first = some(any_sample_ns(), 0, 200);
  const Samples second = some(any_sample_ns(), 0, 200);
  const nanoseconds slo(*any_latency_ns());
  LatencyHistogram forward = histogram_of(first, slo);
  forward.merge(histogram_of(second, slo));
  LatencyHistogram backward = histogram_of(second, slo);
  backward.merge(histogram_of(first, slo));
  RC_ASSERT(forward == histogram_of(joined(first, second), slo));
  RC_ASSERT(forward == backward);
}

TEST(LatencyHistogram, EmptyTakesOverTheSloOfWhatIsMerged) {
  const LatencyHistogram measured = histogram_of({1, 20}, nanoseconds(10));
  LatencyHistogram total;
  total.merge(measured);
  EXPECT_EQ(total, measured);
  total.merge(LatencyHistogram());
  EXPECT_EQ(total, measured);
}

RC_GTEST_PROP(LatencyHistogram, SubtractInvertsMerge, ()) {
  const Samples first = some(any_sample_ns(), 0, 200);
  const Samples second = some(any_sample_ns(), 0, 200);
  const nanoseconds slo(*any_latency_ns());
  const LatencyHistogram expected = histogram_of(second, slo);
  LatencyHistogram interval = histogram_of(joined(first, second), slo);
  interval.subtract(histogram_of(first, slo));

  RC_ASSERT(interval.count() == expected.count());
  RC_ASSERT(interval.sum_ns() == expected.sum_ns());
  RC_ASSERT(interval.count_over_slo() == expected.count_over_slo());
  RC_ASSERT(interval.count_negative() == expected.count_negative());
  RC_ASSERT(interval.count_saturated() == expected.count_saturated());
  std::vector<std::uint64_t> buckets;
  std::vector<std::uint64_t> expected_buckets;
  interval.for_each_bucket([&](auto, auto, auto count) { buckets.push_back(count); });
  expected.for_each_bucket([&](auto, auto, auto count) { expected_buckets.push_back(count); });
  RC_ASSERT(buckets == expected_buckets);

  RC_ASSERT(interval.min() <= expected.min());
  RC_ASSERT(interval.max() >= expected.max());
  RC_ASSERT(LatencyHistogram::bucket_index(interval.min().count()) ==
            LatencyHistogram::bucket_index(expected.min().count()));
  RC_ASSERT(LatencyHistogram::bucket_index(interval.max().count()) ==
            LatencyHistogram::bucket_index(expected.max().count()));
}

TEST(LatencyHistogram, IntervalExtremesAreExactWhenTheyAreNewRecords) {
  const LatencyHistogram earlier = histogram_of({5'001, 6'001});
  LatencyHistogram wider = histogram_of({5'001, 6'001, 4'321, 7'654});
  wider.subtract(earlier);
  EXPECT_EQ(wider.min(), nanoseconds(4'321));
  EXPECT_EQ(wider.max(), nanoseconds(7'654));

  LatencyHistogram inside = histogram_of({5'001, 6'001, 5'500});
  inside.subtract(earlier);
  EXPECT_EQ(inside.min(), nanoseconds(5'440)) << "lower edge of [5440, 5504)";
  EXPECT_EQ(inside.max(), nanoseconds(5'503));
}

TEST(LatencyHistogram, SubtractingAllLeavesAnEmptyHistogram) {
  LatencyHistogram histogram = histogram_of({-1, 5, 70'000, kLongestNs}, nanoseconds(100));
  histogram.subtract(LatencyHistogram(histogram));
  EXPECT_EQ(histogram, LatencyHistogram(nanoseconds(100)));
}

TEST(LatencyHistogramDeathTest, MisuseEndsTheProcess) {
  LatencyHistogram histogram = histogram_of({1}, nanoseconds(10));
  EXPECT_DEATH(LatencyHistogram(nanoseconds(-1)), "must not be negative");
  EXPECT_DEATH(histogram.merge(histogram_of({1}, nanoseconds(11))), "the same SLO");
  EXPECT_DEATH(histogram.subtract(histogram_of({2}, nanoseconds(10))), "an earlier snapshot");
  EXPECT_DEATH((void)histogram.percentile(100.1), "between 0 and 100");
  EXPECT_DEATH((void)histogram.percentile(std::numeric_limits<double>::quiet_NaN()),
               "between 0 and 100");
}

}  // namespace
}  // namespace herald
