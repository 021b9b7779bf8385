// Filters: events of many types or streams, of which each subscriber wants one, beside a bare loop
// over the matching and a scan over all filters. An item is a delivery.
#include <cstdint>
#include <string>
#include <vector>

#include "workload.h"

namespace herald::bench {
namespace {

// Which of `keys` types or streams an event has: neighbouring events are far apart.
std::uint64_t key_of(std::uint64_t number, std::uint64_t keys) {
  constexpr std::uint64_t kStride = 7'919;  // prime, so that every key has its turn
  return number * kStride % keys;
}

// With so many subscribers, dealt out to the keys in turn.
std::uint64_t deliveries_of(std::uint64_t events, std::uint64_t subscribers, std::uint64_t keys) {
  return events * subscribers / keys;
}

void BM_Types(benchmark::State& state) {
  const std::uint64_t subscribers = count_of(state, 0);
  const std::uint64_t types = count_of(state, 1);
  PumpedBus bench(subscribers);
  std::vector<EventType<Number>> keys;
  for (std::uint64_t i = 0; i < types; ++i) {
    keys.push_back(bench.bus.define<Number>("type-" + std::to_string(i)).value());
  }
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    bench.add_receiver(keys[i % types]);
  }
  const std::uint64_t events = bench.run(state, [&](std::uint64_t number) {
    bench.publisher.publish(keys[key_of(number, types)], {number});
  });
  const std::uint64_t deliveries = deliveries_of(events, subscribers, types);
  bench.receivers.expect(state, deliveries);
  count_items(state, deliveries);
}

void BM_TypesBareLoopOverMatching(benchmark::State& state) {
  const std::uint64_t subscribers = count_of(state, 0);
  const std::uint64_t types = count_of(state, 1);
  Receivers receivers(subscribers);
  std::vector<BareLoop> tables(types);
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    add_bare_receiver(tables[i % types], receivers);
  }
  const auto deliver = [&](std::uint64_t number) {
    tables[key_of(number, types)].deliver({number});
    benchmark::ClobberMemory();
  };
  const std::uint64_t events = run_batches(state, deliver, [] {});
  const std::uint64_t deliveries = deliveries_of(events, subscribers, types);
  receivers.expect(state, deliveries);
  count_items(state, deliveries);
}

// What one writes first: the filter of every subscriber is looked at.
void scan_linearly(benchmark::State& state, std::uint64_t subscribers, std::uint64_t keys) {
  struct Filtered {
    std::uint64_t key;
    Receiver* receiver;
  };
  Receivers receivers(subscribers);
  std::vector<Filtered> filters;
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    filters.push_back({i % keys, receivers.add()});
  }
  const auto deliver = [&](std::uint64_t number) {
    const std::uint64_t key = key_of(number, keys);
    for (const Filtered& filtered : filters) {
      if (filtered.key == key) {
        filtered.receiver->receive(number);
      }
    }
    benchmark::ClobberMemory();
  };
  const std::uint64_t events = run_batches(state, deliver, [] {});
  const std::uint64_t deliveries = deliveries_of(events, subscribers, keys);
  receivers.expect(state, deliveries);
  count_items(state, deliveries);
}

void BM_TypesLinearScan(benchmark::State& state) {
  scan_linearly(state, count_of(state, 0), count_of(state, 1));
}

// One subscriber a stream.
void BM_Streams(benchmark::State& state) {
  const std::uint64_t streams = count_of(state);
  PumpedBus bench(streams);
  for (std::uint64_t stream = 0; stream < streams; ++stream) {
    bench.add_receiver(bench.type, 1 + stream);
  }
  const std::uint64_t events = bench.run(state, [&](std::uint64_t number) {
    bench.publisher.publish(bench.type, {number}, {.stream = 1 + key_of(number, streams)});
  });
  bench.receivers.expect(state, events);
  count_items(state, events);
}

void BM_StreamsBareLoopOverMatching(benchmark::State& state) {
  const std::uint64_t streams = count_of(state);
  Receivers receivers(streams);
  std::vector<BareLoop> tables(streams);
  for (BareLoop& table : tables) {
    add_bare_receiver(table, receivers);
  }
  const auto deliver = [&](std::uint64_t number) {
    tables[key_of(number, streams)].deliver({number});
    benchmark::ClobberMemory();
  };
  const std::uint64_t events = run_batches(state, deliver, [] {});
  receivers.expect(state, events);
  count_items(state, events);
}

void BM_StreamsLinearScan(benchmark::State& state) {
  scan_linearly(state, count_of(state), count_of(state));
}

void types_and_subscribers(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"subscribers", "types"})->Args({1'000, 32});
}
void streams(benchmark::internal::Benchmark* bench) {
  bench->ArgName("streams")->Arg(100)->Arg(10'000);
}
BENCHMARK(BM_Types)->Apply(types_and_subscribers);
BENCHMARK(BM_TypesBareLoopOverMatching)->Apply(types_and_subscribers);
BENCHMARK(BM_TypesLinearScan)->Apply(types_and_subscribers);
BENCHMARK(BM_Streams)->Apply(streams);
BENCHMARK(BM_StreamsBareLoopOverMatching)->Apply(streams);
BENCHMARK(BM_StreamsLinearScan)->Apply(streams);

}  // namespace
}  // namespace herald::bench
