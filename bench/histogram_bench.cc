// The latency histogram: one sample, beside an increment of one counter among as many.
#include <array>
#include <cstdint>
#include <random>

#include "core/latency_recorder.h"
#include "workload.h"

namespace herald::bench {
namespace {

// Latencies as a loaded bus has them: around 2 us, some up to 4 ms.
std::array<std::int64_t, 4'096> latencies() {
  std::array<std::int64_t, 4'096> made{};
  std::mt19937 random(1);
  std::lognormal_distribution<double> distribution(7.6, 1.0);
  for (std::int64_t& latency : made) {
    latency = static_cast<std::int64_t>(distribution(random));
  }
  return made;
}

void BM_Record(benchmark::State& state) {
  const auto samples = latencies();
  LatencyRecorder recorder(std::chrono::milliseconds(1));
  std::size_t i = 0;
  for (auto _ : state) {
    recorder.record(samples[i++ % samples.size()]);
  }
  if (recorder.snapshot().count() != static_cast<std::uint64_t>(state.iterations())) {
    state.SkipWithError("samples were lost");
  }
}

void BM_Increment(benchmark::State& state) {
  const auto samples = latencies();
  std::array<std::uint64_t, LatencyHistogram::kBucketCount> counters{};
  std::size_t i = 0;
  for (auto _ : state) {
    ++counters[static_cast<std::size_t>(samples[i++ % samples.size()]) % counters.size()];
    benchmark::ClobberMemory();
  }
}

void BM_Snapshot(benchmark::State& state) {
  LatencyRecorder recorder;
  for (const std::int64_t latency : latencies()) {
    recorder.record(latency);
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(recorder.snapshot());
  }
}

void BM_Percentile(benchmark::State& state) {
  LatencyRecorder recorder;
  for (const std::int64_t latency : latencies()) {
    recorder.record(latency);
  }
  const LatencyHistogram histogram = recorder.snapshot();
  for (auto _ : state) {
    benchmark::DoNotOptimize(histogram.percentile(99.9));
  }
}

BENCHMARK(BM_Record);
BENCHMARK(BM_Increment);
BENCHMARK(BM_Snapshot);
BENCHMARK(BM_Percentile);

}  // namespace
}  // namespace herald::bench
