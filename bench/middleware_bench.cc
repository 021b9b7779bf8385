// Middleware: an event through a chain of N that let it pass, beside no middleware at all, and
// through the ready-made ones. An item is an event.
#include <chrono>
#include <vector>

#include "herald/coalesce_text.h"
#include "herald/rate_limit.h"
#include "herald/sample.h"
#include "workload.h"

namespace herald::bench {
namespace {

void publish_and_pump(benchmark::State& state, PumpedBus& bench) {
  std::uint64_t number = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      bench.publisher.publish(bench.type, {number++, 0});
    }
    bench.bus.pump();
  }
  count_items(state, kBatch);
}

void BM_Chain(benchmark::State& state) {
  PumpedBus bench;
  bench.add_receiver(bench.type);
  std::vector<Subscription> chain;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    chain.push_back(
        bench.bus.use({.types = bench.type}, [](Event&, Emitter&) { return Verdict::kPass; })
            .value());
  }
  publish_and_pump(state, bench);
}

// On other types: costs nothing.
void BM_OthersChain(benchmark::State& state) {
  PumpedBus bench;
  bench.add_receiver(bench.type);
  const auto other =
      bench.bus.use({.types = kInfo}, [](Event&, Emitter&) { return Verdict::kPass; }).value();
  publish_and_pump(state, bench);
}

BENCHMARK(BM_Chain)->ArgName("links")->Arg(0)->Arg(1)->Arg(4);
BENCHMARK(BM_OthersChain);

}  // namespace
}  // namespace herald::bench
