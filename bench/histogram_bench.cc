// The latency histogram: one sample recorded, beside an increment of one counter among as many; and
// what a reader pays. An item is a sample.
#include <array>
#include <chrono>
#include <cstdint>
#include <random>

#include "core/latency/latency_recorder.h"
#include "workload.h"

namespace herald::bench {
namespace {

using Latencies = std::array<std::int64_t, 4'096>;

// As a loaded bus has them: around 2 us, some beyond 100 us.
const Latencies& latencies() {
  static const Latencies made = [] {
    Latencies drawn{};
    std::mt19937 random(1);
    std::lognormal_distribution<double> distribution(7.6, 1.0);
    for (std::int64_t& latency : drawn) {
      latency = static_cast<std::int64_t>(distribution(random));
    }
    return drawn;
  }();
  return made;
}

void BM_Record(benchmark::State& state) {
  const Latencies& samples = latencies();
  LatencyRecorder recorder(std::chrono::milliseconds(1));
  std::uint64_t recorded = 0;
  for (auto _ : state) {
    recorder.record(samples[recorded++ % samples.size()]);
  }
  if (recorder.snapshot().count() != recorded) {
    state.SkipWithError("samples were lost");
  }
  count_items(state, recorded);
}

void BM_RecordPlainIncrement(benchmark::State& state) {
  const Latencies& samples = latencies();
  std::array<std::uint64_t, LatencyHistogram::kBucketCount> counters{};
  std::uint64_t counted = 0;
  for (auto _ : state) {
    ++counters[static_cast<std::uint64_t>(samples[counted++ % samples.size()]) % counters.size()];
    benchmark::ClobberMemory();
  }
  benchmark::DoNotOptimize(counters);
  count_items(state, counted);
}

void fill(LatencyRecorder& recorder) {
  for (const std::int64_t latency : latencies()) {
    recorder.record(latency);
  }
}

void BM_Snapshot(benchmark::State& state) {
  LatencyRecorder recorder;
  fill(recorder);
  for (auto _ : state) {
    benchmark::DoNotOptimize(recorder.snapshot());
  }
}

void BM_Percentile(benchmark::State& state) {
  LatencyRecorder recorder;
  fill(recorder);
  const LatencyHistogram histogram = recorder.snapshot();
  for (auto _ : state) {
    benchmark::DoNotOptimize(histogram.percentile(99.9));
  }
}

BENCHMARK(BM_Record);
BENCHMARK(BM_RecordPlainIncrement);
BENCHMARK(BM_Snapshot);
BENCHMARK(BM_Percentile);

}  // namespace
}  // namespace herald::bench
