#include "core/latency/latency_recorder.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace herald {
namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t kHourNs = 3'600'000'000'000;

// Every octave from 1 ns to 2 h, one in 16 negated.
std::int64_t sample_from(std::uint64_t random) {
  const std::int64_t octave = std::int64_t{1} << random % 43;
  const std::int64_t value = octave | (static_cast<std::int64_t>(random >> 12) & (octave - 1));
  return (random >> 6) % 16 == 0 ? -value : value;
}

TEST(LatencyRecorder, EmptySnapshotIsAnEmptyHistogram) {
  const LatencyRecorder recorder(nanoseconds(7));
  EXPECT_EQ(recorder.snapshot(), LatencyHistogram(nanoseconds(7)));
}

RC_GTEST_PROP(LatencyRecorder, SnapshotAtRestEqualsAHistogramOfTheSameSamples, ()) {
  const auto randoms = *rc::gen::arbitrary<std::vector<std::uint64_t>>();
  const nanoseconds slo(std::abs(sample_from(*rc::gen::arbitrary<std::uint64_t>())));
  LatencyRecorder recorder(slo);
  LatencyHistogram expected(slo);
  for (const std::uint64_t random : randoms) {
    recorder.record(sample_from(random));
    expected.record_ns(sample_from(random));
  }
  RC_ASSERT(recorder.snapshot() == expected);
}

RC_GTEST_PROP(LatencyRecorder, ACountIsSoManySamples, (std::uint64_t random, std::uint8_t count)) {
  RC_PRE(count > 0);
  const nanoseconds slo(1'000);
  LatencyRecorder at_once(slo);
  LatencyRecorder one_by_one(slo);
  at_once.record(sample_from(random), count);
  for (int i = 0; i < count; ++i) {
    one_by_one.record(sample_from(random));
  }
  RC_ASSERT(at_once.snapshot() == one_by_one.snapshot());
}

TEST(LatencyRecorder, CountsOverSloSaturatedAndNegativeExactly) {
  LatencyRecorder recorder(std::chrono::milliseconds(1));
  for (const std::int64_t sample :
       {std::int64_t{1'000'000}, std::int64_t{1'000'001}, kHourNs, kHourNs + 1, std::int64_t{-1},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    recorder.record(sample);
  }
  const LatencyHistogram snapshot = recorder.snapshot();
  EXPECT_EQ(snapshot.count(), 7u);
  EXPECT_EQ(snapshot.count_over_slo(), 4u);
  EXPECT_EQ(snapshot.count_saturated(), 2u);
  EXPECT_EQ(snapshot.count_negative(), 2u);
  EXPECT_EQ(snapshot.max().count(), std::numeric_limits<std::int64_t>::max());
}

TEST(LatencyRecorder, TwoSnapshotsGiveTheIntervalBetweenThem) {
  LatencyRecorder recorder(nanoseconds(10));
  recorder.record(5);
  recorder.record(50);
  const LatencyHistogram before = recorder.snapshot();
  recorder.record(7);
  recorder.record(70);
  LatencyHistogram interval = recorder.snapshot();
  interval.subtract(before);
  EXPECT_EQ(interval.count(), 2u);
  EXPECT_EQ(interval.count_over_slo(), 1u);
  EXPECT_EQ(interval.sum_ns(), 77.0);
  EXPECT_EQ(interval.min(), nanoseconds(7));
  EXPECT_EQ(interval.max(), nanoseconds(70));
}

// FORBIDDEN in any snapshot, however it raced: figures that no set of samples could have.
void expect_possible(const LatencyHistogram& snapshot) {
  std::uint64_t total = 0;
  std::uint64_t zeros = 0;
  std::uint64_t surely_over_slo = 0;
  std::uint64_t maybe_over_slo = 0;
  std::int64_t lowest = -1;
  std::int64_t highest = 0;
  const std::int64_t slo = snapshot.slo().count();
  snapshot.for_each_bucket([&](std::int64_t lower, std::int64_t upper, std::uint64_t count) {
    total += count;
    zeros += lower == 0 ? count : 0;
    surely_over_slo += lower > slo ? count : 0;
    maybe_over_slo += upper - 1 > slo ? count : 0;
    lowest = lowest < 0 ? lower : lowest;
    highest = lower;
  });
  ASSERT_EQ(snapshot.count(), total);
  ASSERT_GE(snapshot.count_over_slo(), surely_over_slo);
  ASSERT_LE(snapshot.count_over_slo(), maybe_over_slo);
  ASSERT_LE(snapshot.count_negative(), zeros);
  if (snapshot.empty()) {
    ASSERT_EQ(snapshot, LatencyHistogram(snapshot.slo()));
    return;
  }
  ASSERT_LE(snapshot.min(), snapshot.max());
  ASSERT_EQ(LatencyHistogram::bucket_index(snapshot.min().count()),
            LatencyHistogram::bucket_index(lowest));
  ASSERT_EQ(LatencyHistogram::bucket_index(snapshot.max().count()),
            LatencyHistogram::bucket_index(highest));
  ASSERT_LE(static_cast<double>(snapshot.min().count()), snapshot.mean_ns());
  ASSERT_GE(static_cast<double>(snapshot.max().count()), snapshot.mean_ns());
  nanoseconds previous = snapshot.min();
  for (const double percent : {0.0, 1.0, 50.0, 99.0, 99.99, 100.0}) {
    ASSERT_LE(previous, snapshot.percentile(percent));
    previous = snapshot.percentile(percent);
  }
  ASSERT_EQ(previous, snapshot.max());
}

// FORBIDDEN between successive snapshots of one thread: a figure that goes back.
void expect_grown(const LatencyHistogram& earlier, const LatencyHistogram& later) {
  ASSERT_GE(later.count(), earlier.count());
  ASSERT_GE(later.count_over_slo(), earlier.count_over_slo());
  ASSERT_GE(later.count_negative(), earlier.count_negative());
  ASSERT_GE(later.max(), earlier.max());
  LatencyHistogram interval = later;
  interval.subtract(earlier);  // ends the process if a bucket went back
  ASSERT_EQ(interval.count(), later.count() - earlier.count());
}

// One writer records until the reader has taken `snapshots` snapshots and looked at each.
void race(std::uint64_t seed, int snapshots, std::int64_t (*sample_of)(std::uint64_t)) {
  constexpr nanoseconds kSlo(1'000'000);
  LatencyRecorder recorder(kSlo);
  LatencyHistogram recorded(kSlo);
  std::atomic<bool> enough{false};
  std::thread writer([&] {
    std::mt19937_64 random(seed);
    // relaxed: only ends the loop; join() orders what is read afterwards.
    while (!enough.load(std::memory_order_relaxed)) {
      const std::int64_t sample = sample_of(random());
      recorder.record(sample);
      recorded.record_ns(sample);
    }
  });
  LatencyHistogram earlier(kSlo);
  for (int i = 0; i < snapshots && !testing::Test::HasFatalFailure(); ++i) {
    const LatencyHistogram snapshot = recorder.snapshot();
    expect_possible(snapshot);
    expect_grown(earlier, snapshot);
    earlier = snapshot;
  }
  enough.store(true, std::memory_order_relaxed);
  writer.join();
  EXPECT_EQ(recorder.snapshot(), recorded) << "at rest every figure is exact";
}

TEST(LatencyRecorder, SnapshotsOfARunningWriterAreConsistentAndGrow) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  race(seed, 2'000, sample_from);
}

// The first samples are where extremes and buckets disagree most, above all within one bucket.
TEST(LatencyRecorder, SnapshotsOfTheFirstSamplesAreConsistent) {
  const std::uint64_t seed = std::random_device{}();
  for (std::uint64_t round = 0; round < 200 && !HasFatalFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed + round));
    race(seed + round, 20, [](std::uint64_t random) {
      return std::int64_t{1'000'000} + static_cast<std::int64_t>(random % 1'000);
    });
  }
}

TEST(LatencyRecorderDeathTest, NegativeSloEndsTheProcess) {
  EXPECT_DEATH(LatencyRecorder(nanoseconds(-1)), "must not be negative");
}

}  // namespace
}  // namespace herald
