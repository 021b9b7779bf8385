// Fan-out: the whole path of an event to N subscribers, beside a bare loop over as many functions;
// one call each, and one call a batch. An item is a delivery.
#include <cstdint>
#include <span>
#include <vector>

#include "workload.h"

namespace herald::bench {
namespace {

void BM_FanOut(benchmark::State& state) {
  const std::uint64_t subscribers = count_of(state);
  PumpedBus bench(subscribers);
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    bench.add_receiver(bench.type);
  }
  const std::uint64_t deliveries = bench.run(state) * subscribers;
  bench.receivers.expect(state, deliveries);
  count_items(state, deliveries);
}

void BM_FanOutBareLoop(benchmark::State& state) {
  const std::uint64_t subscribers = count_of(state);
  Receivers receivers(subscribers);
  BareLoop table;
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    add_bare_receiver(table, receivers);
  }
  const auto deliver = [&](std::uint64_t number) {
    table.deliver({number});
    benchmark::ClobberMemory();
  };
  const std::uint64_t deliveries = run_batches(state, deliver, [] {}) * subscribers;
  receivers.expect(state, deliveries);
  count_items(state, deliveries);
}

// What a batch subscriber does, with one addition to its counters a batch.
template <typename Item, typename ValueOf>
void receive_batch(Receiver& receiver, std::span<const Item> items, ValueOf value_of) {
  std::uint64_t sum = 0;
  for (const Item& item : items) {
    sum += value_of(item);
  }
  receiver.count += items.size();
  receiver.sum += sum;
}

void BM_BatchFanOut(benchmark::State& state) {
  const std::uint64_t subscribers = count_of(state);
  PumpedBus bench(subscribers);
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    const auto receive = [receiver = bench.receivers.add()](std::span<const Event> events) {
      receive_batch(*receiver, events,
                    [](const Event& event) { return event.get<Number>()->value; });
    };
    bench.subscriptions.push_back(
        bench.bus.subscribe_batch({.types = bench.type}, receive).value());
  }
  const std::uint64_t deliveries = bench.run(state) * subscribers;
  bench.receivers.expect(state, deliveries);
  count_items(state, deliveries);
}

// Of the same 64 bytes an event.
struct alignas(64) BareEvent {
  Number number;
};

void BM_BatchFanOutBareLoop(benchmark::State& state) {
  const std::uint64_t subscribers = count_of(state);
  Receivers receivers(subscribers);
  BareTable<std::span<const BareEvent>> table;
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    table.add(
        [](void* object, std::span<const BareEvent> events) {
          receive_batch(*static_cast<Receiver*>(object), events,
                        [](const BareEvent& event) { return event.number.value; });
        },
        receivers.add());
  }
  std::vector<BareEvent> events(kBatch);
  const auto collect = [&](std::uint64_t number) { events[number % kBatch].number = {number}; };
  const auto deliver = [&] {
    table.deliver(events);
    benchmark::ClobberMemory();
  };
  const std::uint64_t deliveries = run_batches(state, collect, deliver) * subscribers;
  receivers.expect(state, deliveries);
  count_items(state, deliveries);
}

void one_to_many(benchmark::internal::Benchmark* bench) {
  bench->ArgName("subscribers")->RangeMultiplier(10)->Range(1, 100'000);
}
BENCHMARK(BM_FanOut)->Apply(one_to_many);
BENCHMARK(BM_FanOutBareLoop)->Apply(one_to_many);
BENCHMARK(BM_BatchFanOut)->Apply(one_to_many);
BENCHMARK(BM_BatchFanOutBareLoop)->Apply(one_to_many);

}  // namespace
}  // namespace herald::bench
