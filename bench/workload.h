// What the micro benchmarks publish, how they receive it, and the bare loops they are measured by.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "herald/herald.h"

namespace herald::bench {

struct Number {
  std::uint64_t value;
};

/// What every subscriber does with an event, Herald's and a yardstick's alike.
struct Receiver {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  void receive(std::uint64_t value) noexcept {
    ++count;
    sum += value;
  }
};

/// Where the receivers of one benchmark lie, side by side and always at the same place.
class Receivers {
 public:
  explicit Receivers(std::size_t most) { all_.reserve(most); }
  Receiver* add() { return &all_.emplace_back(); }
  /// An error of the benchmark unless they got so many in all.
  void expect(benchmark::State& state, std::uint64_t deliveries) const {
    std::uint64_t count = 0;
    for (const Receiver& receiver : all_) {
      count += receiver.count;
    }
    if (count != deliveries) {
      state.SkipWithError("not every event was delivered to every subscriber");
    }
  }

 private:
  std::vector<Receiver> all_;
};

inline constexpr std::size_t kBatch = 256;  // events between two pumps

/// Calls `publish(number)` for a batch, then `drain()`, as the measured loop. Returns how many.
template <typename Publish, typename Drain>
std::uint64_t run_batches(benchmark::State& state, Publish publish, Drain drain) {
  std::uint64_t number = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      publish(number++);
    }
    drain();
  }
  return number;
}

/// A bus in manual mode, so that one thread does all the work, with one publisher.
struct PumpedBus {
  explicit PumpedBus(std::size_t most_receivers = 1) : receivers(most_receivers) {}

  void add_receiver(const EventType<Number>& key, std::optional<StreamId> stream = {}) {
    const auto receive = [receiver = receivers.add()](const Number& number, const Event&) {
      receiver->receive(number.value);
    };
    subscriptions.push_back(bus.subscribe(key, stream, receive).value());
  }
  template <typename Publish>
  std::uint64_t run(benchmark::State& state, Publish publish) {
    return run_batches(state, publish, [this] { bus.pump(); });
  }
  /// The same with events of `type`.
  std::uint64_t run(benchmark::State& state) {
    return run(state, [this](std::uint64_t number) { publisher.publish(type, {number}); });
  }

  Bus bus = Bus::create({.dispatch = DispatchMode::kManual}).value();
  EventType<Number> type = bus.define<Number>("number").value();
  Publisher publisher = bus.publisher().value();
  Receivers receivers;
  std::vector<Subscription> subscriptions;
};

/// The bare loop that a fan-out is measured by: {function, object} in one array, and nothing else.
template <typename Argument>
class BareTable {
 public:
  using Function = void(void* object, Argument argument);

  void add(Function* function, void* object) { entries_.push_back({function, object}); }
  void deliver(Argument argument) const {
    for (const Entry& entry : entries_) {
      entry.function(entry.object, argument);
    }
  }

 private:
  struct Entry {
    Function* function;
    void* object;
  };
  std::vector<Entry> entries_;
};

using BareLoop = BareTable<const Number&>;

inline void add_bare_receiver(BareLoop& table, Receivers& receivers) {
  table.add([](void* object,
               const Number& number) { static_cast<Receiver*>(object)->receive(number.value); },
            receivers.add());
}

inline void count_items(benchmark::State& state, std::uint64_t items) {
  state.SetItemsProcessed(static_cast<std::int64_t>(items));
}

/// An argument of the benchmark: a number of something.
inline std::uint64_t count_of(const benchmark::State& state, std::size_t argument = 0) {
  return static_cast<std::uint64_t>(state.range(argument));
}

}  // namespace herald::bench
