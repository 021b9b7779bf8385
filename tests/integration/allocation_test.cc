// No allocation in publish, dispatch and delivery of inline payloads: the whole process is counted,
// malloc and all, after a warm-up of twice the lane's capacity, over ten times that.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "herald/herald.h"

// glibc's own, beneath the counters.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {
std::atomic<std::uint64_t> allocations{0};
void count() noexcept { allocations.fetch_add(1, std::memory_order_relaxed); }
}  // namespace

extern "C" {
void* malloc(std::size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t items, std::size_t size) {
  count();
  return __libc_calloc(items, size);
}
void* realloc(void* memory, std::size_t size) {
  count();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t align, std::size_t size) {
  count();
  return __libc_memalign(align, size);
}
int posix_memalign(void** memory, std::size_t align, std::size_t size) {
  count();
  *memory = __libc_memalign(align, size);
  return *memory == nullptr ? 12 : 0;
}
}

namespace herald {
namespace {

using namespace std::chrono_literals;

struct Position {
  float x = 0;
  float y = 0;
  float z = 0;
};

struct Case {
  const char* name;
  DispatchMode dispatch;
  OverflowPolicy overflow;
  std::size_t capacity_events;
};

void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

class Allocations : public testing::TestWithParam<Case> {
 protected:
  Allocations() : bus_(Bus::create(options()).value()) {
    position_ = bus_.define<Position>("position").value();
    const auto count_one = [this](const Event&) { ++delivered_; };
    keep_.push_back(bus_.subscribe({.types = TypeMask::all()}, count_one).value());
    keep_.push_back(bus_.subscribe({.types = kToken, .stream = 7}, count_one).value());
    keep_.push_back(
        bus_.subscribe(*position_, [this](const Position&, const Event&) { ++delivered_; })
            .value());
    keep_.push_back(
        bus_.subscribe_batch({.types = kToken | *position_},
                             [this](std::span<const Event> events) { delivered_ += events.size(); })
            .value());
    publisher_ = bus_.publisher(publisher_options()).value();
  }

  static BusOptions options() {
    BusOptions options;
    options.dispatch = GetParam().dispatch;
    options.shared_lane = {.capacity_events = GetParam().capacity_events,
                           .overflow = GetParam().overflow,
                           .max_wait = 60s};
    return options;
  }
  static PublisherOptions publisher_options() {
    return {.capacity_events = GetParam().capacity_events,
            .overflow = GetParam().overflow,
            .max_wait = 60s};
  }
  [[nodiscard]] bool manual() const { return GetParam().dispatch == DispatchMode::kManual; }

  // One of each way to publish; pumps often enough that a blocking publisher never waits for us.
  void publish_round(int i) {
    const Position position{static_cast<float>(i), 0, 0};
    publisher_->publish(kToken, "inline text", {.stream = static_cast<StreamId>(i % 10)});
    publisher_->publish(*position_, position);
    publisher_->publish_batch(*position_, batch_);
    static_cast<void>(publisher_->try_publish(kToken, "try"));
    bus_.publish(kToken, "shared");
    if (manual() && i % 4 == 0) {
      bus_.pump({.budget = 60s, .take_new = i % 8 == 0});
    }
  }

  // The events go round the lane `times` times. Returns what was allocated meanwhile.
  std::uint64_t run(std::size_t times) {
    const std::uint64_t before = allocations.load(std::memory_order_relaxed);
    const std::size_t rounds = times * GetParam().capacity_events / (3 + batch_.size());
    for (std::size_t i = 0; i < rounds; ++i) {
      publish_round(static_cast<int>(i));
    }
    settle();
    return allocations.load(std::memory_order_relaxed) - before;
  }

  void settle() {
    while (manual() && bus_.pump().events != 0) {
    }
  }

  Bus bus_;
  std::optional<EventType<Position>> position_;
  std::vector<Subscription> keep_;
  std::optional<Publisher> publisher_;
  const std::vector<Position> batch_{8};
  std::uint64_t delivered_ = 0;
};

TEST_P(Allocations, NoneInPublishDispatchAndDelivery) {
  run(2);
  ASSERT_TRUE(bus_.flush(60s).ok());
  EXPECT_EQ(run(20), 0U);
  ASSERT_TRUE(bus_.flush(60s).ok());
  EXPECT_GT(delivered_, 0U);
  EXPECT_TRUE(bus_.stats().conserved());
}

TEST_P(Allocations, NoneWithMiddlewareThatChangesDropsAndEmits) {
  const auto middleware = [](Event& event, Emitter& emitter) {
    if (event.is(kInfo) || event.sequence() != 0) {
      return Verdict::kPass;
    }
    emitter.emit_after(kComplete, Complete{});
    event.set_stream(event.stream() + 1);
    return event.stream() % 5 == 0 ? Verdict::kDrop : Verdict::kPass;
  };
  keep_.push_back(bus_.use({.types = kToken}, middleware).value());
  run(2);
  ASSERT_TRUE(bus_.flush(60s).ok());
  EXPECT_EQ(run(20), 0U);
  ASSERT_TRUE(bus_.flush(60s).ok());
  EXPECT_TRUE(bus_.stats().conserved());
}

// More streams than there is room for, so that they come and go; text that stays in its event.
TEST_P(Allocations, NoneInReadyMadeMiddleware) {
  const Filter all{.types = TypeMask::all()};
  auto limit = RateLimit::create({.per_type = {.events = 1'000'000, .burst = 10'000},
                                  .per_stream = {.events = 1'000'000, .burst = 100},
                                  .max_streams = 4});
  auto coalesce = CoalesceText::create({.window = 100us, .max_bytes = 32, .max_streams = 1});
  keep_.push_back(bus_.use({.types = *position_}, Sample::create({.one_in = 2}).value()).value());
  keep_.push_back(bus_.use(all, *std::move(limit)).value());
  const FlowMeter meter = coalesce->meter();
  keep_.push_back(bus_.use(coalesce->filter(), *std::move(coalesce)).value());
  run(2);
  ASSERT_TRUE(bus_.flush(60s).ok());
  EXPECT_EQ(run(20), 0U);
  ASSERT_TRUE(bus_.drain(60s).value().complete);
  EXPECT_GT(meter.read().at_stream_limit, 0U);
  EXPECT_TRUE(bus_.stats().conserved());
}

// Every stream is opened, says a word and ends, all of them open at one time; then again, `shift`
// ids further on. Returns what was allocated meanwhile.
std::uint64_t run_streams(Bus& bus, Publisher& publisher, std::vector<TokenStream>& answers,
                          std::size_t count, StreamId shift) {
  const std::uint64_t before = allocations.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < count; ++i) {
    answers.emplace_back(publisher, 1 + shift + i);
  }
  for (TokenStream& answer : answers) {
    answer.token("word");
  }
  bus.pump();
  for (TokenStream& answer : answers) {
    answer.complete();
  }
  bus.pump();
  answers.clear();
  return allocations.load(std::memory_order_relaxed) - before;
}

TEST(TokenStreams, TenThousandOpenAndCloseWithoutAllocation) {
  constexpr std::size_t kStreams = 10'000;
  Bus bus = Bus::create({.dispatch = DispatchMode::kManual}).value();
  Publisher publisher = bus.publisher({.capacity_events = 32'768}).value();
  std::vector<Subscription> listeners;
  std::uint64_t delivered = 0;
  for (StreamId stream = 1; stream <= kStreams; ++stream) {
    listeners.push_back(bus.subscribe({.types = kToken | kComplete, .stream = stream},
                                      [&delivered](const Event&) { ++delivered; })
                            .value());
  }
  std::vector<TokenStream> answers;
  answers.reserve(kStreams);
  run_streams(bus, publisher, answers, kStreams, 0);
  EXPECT_EQ(run_streams(bus, publisher, answers, kStreams, 0), 0U);
  EXPECT_EQ(delivered, 2 * 2 * kStreams);
  // Of other ids, to which nobody listens.
  run_streams(bus, publisher, answers, kStreams, kStreams);
  for (StreamId round = 2; round < 6; ++round) {
    EXPECT_EQ(run_streams(bus, publisher, answers, kStreams, round * kStreams), 0U) << round;
  }
  EXPECT_TRUE(bus.stats().conserved());
}

// One leaves and another comes, again and again, at numbers that fill a hash table to its limit.
TEST(TokenStreams, ComeAndGoWithoutAllocation) {
  for (const std::size_t open : {std::size_t{28}, std::size_t{3'300}, std::size_t{13'000}}) {
    Bus bus = Bus::create({.dispatch = DispatchMode::kManual}).value();
    Publisher publisher = bus.publisher({.capacity_events = 32'768}).value();
    std::vector<std::optional<TokenStream>> answers(open);
    StreamId next = 1;
    for (std::optional<TokenStream>& answer : answers) {
      answer.emplace(publisher, next++);
    }
    const std::uint64_t before = allocations.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < 4 * open; ++i) {
      std::optional<TokenStream>& answer = answers[i % open];
      answer->complete();
      answer.emplace(publisher, next++);
      bus.pump();
    }
    EXPECT_EQ(allocations.load(std::memory_order_relaxed) - before, 0U) << open;
  }
}

// The ring is reserved with the bus. A replay allocates for the subscriber, not for its events.
TEST(ReplayRing, KeepsAndReplaysWithoutAllocation) {
  constexpr std::size_t kRingEvents = 10'000;
  Bus bus = Bus::create({.dispatch = DispatchMode::kManual, .replay_events = kRingEvents}).value();
  Publisher publisher = bus.publisher({.capacity_events = 1'024}).value();
  std::uint64_t delivered = 0;
  const auto count_one = [&delivered](const Event&) { ++delivered; };
  std::vector<Subscription> keep;
  keep.push_back(bus.subscribe({.types = kToken}, count_one).value());
  const auto go_round_the_ring = [&](std::size_t times) {
    const std::uint64_t before = allocations.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < times * kRingEvents; ++i) {
      publisher.publish(kToken, "inline text");
      if (i % 1'000 == 0) {
        bus.pump();
      }
    }
    bus.pump();
    return allocations.load(std::memory_order_relaxed) - before;
  };
  go_round_the_ring(1);
  EXPECT_EQ(go_round_the_ring(5), 0U);
  const std::uint64_t before = allocations.load(std::memory_order_relaxed);
  keep.push_back(
      bus.subscribe({.types = kToken}, count_one, {.replay = last(kRingEvents)}).value());
  bus.pump();
  EXPECT_LT(allocations.load(std::memory_order_relaxed) - before, 20U);
  EXPECT_EQ(delivered, 7 * kRingEvents);
  EXPECT_EQ(go_round_the_ring(5), 0U);
}

// Full ones and others, more keys than places, losses that the owner is told of, and a subscriber
// that delivers there.
class Mailboxes : public testing::TestWithParam<std::size_t> {};

INSTANTIATE_TEST_SUITE_P(Capacities, Mailboxes, testing::Values(1, 2, 3, 7, 100, 300));

TEST_P(Mailboxes, TakeDropConflateAndGiveWithoutAllocation) {
  const std::size_t capacity = GetParam();
  for (const MailboxOverflow overflow : {MailboxOverflow::kDropNewest, MailboxOverflow::kDropOldest,
                                         MailboxOverflow::kConflate, MailboxOverflow::kBlock}) {
    Bus bus = Bus::create({.dispatch = DispatchMode::kManual}).value();
    const MailboxOptions options{.capacity_events = capacity, .overflow = overflow};
    Mailbox own = bus.mailbox({.types = kToken}, options).value();
    Mailbox of_others = bus.mailbox(options).value();
    std::uint64_t delivered = 0;
    const Subscription subscription =
        bus.subscribe({.types = kToken}, [&](const Event&) { ++delivered; },
                      {.deliver_on = of_others})
            .value();
    StreamId stream = 0;
    const auto round = [&] {
      for (int i = 0; i < 150; ++i) {
        bus.publish(kToken, "inline text", {.stream = stream++});
      }
      while (bus.pump().status == PumpResult::Status::kBlocked) {
        own.drain();
        of_others.drain();
      }
      own.drain([&](Mailbox::Mail& mail) { delivered += std::holds_alternative<Event>(mail); });
      if (overflow == MailboxOverflow::kBlock) {  // else losses are told to others: see mailbox.h
        of_others.drain();
      }
    };
    for (int i = 0; i < 20; ++i) {
      round();
    }
    const std::uint64_t before = allocations.load(std::memory_order_relaxed);
    for (int i = 0; i < 200; ++i) {
      round();
    }
    EXPECT_EQ(allocations.load(std::memory_order_relaxed), before)
        << "policy " << static_cast<int>(overflow);
    EXPECT_GE(delivered, 200u * std::min<std::size_t>(capacity, 150u));
  }
}

TEST(AllocationCounter, SeesAnAllocation) {
  const std::uint64_t before = allocations.load(std::memory_order_relaxed);
  const std::string text(1000, 'x');
  EXPECT_GT(allocations.load(std::memory_order_relaxed), before) << text.size();
}

TEST(AllocationCounter, SeesTheBlockOfALargePayload) {
  Bus bus = Bus::create({.dispatch = DispatchMode::kManual}).value();
  const std::string large(33, 'x');
  const std::uint64_t before = allocations.load(std::memory_order_relaxed);
  EXPECT_EQ(bus.publish(kToken, large), PublishResult::kAccepted);
  EXPECT_GT(allocations.load(std::memory_order_relaxed), before);
}

INSTANTIATE_TEST_SUITE_P(
    , Allocations,
    testing::Values(Case{"ThreadBlock", DispatchMode::kThread, OverflowPolicy::kBlock, 16'384},
                    Case{"ThreadBlockSmall", DispatchMode::kThread, OverflowPolicy::kBlock, 100},
                    Case{"ThreadDrop", DispatchMode::kThread, OverflowPolicy::kDropNewest, 16'384},
                    Case{"ManualBlock", DispatchMode::kManual, OverflowPolicy::kBlock, 1'024},
                    Case{"ManualDrop", DispatchMode::kManual, OverflowPolicy::kDropNewest, 1'024},
                    Case{"ManualDropSmall", DispatchMode::kManual, OverflowPolicy::kDropNewest,
                         10}),
    [](const testing::TestParamInfo<Case>& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace herald
