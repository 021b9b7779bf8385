// Filters: events of many types and streams, of which each subscriber wants one, beside a bare loop
// over the matching and a scan over all filters. An item is a delivery.
#include <string>
#include <vector>

#include "workload.h"

namespace herald::bench {
namespace {

// Events of 32 types in turn; each subscriber wants one of them.
void BM_Types(benchmark::State& state) {
  const auto subscribers = static_cast<std::uint64_t>(state.range(0));
  const auto types = static_cast<std::size_t>(state.range(1));
  PumpedBus bench(subscribers);
  std::vector<EventType<Sample>> keys;
  for (std::size_t i = 0; i < types; ++i) {
    keys.push_back(bench.bus.define<Sample>("type-" + std::to_string(i)).value());
  }
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    bench.add_receiver(keys[i % types]);
  }
  std::uint64_t number = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      bench.publisher.publish(keys[number % types], {number, 0});
      ++number;
    }
    bench.bus.pump();
  }
  count_items(state, kBatch * subscribers / types);
}

void BM_BareLoopOverMatching(benchmark::State& state) {
  const auto subscribers = static_cast<std::uint64_t>(state.range(0));
  const auto types = static_cast<std::size_t>(state.range(1));
  std::vector<BareTable> tables;
  for (std::size_t i = 0; i < types; ++i) {
    tables.emplace_back(subscribers);
  }
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    tables[i % types].add_receiver();
  }
  std::uint64_t number = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      const Sample sample{number++, 0};
      tables[number % types].deliver(sample);
      benchmark::ClobberMemory();
    }
  }
  count_items(state, kBatch * subscribers / types);
}

// Each subscriber wants the events of one stream.
void BM_Streams(benchmark::State& state) {
  const auto streams = static_cast<std::uint64_t>(state.range(0));
  PumpedBus bench(streams);
  for (std::uint64_t stream = 1; stream <= streams; ++stream) {
    bench.add_receiver(bench.type, stream);
  }
  std::uint64_t number = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      bench.publisher.publish(bench.type, {number, 0}, {.stream = 1 + number * 7'919 % streams});
      ++number;
    }
    bench.bus.pump();
  }
  bench.expect(state, number);
  count_items(state, kBatch);
}

void BM_LinearScan(benchmark::State& state) {
  struct Filtered {
    std::uint64_t stream;
    Receiver receiver;
  };
  const auto streams = static_cast<std::uint64_t>(state.range(0));
  std::vector<Filtered> filters;
  for (std::uint64_t stream = 1; stream <= streams; ++stream) {
    filters.push_back({stream, {}});
  }
  std::uint64_t number = 0;
  for (auto _ : state) {
    const std::uint64_t stream = 1 + number * 7'919 % streams;
    for (Filtered& filtered : filters) {
      if (filtered.stream == stream) {
        filtered.receiver.receive(number);
      }
    }
    ++number;
    benchmark::ClobberMemory();
  }
  count_items(state, 1);
}

BENCHMARK(BM_Types)->ArgNames({"subscribers", "types"})->Args({1'000, 32});
BENCHMARK(BM_BareLoopOverMatching)->ArgNames({"subscribers", "types"})->Args({1'000, 32});
BENCHMARK(BM_Streams)->ArgName("streams")->Arg(100)->Arg(10'000);
BENCHMARK(BM_LinearScan)->ArgName("streams")->Arg(100)->Arg(10'000);

}  // namespace
}  // namespace herald::bench
