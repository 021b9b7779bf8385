// What things cost in instructions. `instruction_cost KIND COUNT` does all that is to be counted by
// callgrind inside herald_measured(), in manual mode. Of the whole way of an event:
//   others, streams, batches  publishes and pumps beside COUNT subscribers that do not match
//   publishers                the same beside COUNT - 1 idle publishers
//   events, tokens            publishes to COUNT streams in turn, each with a subscriber of its
//                             own: bare, and through as many open TokenStreams
//   untracked, tracked        publishes and pumps, without and with the measuring of latency
// Of one stage, without latency:
//   publish, publish_batch, publish_shared, publish_token
//                             publishes only, without subscribers
//   subscribers, batch_subscribers, stream_subscribers, middlewares
//                             pumps only, with COUNT that match every event
//   kept                      the same with a replay ring and COUNT subscribers
//   visitors                  subscribes COUNT, and removes them in random order
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "herald/herald.h"
#include "integration/herald_measured.h"

struct Bench {
  Bench(bool latency, std::size_t replay_events)
      : bus(herald::Bus::create({.dispatch = herald::DispatchMode::kManual,
                                 .replay_events = replay_events,
                                 .latency = latency})
                .value()) {
    add_publisher();
  }

  herald::Bus bus;
  std::vector<herald::Publisher> publishers;
  std::vector<herald::Subscription> subscriptions;
  std::vector<herald::TokenStream> answers;
  std::uint64_t streams = 1;  // published to in turn, from 1 on
  std::uint64_t next = 0;     // of the streams
  std::uint64_t visitors = 0;
  std::uint64_t calls = 0;       // of subscribers and middlewares; a batch counts its events
  std::uint64_t calls_each = 0;  // as there must be for each event

  void add_publisher() { publishers.push_back(bus.publisher({.capacity_events = 1'024}).value()); }
  void subscribe(const herald::Filter& filter) {
    subscriptions.push_back(
        bus.subscribe(filter, [this](const herald::Event&) { ++calls; }).value());
  }
  void subscribe_batch(const herald::Filter& filter) {
    const auto callback = [this](std::span<const herald::Event> events) { calls += events.size(); };
    subscriptions.push_back(bus.subscribe_batch(filter, callback).value());
  }
  void add_middleware() {
    const auto callback = [this](herald::Event&, herald::Emitter&) {
      ++calls;
      return herald::Verdict::kPass;
    };
    subscriptions.push_back(bus.use({.types = herald::kToken}, callback).value());
  }
  std::uint64_t next_stream() {
    const std::uint64_t stream = next;
    next = next + 1 == streams ? 0 : next + 1;
    return stream;
  }
};

namespace {

constexpr std::uint64_t kBatches = 32;
constexpr std::uint64_t kBatchEvents = 256;
constexpr std::string_view kText = "token";
constexpr herald::TypeMask kOtherTypes = ~(herald::kToken | herald::kComplete);

std::uint64_t publish(Bench& bench) {
  for (std::uint64_t i = 0; i < kBatchEvents; ++i) {
    bench.publishers[0].publish(herald::kToken, kText, {.stream = 1 + bench.next_stream()});
  }
  return kBatchEvents;
}
std::uint64_t publish_batch(Bench& bench) {
  static const std::vector<std::string_view> texts(kBatchEvents, kText);
  return bench.publishers[0].publish_batch(herald::kToken, texts, {.stream = 1}).accepted;
}
std::uint64_t publish_shared(Bench& bench) {
  for (std::uint64_t i = 0; i < kBatchEvents; ++i) {
    bench.bus.publish(herald::kToken, kText, {.stream = 1});
  }
  return kBatchEvents;
}
std::uint64_t publish_token(Bench& bench) {
  for (std::uint64_t i = 0; i < kBatchEvents; ++i) {
    bench.answers[bench.next_stream()].token(kText);
  }
  return kBatchEvents;
}
std::uint64_t pump(Bench& bench) { return bench.bus.pump().events; }
// Subscribers that came and left in random order.
std::uint64_t come_and_leave(Bench& bench) {
  for (std::uint64_t i = 0; i < bench.visitors; ++i) {
    bench.subscribe({.types = herald::kToken, .stream = i % 1'000});
  }
  std::shuffle(bench.subscriptions.begin(), bench.subscriptions.end(), std::mt19937(1));
  bench.subscriptions.clear();
  return bench.visitors;
}

// What there is before, `count` as in the head of this file.
using Prepare = void (*)(Bench& bench, std::uint64_t count);

void add_subscriber(Bench& bench, std::uint64_t) { bench.subscribe({.types = herald::kToken}); }
void add_batch_subscriber(Bench& bench, std::uint64_t) {
  bench.subscribe_batch({.types = herald::kToken});
}
void add_stream_subscriber(Bench& bench, std::uint64_t) {
  bench.subscribe({.types = herald::kToken, .stream = 1});
}
void add_middleware(Bench& bench, std::uint64_t) { bench.add_middleware(); }

// The subscribers that must not cost anything: number `i` of them.
void add_other_type(Bench& bench, std::uint64_t) { bench.subscribe({.types = herald::kInfo}); }
void add_other_stream(Bench& bench, std::uint64_t i) {
  bench.subscribe({.types = herald::kToken, .stream = i + 2});
}
void add_other_batch(Bench& bench, std::uint64_t i) {  // each with a filter of its own
  bench.subscribe_batch({.types = herald::TypeMask::from_bits((i + 1) << 8U) & kOtherTypes});
}

template <Prepare kAdd>
void prepare_matching(Bench& bench, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    kAdd(bench, i);
  }
  bench.calls_each = count;
}
// Beside one of each kind that matches.
template <Prepare kAdd>
void prepare_bystanders(Bench& bench, std::uint64_t count) {
  add_stream_subscriber(bench, 0);
  add_subscriber(bench, 0);
  add_batch_subscriber(bench, 0);
  prepare_matching<kAdd>(bench, count);
  bench.calls_each = 3;
}
void prepare_publishers(Bench& bench, std::uint64_t count) {
  add_subscriber(bench, 0);
  for (std::uint64_t i = 1; i < count; ++i) {
    bench.add_publisher();
  }
  bench.calls_each = 1;
}
void prepare_streams(Bench& bench, std::uint64_t count) {
  for (std::uint64_t stream = 1; stream <= count; ++stream) {
    bench.subscribe({.types = herald::kToken, .stream = stream});
  }
  bench.streams = count;
  bench.calls_each = 1;
}
void prepare_answers(Bench& bench, std::uint64_t count) {
  prepare_streams(bench, count);
  // Each open stream keeps a place in its lane.
  bench.publishers[0] = bench.bus.publisher({.capacity_events = 1'024 + count}).value();
  for (std::uint64_t stream = 1; stream <= count; ++stream) {
    bench.answers.emplace_back(bench.publishers[0], stream);
  }
}
void prepare_answer(Bench& bench, std::uint64_t) {
  bench.answers.emplace_back(bench.publishers[0], 1);
}

enum class Counted : std::uint8_t { kBoth, kPublish, kPump };

struct Kind {
  std::string_view name;
  Prepare prepare;
  Work publish;
  Counted counted = Counted::kBoth;
  bool latency = true;
  std::size_t replay_events = 0;
};

constexpr auto kKinds = std::to_array<Kind>({
    {"others", prepare_bystanders<add_other_type>, publish},
    {"streams", prepare_bystanders<add_other_stream>, publish},
    {"batches", prepare_bystanders<add_other_batch>, publish},
    {"publishers", prepare_publishers, publish},
    {"events", prepare_streams, publish},
    {"tokens", prepare_answers, publish_token},
    {"tracked", prepare_matching<add_subscriber>, publish},
    {"untracked", prepare_matching<add_subscriber>, publish, Counted::kBoth, false},
    {"publish", prepare_matching<add_subscriber>, publish, Counted::kPublish, false},
    {"publish_batch", prepare_matching<add_subscriber>, publish_batch, Counted::kPublish, false},
    {"publish_shared", prepare_matching<add_subscriber>, publish_shared, Counted::kPublish, false},
    {"publish_token", prepare_answer, publish_token, Counted::kPublish, false},
    {"subscribers", prepare_matching<add_subscriber>, publish, Counted::kPump, false},
    {"kept", prepare_matching<add_subscriber>, publish, Counted::kPump, false, 1'000},
    {"batch_subscribers", prepare_matching<add_batch_subscriber>, publish, Counted::kPump, false},
    {"stream_subscribers", prepare_matching<add_stream_subscriber>, publish, Counted::kPump, false},
    {"middlewares", prepare_matching<add_middleware>, publish, Counted::kPump, false},
});

// One batch of events, counted as `kind` says. 0: not all that was published was pumped.
std::uint64_t measure_batch(const Kind& kind, Bench& bench) {
  const std::uint64_t published =
      kind.counted == Counted::kPump ? kind.publish(bench) : herald_measured(kind.publish, bench);
  const std::uint64_t pumped =
      kind.counted == Counted::kPublish ? pump(bench) : herald_measured(pump, bench);
  return published == pumped ? published : 0;
}

// False: not all was delivered.
bool measure(const Kind& kind, Bench& bench, std::uint64_t count) {
  kind.prepare(bench, count);
  const std::uint64_t warm_up = kind.publish(bench);
  bool delivered = pump(bench) == warm_up;
  std::uint64_t events = 0;
  for (std::uint64_t batch = 0; batch < kBatches; ++batch) {
    events += measure_batch(kind, bench);
  }
  delivered = delivered && events == kBatches * kBatchEvents;
  std::printf("counted %llu\n", static_cast<unsigned long long>(events));
  return delivered && bench.calls == bench.calls_each * (warm_up + events);
}

bool measure_visitors(Bench& bench, std::uint64_t count) {
  bench.visitors = count;
  const std::uint64_t left = herald_measured(come_and_leave, bench);
  std::printf("counted %llu\n", static_cast<unsigned long long>(left));
  return left == count;
}

// What the counts depend on besides Herald.
void print_surroundings(const Bench& bench) {
#if defined(__clang__)
  std::printf("compiler clang-%d\n", __clang_major__);
#else
  std::printf("compiler gcc-%d\n", __GNUC__);
#endif
  std::printf("flags %s\n", HERALD_FLAGS);
  std::printf("fence %s\n", bench.bus.stats().fence);
  std::printf("clock %s\n", herald::base::Clock::uses_tsc() ? "time-stamp counter" : "monotonic");
}

const Kind* find_kind(std::string_view name) {
  const auto* const found = std::find_if(kKinds.begin(), kKinds.end(),
                                         [name](const Kind& kind) { return kind.name == name; });
  return found == kKinds.end() ? nullptr : found;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc == 3 ? argv[1] : "";
  const Kind* const kind = find_kind(name);
  if (kind == nullptr && name != "visitors") {
    std::fputs("usage: instruction_cost KIND COUNT; the kinds are visitors", stderr);
    for (const Kind& known : kKinds) {
      std::fprintf(stderr, ", %s", known.name.data());
    }
    std::fputs("\n", stderr);
    return 2;
  }
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  Bench bench(kind == nullptr || kind->latency, kind == nullptr ? 0 : kind->replay_events);
  print_surroundings(bench);
  const bool delivered =
      kind == nullptr ? measure_visitors(bench, count) : measure(*kind, bench, count);
  return delivered ? 0 : 1;
}
