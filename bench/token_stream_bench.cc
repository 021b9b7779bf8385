// Token streams: a token, beside a bare publish of the same text; opening and ending a stream. An
// item is a token, or a stream.
#include <cstdint>
#include <string_view>
#include <vector>

#include "herald/token_stream.h"
#include "workload.h"

namespace herald::bench {
namespace {

constexpr std::string_view kText = " token";

void BM_Token(benchmark::State& state) {
  const auto streams = static_cast<std::uint64_t>(state.range(0));
  PumpedBus bench;
  std::vector<TokenStream> answers;
  for (std::uint64_t stream = 1; stream <= streams; ++stream) {
    answers.emplace_back(bench.publisher, stream);
    bench.subscriptions.push_back(
        bench.bus.subscribe({.types = kToken, .stream = stream}, [](const Event&) {}).value());
  }
  std::size_t next = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      answers[next].token(kText);
      next = next + 1 == answers.size() ? 0 : next + 1;
    }
    bench.bus.pump();
  }
  count_items(state, kBatch);
}

void BM_BarePublish(benchmark::State& state) {
  const auto streams = static_cast<std::uint64_t>(state.range(0));
  PumpedBus bench;
  for (std::uint64_t stream = 1; stream <= streams; ++stream) {
    bench.subscriptions.push_back(
        bench.bus.subscribe({.types = kToken, .stream = stream}, [](const Event&) {}).value());
  }
  std::uint64_t next = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      bench.publisher.publish(kToken, kText, {.stream = 1 + next});
      next = next + 1 == streams ? 0 : next + 1;
    }
    bench.bus.pump();
  }
  count_items(state, kBatch);
}

void BM_OpenAndComplete(benchmark::State& state) {
  PumpedBus bench;
  std::uint64_t stream = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      TokenStream answer(bench.publisher, ++stream);
      answer.complete();
    }
    bench.bus.pump();
  }
  count_items(state, kBatch);
}

BENCHMARK(BM_Token)->ArgName("streams")->Arg(1)->Arg(10'000);
BENCHMARK(BM_BarePublish)->ArgName("streams")->Arg(1)->Arg(10'000);
BENCHMARK(BM_OpenAndComplete);

}  // namespace
}  // namespace herald::bench
