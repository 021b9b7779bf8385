// Middleware: an event through a chain of N that let it pass, beside none (links:0) and one that
// is not meant for it; and through the ready-made ones. An item is an event.
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "workload.h"

namespace herald::bench {
namespace {

using namespace std::chrono_literals;

Verdict pass(Event&, Emitter&) { return Verdict::kPass; }

void BM_Chain(benchmark::State& state) {
  PumpedBus bench;
  bench.add_receiver(bench.type);
  std::vector<Subscription> chain;
  for (std::uint64_t i = 0; i < count_of(state); ++i) {
    chain.push_back(bench.bus.use({.types = bench.type}, pass).value());
  }
  const std::uint64_t events = bench.run(state);
  bench.receivers.expect(state, events);
  count_items(state, events);
}

void BM_ChainForOtherTypes(benchmark::State& state) {
  PumpedBus bench;
  bench.add_receiver(bench.type);
  const Subscription other = bench.bus.use({.types = kInfo}, pass).value();
  const std::uint64_t events = bench.run(state);
  bench.receivers.expect(state, events);
  count_items(state, events);
}

void BM_Sample(benchmark::State& state) {
  PumpedBus bench;
  bench.add_receiver(bench.type);
  auto sample = herald::Sample::create({.one_in = 16});
  const Subscription use = bench.bus.use({.types = bench.type}, *std::move(sample)).value();
  const std::uint64_t events = bench.run(state);
  bench.receivers.expect(state, events / 16);
  count_items(state, events);
}

void BM_RateLimit(benchmark::State& state) {
  PumpedBus bench;
  bench.add_receiver(bench.type);
  auto limit =
      RateLimit::create({.per_stream = {.events = 1'000'000, .per = 1ms, .burst = 1'000'000}});
  const FlowMeter meter = limit->meter();
  const Subscription use = bench.bus.use({.types = bench.type}, *std::move(limit)).value();
  const std::uint64_t events = bench.run(state);
  bench.receivers.expect(state, events - meter.read().events_dropped);
  count_items(state, events);
}

// Pieces of text, joined until they are 1,024 bytes.
void BM_CoalesceText(benchmark::State& state) {
  PumpedBus bench;
  std::uint64_t bytes = 0;
  bench.subscriptions.push_back(
      bench.bus
          .subscribe(kToken, [&](std::string_view text, const Event&) { bytes += text.size(); })
          .value());
  auto coalesce = CoalesceText::create({.window = 1s, .max_bytes = 1'024});
  const Subscription use = bench.bus.use(coalesce->filter(), *std::move(coalesce)).value();
  const std::uint64_t events = bench.run(
      state, [&](std::uint64_t) { bench.publisher.publish(kToken, "token", {.stream = 1}); });
  if (bytes + 1'024 < events * 5 || bytes > events * 5) {
    state.SkipWithError("text was lost");
  }
  count_items(state, events);
}

BENCHMARK(BM_Chain)->ArgName("links")->Arg(0)->Arg(1)->Arg(4);
BENCHMARK(BM_ChainForOtherTypes);
BENCHMARK(BM_Sample);
BENCHMARK(BM_RateLimit);
BENCHMARK(BM_CoalesceText);

}  // namespace
}  // namespace herald::bench
