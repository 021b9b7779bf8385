// Fan-out: the whole path of an event to N subscribers, beside a bare loop over as many functions.
// An item is a delivery.
#include <span>

#include "workload.h"

namespace herald::bench {
namespace {

void BM_FanOut(benchmark::State& state) {
  const auto subscribers = static_cast<std::uint64_t>(state.range(0));
  PumpedBus bench(subscribers);
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    bench.add_receiver(bench.type);
  }
  std::uint64_t number = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      bench.publisher.publish(bench.type, {number++, 0});
    }
    bench.bus.pump();
  }
  bench.expect(state, number * subscribers);
  count_items(state, kBatch * subscribers);
}

void BM_BareLoop(benchmark::State& state) {
  const auto subscribers = static_cast<std::uint64_t>(state.range(0));
  BareTable table(subscribers);
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    table.add_receiver();
  }
  std::uint64_t number = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      const Sample sample{number++, 0};
      table.deliver(sample);
      benchmark::ClobberMemory();
    }
  }
  count_items(state, kBatch * subscribers);
}

void BM_BatchFanOut(benchmark::State& state) {
  const auto subscribers = static_cast<std::uint64_t>(state.range(0));
  PumpedBus bench(subscribers);
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    Receiver* const receiver = bench.new_receiver();
    const auto receive = [receiver](std::span<const Event> events) {
      std::uint64_t sum = 0;
      for (const Event& event : events) {
        sum += event.get<Sample>()->number;
      }
      receiver->count += events.size();
      receiver->sum += sum;
    };
    bench.subscriptions.push_back(
        bench.bus.subscribe_batch({.types = bench.type}, receive).value());
  }
  std::uint64_t number = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      bench.publisher.publish(bench.type, {number++, 0});
    }
    bench.bus.pump();
  }
  bench.expect(state, number * subscribers);
  count_items(state, kBatch * subscribers);
}

BENCHMARK(BM_FanOut)->ArgName("subscribers")->RangeMultiplier(10)->Range(1, 100'000);
BENCHMARK(BM_BareLoop)->ArgName("subscribers")->RangeMultiplier(10)->Range(1, 100'000);
BENCHMARK(BM_BatchFanOut)->ArgName("subscribers")->RangeMultiplier(10)->Range(1, 100'000);

}  // namespace
}  // namespace herald::bench
