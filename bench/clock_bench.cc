// The clock: what one time stamp costs, beside the instruction under it and the system's clock.
#include <x86intrin.h>

#include <chrono>

#include "base/clock.h"
#include "workload.h"

namespace herald::bench {
namespace {

void BM_ClockNow(benchmark::State& state) {
  base::Clock::calibrate();
  for (auto _ : state) {
    benchmark::DoNotOptimize(base::Clock::now());
  }
}

void BM_ClockToNs(benchmark::State& state) {
  base::Clock::calibrate();
  base::Ticks ticks = base::Clock::now();
  for (auto _ : state) {
    benchmark::DoNotOptimize(base::Clock::to_ns(++ticks));
  }
}

void BM_TimeStampCounter(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(__rdtsc());
  }
}

void BM_SteadyClock(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(std::chrono::steady_clock::now());
  }
}

BENCHMARK(BM_ClockNow);
BENCHMARK(BM_ClockToNs);
BENCHMARK(BM_TimeStampCounter);
BENCHMARK(BM_SteadyClock);

}  // namespace
}  // namespace herald::bench
