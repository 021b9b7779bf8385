// Token streams: a token, beside a bare publish of the same text; and a stream that is opened and
// ended. An item is a token, or a stream.
#include <cstdint>
#include <string_view>
#include <vector>

#include "workload.h"

namespace herald::bench {
namespace {

constexpr std::string_view kText = " token";

// A subscriber for each stream from 1 to `streams`.
void add_listeners(PumpedBus& bench, std::uint64_t streams) {
  for (std::uint64_t stream = 1; stream <= streams; ++stream) {
    const auto receive = [receiver = bench.receivers.add()](std::string_view text, const Event&) {
      receiver->receive(text.size());
    };
    bench.subscriptions.push_back(bench.bus.subscribe(kToken, stream, receive).value());
  }
}

void BM_Token(benchmark::State& state) {
  const std::uint64_t streams = count_of(state);
  PumpedBus bench(streams);
  add_listeners(bench, streams);
  std::vector<TokenStream> answers;
  for (std::uint64_t stream = 1; stream <= streams; ++stream) {
    answers.emplace_back(bench.publisher, stream);
  }
  const std::uint64_t tokens =
      bench.run(state, [&](std::uint64_t number) { answers[number % streams].token(kText); });
  bench.receivers.expect(state, tokens);
  count_items(state, tokens);
}

void BM_TokenBarePublish(benchmark::State& state) {
  const std::uint64_t streams = count_of(state);
  PumpedBus bench(streams);
  add_listeners(bench, streams);
  const std::uint64_t tokens = bench.run(state, [&](std::uint64_t number) {
    bench.publisher.publish(kToken, kText, {.stream = 1 + number % streams});
  });
  bench.receivers.expect(state, tokens);
  count_items(state, tokens);
}

void BM_OpenAndComplete(benchmark::State& state) {
  PumpedBus bench;
  bench.subscriptions.push_back(
      bench.bus
          .subscribe({.types = kComplete},
                     [receiver = bench.receivers.add()](const Event&) { receiver->receive(1); })
          .value());
  const std::uint64_t streams = bench.run(state, [&](std::uint64_t number) {
    TokenStream answer(bench.publisher, 1 + number);
    answer.complete();
  });
  bench.receivers.expect(state, streams);
  count_items(state, streams);
}

BENCHMARK(BM_Token)->ArgName("streams")->Arg(1)->Arg(10'000);
BENCHMARK(BM_TokenBarePublish)->ArgName("streams")->Arg(1)->Arg(10'000);
BENCHMARK(BM_OpenAndComplete);

}  // namespace
}  // namespace herald::bench
