// Subscribing: one comes and leaves beside N others, beside a vector of functions; and N come and
// leave in random order. An item is a subscriber.
#include <algorithm>
#include <functional>
#include <random>
#include <vector>

#include "workload.h"

namespace herald::bench {
namespace {

void BM_ComeAndLeave(benchmark::State& state) {
  PumpedBus bench(static_cast<std::size_t>(state.range(0)));
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    bench.add_receiver(bench.type);
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(bench.bus.subscribe({.types = bench.type}, [](const Event&) {}));
  }
  count_items(state, 1);
}

// As who writes his own bus does it: the one that leaves is found by its number.
void BM_VectorOfFunctions(benchmark::State& state) {
  struct Entry {
    std::uint64_t number;
    std::function<void(const Sample&)> function;
  };
  std::vector<Entry> entries;
  std::uint64_t number = 0;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    entries.push_back({number++, [](const Sample&) {}});
  }
  for (auto _ : state) {
    entries.push_back({number, [](const Sample&) {}});
    const auto found = std::find_if(entries.begin(), entries.end(), [number](const Entry& entry) {
      return entry.number == number;
    });
    entries.erase(found);
    ++number;
    benchmark::ClobberMemory();
  }
  count_items(state, 1);
}

void BM_AllComeAndLeaveInRandomOrder(benchmark::State& state) {
  const auto subscribers = static_cast<std::uint64_t>(state.range(0));
  PumpedBus bench;
  std::mt19937 random(1);
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < subscribers; ++i) {
      bench.subscriptions.push_back(
          bench.bus.subscribe({.types = bench.type}, [](const Event&) {}).value());
    }
    std::shuffle(bench.subscriptions.begin(), bench.subscriptions.end(), random);
    bench.subscriptions.clear();
  }
  count_items(state, subscribers);
}

BENCHMARK(BM_ComeAndLeave)->ArgName("subscribers")->Arg(0)->Arg(1'000)->Arg(100'000);
BENCHMARK(BM_VectorOfFunctions)->ArgName("subscribers")->Arg(0)->Arg(1'000)->Arg(100'000);
BENCHMARK(BM_AllComeAndLeaveInRandomOrder)
    ->ArgName("subscribers")
    ->Arg(1'000)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace herald::bench
