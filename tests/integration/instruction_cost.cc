// What an event costs in instructions: `instruction_cost others|streams|publishers COUNT` publishes
// and pumps events in manual mode, inside herald_measured(), which is all that callgrind counts.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "herald/herald.h"

namespace {

constexpr int kBatches = 40;
constexpr int kBatchEvents = 256;

struct Bench {
  herald::Bus bus = herald::Bus::create({.dispatch = herald::DispatchMode::kManual}).value();
  std::vector<herald::Publisher> publishers;
  std::vector<herald::Subscription> subscriptions;
  unsigned long delivered = 0;

  void subscribe(const herald::Filter& filter) {
    subscriptions.push_back(
        bus.subscribe(filter, [this](const herald::Event&) { ++delivered; }).value());
  }
};

}  // namespace

extern "C" __attribute__((noinline)) void herald_measured(Bench& bench) {
  for (int batch = 0; batch < kBatches; ++batch) {
    for (int i = 0; i < kBatchEvents; ++i) {
      bench.publishers[0].publish(herald::kToken, "token", {.stream = 1});
    }
    bench.bus.pump();
  }
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: instruction_cost others|streams|publishers COUNT\n", stderr);
    return 2;
  }
  const int count = std::atoi(argv[2]);
  Bench bench;
  bench.subscribe({.types = herald::kToken, .stream = 1});
  bench.subscribe({.types = herald::kToken});
  const bool more_publishers = std::strcmp(argv[1], "publishers") == 0;
  for (int i = 0; i < (more_publishers ? count : 1); ++i) {
    bench.publishers.push_back(bench.bus.publisher({.capacity_events = 1'024}).value());
  }
  for (int i = 0; !more_publishers && i < count; ++i) {
    const auto stream = static_cast<herald::StreamId>(i) + 2;
    bench.subscribe(std::strcmp(argv[1], "others") == 0
                        ? herald::Filter{.types = herald::kInfo}
                        : herald::Filter{.types = herald::kToken, .stream = stream});
  }
  herald_measured(bench);  // warm-up; callgrind counts both, and so does the script
  bench.delivered = 0;
  herald_measured(bench);
  std::printf("events %d delivered %lu\n", 2 * kBatches * kBatchEvents, bench.delivered);
  return bench.delivered == 2UL * kBatches * kBatchEvents ? 0 : 1;
}
