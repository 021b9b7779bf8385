// Mailboxes: an event through one, beside a callback and beside the queue that people write by
// hand; and what subscribers pay for a slow neighbour. That is compared in interleaved rounds:
//   FOLDER/bench/mailbox_bench --benchmark_filter=SlowNeighbour --benchmark_repetitions=9
//       --benchmark_enable_random_interleaving=true
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "workload.h"

namespace herald::bench {
namespace {

using namespace std::chrono_literals;

// An item is an event, from publish to its owner, all on one thread.
void BM_Mailbox(benchmark::State& state) {
  PumpedBus bench;
  Receiver& receiver = *bench.receivers.add();
  Mailbox mailbox = bench.bus
                        .mailbox({.types = bench.type},
                                 {.capacity_events = 1'024,
                                  .overflow = static_cast<MailboxOverflow>(count_of(state))})
                        .value();
  const std::uint64_t events = run_batches(
      state,
      [&](std::uint64_t number) {
        bench.publisher.publish(bench.type, {number}, {.stream = number});
      },
      [&] {
        bench.bus.pump();
        mailbox.drain([&](Mailbox::Mail& mail) {
          receiver.receive(std::get<Event>(mail).get<Number>()->value);
        });
      });
  bench.receivers.expect(state, events);
  count_items(state, events);
}

void BM_DeliverOn(benchmark::State& state) {
  PumpedBus bench;
  Receiver* const receiver = bench.receivers.add();
  Mailbox mailbox = bench.bus.mailbox().value();
  bench.subscriptions.push_back(bench.bus
                                    .subscribe(bench.type,
                                               [receiver](const Number& number, const Event&) {
                                                 receiver->receive(number.value);
                                               },
                                               {.deliver_on = mailbox})
                                    .value());
  const std::uint64_t events = run_batches(
      state, [&](std::uint64_t number) { bench.publisher.publish(bench.type, {number}); },
      [&] {
        bench.bus.pump();
        mailbox.drain();
      });
  bench.receivers.expect(state, events);
  count_items(state, events);
}

void BM_Callback(benchmark::State& state) {
  PumpedBus bench;
  bench.add_receiver(bench.type);
  const std::uint64_t events = bench.run(state);
  bench.receivers.expect(state, events);
  count_items(state, events);
}

void BM_DequeByHand(benchmark::State& state) {
  PumpedBus bench;
  Receiver& receiver = *bench.receivers.add();
  std::mutex mutex;
  std::deque<Event> queue;
  bench.subscriptions.push_back(bench.bus
                                    .subscribe({.types = bench.type},
                                               [&](const Event& event) {
                                                 const std::scoped_lock lock(mutex);
                                                 queue.push_back(event);
                                               })
                                    .value());
  const auto take = [&]() -> std::optional<Event> {
    const std::scoped_lock lock(mutex);
    if (queue.empty()) {
      return std::nullopt;
    }
    std::optional<Event> event(std::move(queue.front()));
    queue.pop_front();
    return event;
  };
  const std::uint64_t events = run_batches(
      state, [&](std::uint64_t number) { bench.publisher.publish(bench.type, {number}); },
      [&] {
        bench.bus.pump();
        while (const std::optional<Event> event = take()) {
          receiver.receive(event->get<Number>()->value);
        }
      });
  bench.receivers.expect(state, events);
  count_items(state, events);
}

// An owner that takes one event a millisecond of those that come a hundred times as fast.
class SlowOwner {
 public:
  SlowOwner(Bus& bus, const EventType<Number>& type, MailboxOverflow overflow)
      : mailbox_(
            bus.mailbox({.types = type}, {.capacity_events = 256, .overflow = overflow}).value()),
        thread_([this] {
          while (!over_.load(std::memory_order_relaxed)) {
            static_cast<void>(mailbox_.pop_for(1ms));
            std::this_thread::sleep_for(1ms);
          }
        }) {}
  ~SlowOwner() { over_.store(true, std::memory_order_relaxed); }

 private:
  std::atomic<bool> over_{false};
  Mailbox mailbox_;
  std::jthread thread_;
};

// Ten subscribers, 100,000 events a second, each due at its time: with a slow mailbox beside them
// or without. Percentiles of the time from when an event was due to its last subscriber's return,
// the mailbox among them.
void BM_SlowNeighbour(benchmark::State& state) {
  constexpr std::uint64_t kSubscribers = 10;
  constexpr std::uint64_t kEvents = 30'000;
  for (auto _ : state) {
    Bus bus = Bus::create({.wait = WaitStrategy::kSpin}).value();
    const EventType<Number> type = bus.define<Number>("number").value();
    Receivers receivers(kSubscribers);
    std::vector<Subscription> subscriptions;
    for (std::uint64_t i = 0; i < kSubscribers; ++i) {
      subscriptions.push_back(
          bus.subscribe(type,
                        [receiver = receivers.add()](const Number& number, const Event&) {
                          receiver->receive(number.value);
                        })
              .value());
    }
    std::optional<SlowOwner> slow;
    if (state.range(0) != 0) {
      slow.emplace(bus, type, MailboxOverflow::kDropOldest);
    }
    Publisher publisher = bus.publisher().value();
    auto due = std::chrono::steady_clock::now() + 1ms;
    for (std::uint64_t i = 0; i < kEvents; ++i, due += 10us) {
      while (std::chrono::steady_clock::now() < due) {
      }
      publisher.publish(type, {i}, {.at = due});
    }
    if (!bus.flush(60s).ok()) {
      state.SkipWithError("not everything was delivered");
    }
    receivers.expect(state, kSubscribers * kEvents);
    const LatencyHistogram latency = bus.latency().all.delivery;
    state.counters["p50_us"] = static_cast<double>(latency.percentile(50).count()) / 1e3;
    state.counters["p99_us"] = static_cast<double>(latency.percentile(99).count()) / 1e3;
  }
}

BENCHMARK(BM_Mailbox)
    ->Name("BM_Mailbox/drop_newest")
    ->Arg(static_cast<int>(MailboxOverflow::kDropNewest));
BENCHMARK(BM_Mailbox)
    ->Name("BM_Mailbox/drop_oldest")
    ->Arg(static_cast<int>(MailboxOverflow::kDropOldest));
BENCHMARK(BM_Mailbox)
    ->Name("BM_Mailbox/conflate")
    ->Arg(static_cast<int>(MailboxOverflow::kConflate));
BENCHMARK(BM_Mailbox)->Name("BM_Mailbox/block")->Arg(static_cast<int>(MailboxOverflow::kBlock));
BENCHMARK(BM_DeliverOn);
BENCHMARK(BM_Callback);
BENCHMARK(BM_DequeByHand);
BENCHMARK(BM_SlowNeighbour)
    ->ArgName("slow")
    ->Arg(0)
    ->Arg(1)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace herald::bench
