// The clock: one time stamp and its conversion, beside the instruction under it and the system's.
#include <time.h>
#include <x86intrin.h>

#include "base/clock.h"
#include "workload.h"

namespace herald::bench {
namespace {

void BM_ClockNow(benchmark::State& state) {
  base::Clock::calibrate();
  state.SetLabel(base::Clock::uses_tsc() ? "time-stamp counter" : "CLOCK_MONOTONIC");
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

void BM_ClockRdtsc(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(__rdtsc());
  }
}

void BM_ClockGettime(benchmark::State& state) {
  timespec now{};
  for (auto _ : state) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    benchmark::DoNotOptimize(now);
  }
}

BENCHMARK(BM_ClockNow);
BENCHMARK(BM_ClockToNs);
BENCHMARK(BM_ClockRdtsc);
BENCHMARK(BM_ClockGettime);

}  // namespace
}  // namespace herald::bench
