// What the benchmarks publish and how they receive it.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "herald/herald.h"

namespace herald::bench {

/// A payload that a subscriber can check.
struct Sample {
  std::uint64_t number;
  std::uint64_t check;
};

/// What every subscriber does with an event, of Herald and of a yardstick alike.
struct Receiver {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  void receive(std::uint64_t number) noexcept {
    ++count;
    sum += number;
  }
};

inline constexpr std::size_t kBatch = 256;  // events published before each pump

/// A bus in manual mode, so that one thread does all the work, with one publisher. Its receivers
/// lie side by side, as in BareTable.
struct PumpedBus {
  explicit PumpedBus(std::size_t most_receivers = 1) { receivers.reserve(most_receivers); }

  Receiver* new_receiver() { return &receivers.emplace_back(); }
  void add_receiver(const EventType<Sample>& key, std::optional<StreamId> stream = {}) {
    Receiver* const receiver = new_receiver();
    subscriptions.push_back(bus.subscribe(key, stream,
                                          [receiver](const Sample& sample, const Event&) {
                                            receiver->receive(sample.number);
                                          })
                                .value());
  }
  /// An error of the benchmark unless they got so many in all.
  void expect(benchmark::State& state, std::uint64_t deliveries) const {
    std::uint64_t sum = 0;
    for (const Receiver& receiver : receivers) {
      sum += receiver.count;
    }
    if (sum != deliveries) {
      state.SkipWithError("not every event was delivered to every subscriber");
    }
  }

  Bus bus = Bus::create({.dispatch = DispatchMode::kManual}).value();
  EventType<Sample> type = bus.define<Sample>("sample").value();
  Publisher publisher = bus.publisher().value();
  std::vector<Receiver> receivers;
  std::vector<Subscription> subscriptions;
};

/// The bare loop that a fan-out is measured by: {function, object} in one array.
struct BareTable {
  struct Entry {
    void (*function)(void* object, const Sample& sample);
    void* object;
  };
  explicit BareTable(std::size_t most_receivers) { receivers.reserve(most_receivers); }

  void add_receiver() {
    entries.push_back({[](void* object, const Sample& sample) {
                         static_cast<Receiver*>(object)->receive(sample.number);
                       },
                       &receivers.emplace_back()});
  }
  void deliver(const Sample& sample) const {
    for (const Entry& entry : entries) {
      entry.function(entry.object, sample);
    }
  }
  std::vector<Receiver> receivers;
  std::vector<Entry> entries;
};

inline void count_items(benchmark::State& state, std::uint64_t each) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(each));
}

}  // namespace herald::bench
