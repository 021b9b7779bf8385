// What things cost in instructions. `instruction_cost KIND COUNT` does all that is to be counted by
// callgrind inside herald_measured(), in manual mode:
//   others, streams, batches  publishes and pumps beside COUNT subscribers that do not match
//   publishers                the same beside COUNT - 1 idle publishers
//   leavers                   subscribes COUNT, and removes them in random order
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "herald/herald.h"

namespace {

constexpr int kBatches = 40;
constexpr int kBatchEvents = 256;
constexpr herald::TypeMask kOtherTypes = ~(herald::kToken | herald::kComplete);

struct Bench {
  herald::Bus bus = herald::Bus::create({.dispatch = herald::DispatchMode::kManual}).value();
  std::vector<herald::Publisher> publishers;
  std::vector<herald::Subscription> subscriptions;
  unsigned long delivered = 0;

  void subscribe(const herald::Filter& filter) {
    subscriptions.push_back(
        bus.subscribe(filter, [this](const herald::Event&) { ++delivered; }).value());
  }
  void subscribe_batch(const herald::Filter& filter) {
    subscriptions.push_back(
        bus.subscribe_batch(filter, [](std::span<const herald::Event>) {}).value());
  }

  // The subscribers that must not cost anything: number `i` of them.
  void subscribe_bystander(std::string_view kind, std::uint64_t i) {
    if (kind == "others") {
      subscribe({.types = herald::kInfo});
    } else if (kind == "streams") {
      subscribe({.types = herald::kToken, .stream = i + 2});
    } else {
      // Each with a filter of its own.
      subscribe_batch({.types = herald::TypeMask::from_bits((i + 1) << 8U) & kOtherTypes});
    }
  }

  // Events published, pumped and delivered.
  std::uint64_t dispatch() {
    for (int batch = 0; batch < kBatches; ++batch) {
      for (int i = 0; i < kBatchEvents; ++i) {
        publishers[0].publish(herald::kToken, "token", {.stream = 1});
      }
      bus.pump();
    }
    return std::uint64_t{kBatches} * kBatchEvents;
  }
  // Subscribers that came and left.
  std::uint64_t come_and_leave(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      subscribe({.types = herald::kToken, .stream = i % 1'000});
    }
    std::shuffle(subscriptions.begin(), subscriptions.end(), std::mt19937(1));
    subscriptions.clear();
    return count;
  }
};

}  // namespace

extern "C" __attribute__((noinline)) std::uint64_t herald_measured(Bench& bench,
                                                                   std::uint64_t leavers) {
  return leavers != 0 ? bench.come_and_leave(leavers) : bench.dispatch();
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: instruction_cost others|streams|batches|publishers|leavers COUNT\n", stderr);
    return 2;
  }
  const std::string_view kind = argv[1];
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  Bench bench;
  if (kind == "leavers") {
    std::printf("counted %llu\n", static_cast<unsigned long long>(herald_measured(bench, count)));
    return 0;
  }
  bench.subscribe({.types = herald::kToken, .stream = 1});
  bench.subscribe({.types = herald::kToken});
  if (kind == "batches") {
    bench.subscribe_batch({.types = herald::kToken});
  }
  const bool more_publishers = kind == "publishers";
  for (std::uint64_t i = 0; i < (more_publishers ? count : 1); ++i) {
    bench.publishers.push_back(bench.bus.publisher({.capacity_events = 1'024}).value());
  }
  for (std::uint64_t i = 0; !more_publishers && i < count; ++i) {
    bench.subscribe_bystander(kind, i);
  }
  // Warm-up and all; callgrind counts both.
  const std::uint64_t events = herald_measured(bench, 0) + herald_measured(bench, 0);
  std::printf("counted %llu\n", static_cast<unsigned long long>(events));
  return bench.delivered == 2 * events ? 0 : 1;
}
