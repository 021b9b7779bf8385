// Stop requests: Bus::cancel, stop tokens, and streams that nobody listens to any more.
#include "core/stream/stream_registry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::eventually;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::thread_bus;

constexpr StreamId kStream = 42;
constexpr std::chrono::steady_clock::time_point kNone =
    std::chrono::steady_clock::time_point::max();  // of deadlines

TokenStreamOptions cancel_after(std::chrono::nanoseconds linger) {
  return {.on_last_subscriber_gone = OnLastSubscriberGone::kCancel, .linger = linger};
}

Subscription listen(Bus& bus, StreamId stream = kStream) {
  return bus.subscribe({.types = TypeMask::all(), .stream = stream}, [](const Event&) {}).value();
}

class CancelTest : public testing::Test {
 protected:
  Bus bus_ = manual_bus();
  Publisher publisher_ = make_publisher(bus_);
};

TEST_F(CancelTest, ReachesTheProducerAndStays) {
  TokenStream answer(publisher_, kStream);
  EXPECT_FALSE(answer.stop_requested());
  EXPECT_TRUE(bus_.cancel(kStream));
  EXPECT_TRUE(answer.stop_requested());
  EXPECT_TRUE(bus_.cancel(kStream)) << "idempotent";
  EXPECT_TRUE(answer.stop_requested());
}

TEST_F(CancelTest, OfAStreamThatIsNotOpenIsFalse) {
  EXPECT_FALSE(bus_.cancel(kStream));
  const Subscription listener = listen(bus_);
  EXPECT_FALSE(bus_.cancel(kStream)) << "a subscription opens no stream";
  {
    TokenStream answer(publisher_, kStream);
    EXPECT_FALSE(bus_.cancel(kStream + 1));
    EXPECT_FALSE(answer.stop_requested());
    EXPECT_EQ(answer.complete(), PublishResult::kAccepted);
    EXPECT_FALSE(bus_.cancel(kStream)) << "it has ended";
  }
  EXPECT_FALSE(bus_.cancel(kStream));
}

// It is told true or false, and the stream ends accordingly, however close the two come.
TEST(Cancel, ThatFoundTheStreamIsSeenInItsEnd) {
  constexpr StreamId kStreams = 300'000;
  Bus bus = thread_bus();
  std::vector<bool> ended_cancelled(kStreams + 1);
  auto ends = bus.subscribe(kComplete, [&](const Complete& complete, const Event& event) {
    ended_cancelled[event.stream()] = complete.finish_reason == FinishReason::kCancelled;
  });
  std::vector<bool> found(kStreams + 1);
  std::atomic<StreamId> opened = 0;
  std::thread canceller([&] {
    for (StreamId stream = 1; stream <= kStreams; ++stream) {
      while (opened.load(std::memory_order_acquire) < stream) {
      }
      found[stream] = bus.cancel(stream);
    }
  });
  Publisher publisher = make_publisher(bus);
  for (StreamId stream = 1; stream <= kStreams; ++stream) {
    TokenStream answer(publisher, stream);
    opened.store(stream, std::memory_order_release);
    ASSERT_EQ(answer.complete(), PublishResult::kAccepted);
  }
  canceller.join();
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(ended_cancelled, found);
}

TEST(Cancel, ReachesAStreamWhoseEndWaitsForRoom) {
  Bus bus = thread_bus();
  std::atomic<bool> shut = false;
  std::atomic<bool> open = false;
  auto gate = bus.subscribe(kInfo, [&](const Info&, const Event&) {
    shut.store(true, std::memory_order_release);
    open.wait(false, std::memory_order_acquire);
  });
  FinishReason seen = FinishReason::kStop;
  auto end = bus.subscribe(
      kComplete, [&](const Complete& complete, const Event&) { seen = complete.finish_reason; });
  Publisher narrow = make_publisher(bus, 2);
  ASSERT_EQ(bus.publish(kInfo, "shut"), PublishResult::kAccepted);
  ASSERT_TRUE(eventually([&] { return shut.load(std::memory_order_acquire); }));
  ASSERT_EQ(narrow.publish(kToken, "of another"), PublishResult::kAccepted);
  ASSERT_EQ(narrow.publish(kToken, "of another"), PublishResult::kAccepted);
  TokenStream answer(narrow, kStream);
  std::thread producer([&] { EXPECT_EQ(answer.complete(), PublishResult::kAccepted); });
  support::work_for(5ms);  // mostly it waits by then; it must hold in any order
  EXPECT_EQ(TokenStream(bus, kStream).status().code(), absl::StatusCode::kAlreadyExists)
      << "the id is its own until its end is in the lane";
  EXPECT_TRUE(bus.cancel(kStream));
  open.store(true, std::memory_order_release);
  open.notify_all();
  producer.join();
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(seen, FinishReason::kCancelled);
}

TEST_F(CancelTest, DoesNotReachTheNextStreamOfTheSameId) {
  {
    TokenStream answer(publisher_, kStream);
    bus_.cancel(kStream);
  }
  TokenStream answer(publisher_, kStream);
  EXPECT_FALSE(answer.stop_requested());
  EXPECT_FALSE(answer.stop_token().stop_requested());
}

TEST_F(CancelTest, ReachesStopTokensMadeBeforeAndAfter) {
  TokenStream answer(publisher_, kStream);
  const std::stop_token before = answer.stop_token();
  int called = 0;
  const std::stop_callback callback(before, [&] { ++called; });
  bus_.cancel(kStream);
  EXPECT_TRUE(before.stop_requested());
  EXPECT_EQ(called, 1);
  EXPECT_TRUE(answer.stop_token().stop_requested());
  bus_.cancel(kStream);
  EXPECT_EQ(called, 1);
}

TEST_F(CancelTest, AStopTokenOutlivesItsStream) {
  std::stop_token token;
  {
    TokenStream answer(publisher_, kStream);
    token = answer.stop_token();
  }
  TokenStream next(publisher_, kStream);
  bus_.cancel(kStream);
  EXPECT_FALSE(token.stop_requested()) << "it belongs to the stream before";
}

// A callback of the token may use the bus: no lock is held meanwhile.
TEST_F(CancelTest, RunsItsCallbacksWithoutALock) {
  TokenStream answer(publisher_, kStream);
  bool other_open = false;
  const std::stop_callback callback(answer.stop_token(), [&] {
    Publisher own = make_publisher(bus_);
    const TokenStream other(own, kStream + 1);
    other_open = bus_.cancel(kStream + 1);
  });
  bus_.cancel(kStream);
  EXPECT_TRUE(other_open);
}

TEST_F(CancelTest, FromAnyThreadIsSeenBetweenTokens) {
  TokenStream answer(publisher_, kStream);
  std::jthread other([this] { bus_.cancel(kStream); });
  EXPECT_TRUE(eventually([&] { return answer.stop_requested(); }));
}

// Linger. A manual bus: deadlines run in pump().

class LingerTest : public CancelTest {
 protected:
  // Pumps once the linger time of `answer` has passed.
  void pump_later() {
    const auto deadline = bus_.pump().next_deadline;
    ASSERT_LT(deadline, kNone);
    std::this_thread::sleep_until(deadline);
    bus_.pump();
  }
};

TEST_F(LingerTest, KeepIsTheDefault) {
  TokenStream answer(publisher_, kStream);
  listen(bus_).unsubscribe();
  EXPECT_FALSE(bus_.pump().next_deadline < kNone);
  EXPECT_FALSE(answer.stop_requested());
}

TEST_F(LingerTest, CancelsWhenTheLastSubscriberIsGone) {
  TokenStream answer(publisher_, kStream, cancel_after(1ms));
  Subscription one = listen(bus_);
  Subscription two = listen(bus_);
  one.unsubscribe();
  EXPECT_FALSE(bus_.pump().next_deadline < kNone) << "one is left";
  two.unsubscribe();
  EXPECT_FALSE(answer.stop_requested());
  pump_later();
  EXPECT_TRUE(answer.stop_requested());
}

TEST_F(LingerTest, OfZeroCancelsAtTheNextPump) {
  TokenStream answer(publisher_, kStream, cancel_after(0ns));
  listen(bus_).unsubscribe();
  bus_.pump();
  EXPECT_TRUE(answer.stop_requested());
}

TEST_F(LingerTest, AnotherSubscriberKeepsItOpen) {
  TokenStream answer(publisher_, kStream, cancel_after(1ms));
  listen(bus_).unsubscribe();
  ASSERT_TRUE(bus_.pump().next_deadline < kNone);
  Subscription back = listen(bus_);
  EXPECT_FALSE(bus_.pump().next_deadline < kNone);
  std::this_thread::sleep_for(2ms);
  bus_.pump();
  EXPECT_FALSE(answer.stop_requested());
  back.unsubscribe();
  pump_later();
  EXPECT_TRUE(answer.stop_requested());
}

TEST_F(LingerTest, SubscriptionsOfEarlierAndOtherStreamsDoNotCount) {
  const Subscription everything =
      bus_.subscribe({.types = TypeMask::all()}, [](const Event&) {}).value();
  const Subscription earlier = listen(bus_);
  TokenStream answer(publisher_, kStream, cancel_after(0ns));
  listen(bus_, kStream + 1).unsubscribe();
  listen(bus_).unsubscribe();
  bus_.pump();
  EXPECT_FALSE(answer.stop_requested()) << "one that came before the stream still listens";
}

TEST_F(LingerTest, AStreamThatNobodyEverHeardGoesOn) {
  TokenStream answer(publisher_, kStream, cancel_after(0ns));
  EXPECT_FALSE(bus_.pump().next_deadline < kNone);
  EXPECT_FALSE(answer.stop_requested());
}

TEST_F(LingerTest, EndsWithTheStream) {
  {
    TokenStream answer(publisher_, kStream, cancel_after(1h));
    listen(bus_).unsubscribe();
    EXPECT_TRUE(bus_.pump().next_deadline < kNone);
    EXPECT_EQ(answer.complete(), PublishResult::kAccepted);
    EXPECT_FALSE(bus_.pump().next_deadline < kNone);
  }
  TokenStream next(publisher_, kStream, cancel_after(0ns));
  bus_.pump();
  EXPECT_FALSE(next.stop_requested());
}

TEST_F(LingerTest, OutlivesAnEndThatFindsNoRoom) {
  Bus bus = manual_bus({.shared_lane = {.capacity_events = 2}});
  bus.publish(kInfo, "of another");
  bus.publish(kInfo, "of another");
  TokenStream answer(bus, kStream, cancel_after(1h));
  listen(bus).unsubscribe();
  ASSERT_EQ(answer.complete(), PublishResult::kDropped);
  const auto deadline = bus.pump().next_deadline;
  ASSERT_LT(deadline, kNone);
  EXPECT_EQ(answer.complete(), PublishResult::kAccepted);
  EXPECT_FALSE(bus.pump().next_deadline < kNone) << "it has ended";
}

TEST_F(LingerTest, RunsInTheOrderOfItsDeadlines) {
  TokenStream slow(publisher_, 1, cancel_after(1h));
  TokenStream fast(publisher_, 2, cancel_after(1ms));
  Subscription one = listen(bus_, 1);
  Subscription two = listen(bus_, 2);
  one.unsubscribe();
  two.unsubscribe();
  pump_later();
  EXPECT_TRUE(fast.stop_requested());
  EXPECT_FALSE(slow.stop_requested());
}

TEST_F(LingerTest, CountsASubscriptionThatLeavesInItsCallback) {
  TokenStream answer(publisher_, kStream, cancel_after(0ns));
  Subscription once;
  once = bus_.subscribe({.types = kToken, .stream = kStream},
                        [&](const Event&) { once.unsubscribe(); })
             .value();
  ASSERT_EQ(answer.token("a"), PublishResult::kAccepted);
  bus_.pump();
  bus_.pump();
  EXPECT_TRUE(answer.stop_requested());
}

// The dispatcher sleeps without a deadline when the last subscriber goes: it must be told.
TEST(LingerOfAThread, WakesTheDispatcherThatSleeps) {
  for (const Fence fence : {Fence::kAutomatic, Fence::kSequentiallyConsistent}) {
    Bus bus = thread_bus({.wait = WaitStrategy::kPark, .fence = fence});
    Publisher publisher = make_publisher(bus);
    for (int round = 0; round < 50; ++round) {
      TokenStream answer(publisher, kStream, cancel_after(100us));
      listen(bus).unsubscribe();
      EXPECT_TRUE(eventually([&] { return answer.stop_requested(); }));
    }
  }
}

TEST(LingerOfAThread, RunsStopCallbacksOnTheDispatchingThread) {
  Bus bus = thread_bus();
  Publisher publisher = make_publisher(bus);
  TokenStream answer(publisher, kStream, cancel_after(0ns));
  std::thread::id dispatching;
  std::thread::id stopping;
  std::atomic<bool> stopped{false};
  const std::stop_callback callback(answer.stop_token(), [&] {
    stopping = std::this_thread::get_id();
    stopped.store(true, std::memory_order_release);
  });
  Subscription listener =
      bus.subscribe({.types = kToken, .stream = kStream},
                    [&](const Event&) { dispatching = std::this_thread::get_id(); })
          .value();
  ASSERT_EQ(answer.token("a"), PublishResult::kAccepted);
  ASSERT_TRUE(bus.flush(kLong).ok());
  listener.unsubscribe();
  ASSERT_TRUE(eventually([&] { return stopped.load(std::memory_order_acquire); }));
  EXPECT_EQ(stopping, dispatching);
  EXPECT_NE(stopping, std::this_thread::get_id());
}

// The registry itself.

TEST(StreamRegistry, KeepsTheMemoryOfOrdinaryTextOnly) {
  core::StreamRegistry registry;
  core::StreamState& state = **registry.open(kStream, {});
  state.joined.assign(200, 'x');
  registry.close(state);
  ASSERT_EQ(*registry.open(kStream, {}), &state);
  EXPECT_GE(state.joined.capacity(), 200u) << "the next stream need not allocate";
  state.joined.assign(100'000, 'x');
  registry.close(state);
  EXPECT_LE(state.joined.capacity(), core::StreamState::kMostKeptBytes);
}

// Notes what comes of each stream, and whether it is a token and one end, again and again.
struct EndsNoted {
  struct Row {
    std::size_t streams = 0;
    bool is_open = false;
  };
  std::map<StreamId, Row> rows = {};
  std::size_t violations = 0;

  void operator()(const Event& event) {
    Row& row = rows[event.stream()];
    const bool begins = event.is(kToken);
    const Complete* const end = event.get<Complete>();
    const bool cancelled = end != nullptr && end->finish_reason == FinishReason::kCancelled;
    violations += begins == row.is_open || begins == cancelled ? 1 : 0;
    row.is_open = begins;
    row.streams += begins ? 1 : 0;
  }
};

// Threads open, cancel and listen at once; every stream ends once, with what it was asked for.
TEST(StreamRegistry, StandsManyThreads) {
  Bus bus = thread_bus();
  EndsNoted noted;
  const Subscription keeper =  // of no stream by name, so that it keeps none open
      bus.subscribe({.types = kToken | kComplete | kError}, std::ref(noted)).value();
  std::atomic<bool> done{false};
  std::vector<std::jthread> threads;
  threads.emplace_back([&] {
    for (StreamId id = 1; !done.load(std::memory_order_relaxed); id = id % 8 + 1) {
      bus.cancel(id);
    }
  });
  threads.emplace_back([&] {
    for (StreamId id = 1; !done.load(std::memory_order_relaxed); id = id % 8 + 1) {
      listen(bus, id).unsubscribe();
    }
  });
  std::vector<std::jthread> producers;
  for (const StreamId first : {StreamId{1}, StreamId{5}}) {
    producers.emplace_back([&bus, first] {
      Publisher publisher = make_publisher(bus);
      for (int round = 0; round < 500; ++round) {
        TokenStream answer(publisher, first + static_cast<StreamId>(round % 4), cancel_after(0ns));
        EXPECT_TRUE(answer.status().ok()) << answer.status();
        EXPECT_EQ(answer.token("a"), PublishResult::kAccepted);
        const std::stop_token token = answer.stop_token();
        EXPECT_TRUE(eventually([&] { return answer.stop_requested(); }));
        EXPECT_TRUE(eventually([&] { return token.stop_requested(); }));
        EXPECT_EQ(answer.complete(), PublishResult::kAccepted);
      }
    });
  }
  producers.clear();
  done.store(true, std::memory_order_relaxed);
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(noted.violations, 0u);
  EXPECT_EQ(noted.rows.size(), 8u);
  for (const auto& [stream, row] : noted.rows) {
    EXPECT_EQ(row.streams, 500u / 4) << stream;
    EXPECT_FALSE(row.is_open) << stream;
  }
}

}  // namespace
}  // namespace herald
