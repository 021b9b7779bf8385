// What things cost in instructions. `instruction_cost KIND COUNT` does all that is to be counted by
// callgrind inside herald_measured(), in manual mode:
//   others, streams, batches  publishes and pumps beside COUNT subscribers that do not match
//   publishers                the same beside COUNT - 1 idle publishers
//   leavers                   subscribes COUNT, and removes them in random order
//   events, tokens            publishes to COUNT streams in turn, each with a subscriber of its
//                             own: bare, and through as many open TokenStreams
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
  std::vector<herald::TokenStream> answers;
  unsigned long delivered = 0;

  void add_publisher() { publishers.push_back(bus.publisher({.capacity_events = 1'024}).value()); }
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
  template <typename Publish>
  std::uint64_t dispatch(Publish publish) {
    for (int batch = 0; batch < kBatches; ++batch) {
      for (int i = 0; i < kBatchEvents; ++i) {
        publish();
      }
      bus.pump();
    }
    return std::uint64_t{kBatches} * kBatchEvents;
  }
  std::uint64_t dispatch_events(std::uint64_t streams) {
    std::uint64_t next = 0;
    return dispatch([&] {
      publishers[0].publish(herald::kToken, "token", {.stream = 1 + next});
      next = next + 1 == streams ? 0 : next + 1;
    });
  }
  std::uint64_t dispatch_tokens() {
    std::size_t next = 0;
    return dispatch([&] {
      answers[next].token("token");
      next = next + 1 == answers.size() ? 0 : next + 1;
    });
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

// What is to be counted. `count` as in the head of this file.
using Work = std::uint64_t (*)(Bench& bench, std::uint64_t count);

std::uint64_t come_and_leave(Bench& bench, std::uint64_t count) {
  return bench.come_and_leave(count);
}
std::uint64_t one_stream(Bench& bench, std::uint64_t) { return bench.dispatch_events(1); }
std::uint64_t events(Bench& bench, std::uint64_t count) { return bench.dispatch_events(count); }
std::uint64_t tokens(Bench& bench, std::uint64_t) { return bench.dispatch_tokens(); }

}  // namespace

extern "C" __attribute__((noinline)) std::uint64_t herald_measured(Work work, Bench& bench,
                                                                   std::uint64_t count) {
  return work(bench, count);
}

namespace {

// Warm-up and all; callgrind counts both. False: not all was delivered.
bool measure(Work work, Bench& bench, std::uint64_t count, unsigned deliveries_each) {
  const std::uint64_t events =
      herald_measured(work, bench, count) + herald_measured(work, bench, count);
  std::printf("counted %llu\n", static_cast<unsigned long long>(events));
  return bench.delivered == deliveries_each * events;
}

bool measure_streams(Bench& bench, std::string_view kind, std::uint64_t count) {
  for (std::uint64_t stream = 1; stream <= count; ++stream) {
    bench.subscribe({.types = herald::kToken, .stream = stream});
    if (kind == "tokens") {
      bench.answers.emplace_back(bench.publishers[0], stream);
    }
  }
  return measure(kind == "tokens" ? &tokens : &events, bench, count, 1);
}

bool measure_bystanders(Bench& bench, std::string_view kind, std::uint64_t count) {
  bench.subscribe({.types = herald::kToken, .stream = 1});
  bench.subscribe({.types = herald::kToken});
  if (kind == "batches") {
    bench.subscribe_batch({.types = herald::kToken});
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    if (kind != "publishers") {
      bench.subscribe_bystander(kind, i);
    } else if (i != 0) {
      bench.add_publisher();
    }
  }
  return measure(&one_stream, bench, count, 2);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs(
        "usage: instruction_cost "
        "others|streams|batches|publishers|leavers|events|tokens COUNT\n",
        stderr);
    return 2;
  }
  const std::string_view kind = argv[1];
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  Bench bench;
  bench.add_publisher();
  if (kind == "leavers") {
    const std::uint64_t left = herald_measured(&come_and_leave, bench, count);
    std::printf("counted %llu\n", static_cast<unsigned long long>(left));
    return 0;
  }
  const bool delivered = kind == "events" || kind == "tokens"
                             ? measure_streams(bench, kind, count)
                             : measure_bystanders(bench, kind, count);
  return delivered ? 0 : 1;
}
