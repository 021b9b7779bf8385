// Subscribing: one comes and leaves beside N others, beside a vector of functions of the same size;
// and N come and leave in random order. An item is a subscriber that came and left. What statistics
// of N take; an item is a row.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "workload.h"

namespace herald::bench {
namespace {

void BM_ComeAndLeave(benchmark::State& state) {
  PumpedBus bench(count_of(state));
  for (std::uint64_t i = 0; i < count_of(state); ++i) {
    bench.add_receiver(bench.type);
  }
  std::uint64_t left = 0;
  for (auto _ : state) {
    bench.bus.subscribe({.types = bench.type}, [](const Event&) {})->unsubscribe();
    ++left;
  }
  bench.publisher.publish(bench.type, {0});
  bench.bus.pump();
  bench.receivers.expect(state, count_of(state));
  count_items(state, left);
}

// As who writes a bus by hand does it: the one that leaves is found by its number.
class VectorOfFunctions {
 public:
  std::uint64_t push_back() {
    entries_.push_back({next_, [](const Number&) {}});
    return next_++;
  }
  void erase(std::uint64_t number) {
    entries_.erase(std::find_if(entries_.begin(), entries_.end(),
                                [&](const Entry& entry) { return entry.number == number; }));
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t number;
    std::function<void(const Number&)> function;
  };
  std::vector<Entry> entries_;
  std::uint64_t next_ = 0;
};

void BM_ComeAndLeaveVector(benchmark::State& state) {
  VectorOfFunctions functions;
  for (std::uint64_t i = 0; i < count_of(state); ++i) {
    functions.push_back();
  }
  std::uint64_t left = 0;
  for (auto _ : state) {
    const std::uint64_t number = functions.push_back();
    benchmark::ClobberMemory();
    functions.erase(number);
    ++left;
  }
  if (functions.size() != count_of(state)) {
    state.SkipWithError("not as many have left as came");
  }
  count_items(state, left);
}

void BM_AllComeAndLeaveInRandomOrder(benchmark::State& state) {
  PumpedBus bench;
  std::mt19937 random(1);
  std::uint64_t left = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < count_of(state); ++i) {
      bench.subscriptions.push_back(
          bench.bus.subscribe({.types = bench.type}, [](const Event&) {}).value());
    }
    std::shuffle(bench.subscriptions.begin(), bench.subscriptions.end(), random);
    left += bench.subscriptions.size();
    bench.subscriptions.clear();
  }
  if (!bench.bus.stats().subscriptions.empty()) {
    state.SkipWithError("not all have left");
  }
  count_items(state, left);
}

void BM_AllComeAndLeaveInRandomOrderVector(benchmark::State& state) {
  VectorOfFunctions functions;
  std::vector<std::uint64_t> numbers;
  std::mt19937 random(1);
  std::uint64_t left = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < count_of(state); ++i) {
      numbers.push_back(functions.push_back());
    }
    std::shuffle(numbers.begin(), numbers.end(), random);
    for (const std::uint64_t number : numbers) {
      functions.erase(number);
    }
    left += numbers.size();
    numbers.clear();
  }
  if (functions.size() != 0) {
    state.SkipWithError("not all have left");
  }
  count_items(state, left);
}

// In manual mode the caller does both parts: what delivery waits for, and the rest.
void BM_Statistics(benchmark::State& state) {
  PumpedBus bench(count_of(state));
  for (std::uint64_t i = 0; i < count_of(state); ++i) {
    bench.add_receiver(bench.type);
  }
  std::uint64_t rows = 0;
  for (auto _ : state) {
    rows += bench.bus.stats().subscriptions.size();
  }
  if (rows != static_cast<std::uint64_t>(state.iterations()) * count_of(state)) {
    state.SkipWithError("there is not a row for each subscriber");
  }
  count_items(state, rows);
}

void among_others(benchmark::internal::Benchmark* bench) {
  bench->ArgName("subscribers")->Arg(0)->Arg(1'000)->Arg(100'000);
}
BENCHMARK(BM_ComeAndLeave)->Apply(among_others);
BENCHMARK(BM_ComeAndLeaveVector)->Apply(among_others);
// The vector's time grows with the square of their number: 100,000 would take minutes.
BENCHMARK(BM_AllComeAndLeaveInRandomOrder)->ArgName("subscribers")->Arg(1'000)->Arg(100'000);
BENCHMARK(BM_Statistics)->ArgName("subscribers")->Arg(1'000)->Arg(100'000);
BENCHMARK(BM_AllComeAndLeaveInRandomOrderVector)->ArgName("subscribers")->Arg(1'000);

}  // namespace
}  // namespace herald::bench
