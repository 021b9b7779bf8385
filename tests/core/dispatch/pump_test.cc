// Manual mode: Bus::pump and Bus::wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "herald/bus.h"
#include "herald/token_stream.h"
#include "support/buses.h"
#include "support/sleeper.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::Sleeper;
using support::Texts;
using support::thread_bus;
using testing::ElementsAre;
using Status = PumpResult::Status;

constexpr Filter kTokens{.types = kToken};

class Pump : public testing::Test {
 protected:
  void publish(std::initializer_list<std::string_view> texts) { publish_tokens(publisher_, texts); }

  Bus bus_ = manual_bus();
  Publisher publisher_ = make_publisher(bus_);
  Texts seen_;
  Subscription keeper_ = bus_.subscribe(kTokens, support::collect(seen_)).value();
};

TEST_F(Pump, OfNothingIsDone) {
  const PumpResult result = bus_.pump();
  EXPECT_EQ(result.status, Status::kDone);
  EXPECT_EQ(result.events, 0u);
  EXPECT_EQ(result.next_deadline, std::chrono::steady_clock::time_point::max());
}

TEST_F(Pump, DeliversAllThatWasAccepted) {
  publish({"a", "b"});
  ASSERT_EQ(bus_.publish(kToken, "c"), PublishResult::kAccepted);
  const PumpResult result = bus_.pump();
  EXPECT_EQ(result.status, Status::kDone);
  EXPECT_EQ(result.events, 3u);
  EXPECT_THAT(seen_, testing::UnorderedElementsAre("a", "b", "c"));
}

TEST_F(Pump, MayTakeManyRounds) {
  Bus bus = manual_bus({.batch_events = 3});
  Publisher publisher = make_publisher(bus);
  for (int i = 0; i < 100; ++i) {
    publish_tokens(publisher, {"a"});
  }
  const PumpResult result = bus.pump();
  EXPECT_EQ(result.status, Status::kDone);
  EXPECT_EQ(result.events, 100u);
}

// max_events.

TEST_F(Pump, EndsAfterMaxEventsAndGoesOnWhereItWas) {
  publish({"a", "b", "c", "d", "e"});
  PumpResult result = bus_.pump({.max_events = 2});
  EXPECT_EQ(result.status, Status::kPartial);
  EXPECT_EQ(result.events, 2u);
  EXPECT_THAT(seen_, ElementsAre("a", "b"));
  EXPECT_EQ(bus_.stats().queued, 3u);
  EXPECT_TRUE(bus_.stats().conserved());
  result = bus_.pump({.max_events = 1});
  EXPECT_THAT(seen_, ElementsAre("a", "b", "c"));
  result = bus_.pump({.max_events = 2});
  EXPECT_EQ(result.status, Status::kDone) << "exactly all of them";
  EXPECT_EQ(result.events, 2u);
  EXPECT_THAT(seen_, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(bus_.pump({.max_events = 1}).events, 0u);
}

TEST_F(Pump, OrderSpansPumpsOfAnySize) {
  const std::size_t sizes[] = {1, 3, 255, 256, 257, 1'000};
  Texts expected;
  for (int i = 0; i < 3'000; ++i) {
    const std::string text = std::to_string(i);
    publish({text});
    expected.push_back(text);
  }
  for (std::size_t i = 0; seen_.size() < expected.size(); ++i) {
    bus_.pump({.max_events = sizes[i % std::size(sizes)]});
  }
  EXPECT_EQ(seen_, expected);
}

TEST_F(Pump, EventsInHandGoBeforeLaterOnes) {
  publish({"a", "b", "c"});
  bus_.pump({.max_events = 1});
  Publisher other = make_publisher(bus_);
  publish_tokens(other, {"x"});
  publish({"d"});
  bus_.pump();
  ASSERT_EQ(seen_.size(), 5u);
  EXPECT_EQ(seen_[1], "b");
  EXPECT_EQ(seen_[2], "c");
}

TEST_F(Pump, OfZeroEventsIsRefused) {
  publish({"a"});
  const PumpResult result = bus_.pump({.max_events = 0});
  EXPECT_EQ(result.status, Status::kRefused);
  EXPECT_EQ(result.events, 0u);
  EXPECT_TRUE(seen_.empty());
}

// Budget.

TEST_F(Pump, OverrunsItsBudgetByAtMostOneEvent) {
  auto slow = bus_.subscribe(kTokens, [](const Event&) { support::work_for(3ms); }).value();
  publish({"a", "b", "c", "d", "e", "f"});
  PumpResult result = bus_.pump({.budget = 1ms});
  EXPECT_EQ(result.status, Status::kPartial);
  EXPECT_EQ(result.events, 1u);
  result = bus_.pump({.budget = 1ms});
  EXPECT_EQ(result.events, 1u) << "a new pump has a new budget";
  result = bus_.pump({.budget = 1h});
  EXPECT_EQ(result.status, Status::kDone);
  EXPECT_EQ(seen_.size(), 6u);
}

TEST_F(Pump, KeepsItsBudgetWhileMiddlewareDrops) {
  std::size_t visits = 0;
  auto slow = bus_.use(kTokens,
                       [&](Event&, Emitter&) {
                         ++visits;
                         support::work_for(3ms);
                         return Verdict::kDrop;
                       })
                  .value();
  publish({"a", "b", "c", "d", "e", "f"});
  EXPECT_EQ(bus_.pump({.budget = 1ms}).status, Status::kPartial);
  EXPECT_EQ(visits, 1u);
}

TEST_F(Pump, KeepsItsBudgetWithoutLatency) {
  Bus bus = manual_bus({.latency = false});
  std::size_t calls = 0;
  auto slow = bus.subscribe(kTokens,
                            [&](const Event&) {
                              ++calls;
                              support::work_for(3ms);
                            })
                  .value();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  }
  EXPECT_EQ(bus.pump({.budget = 1ms}).status, Status::kPartial);
  EXPECT_EQ(calls, 1u);
}

TEST_F(Pump, MayHaveAVeryLongBudget) {
  for (const std::chrono::nanoseconds budget :
       {std::chrono::nanoseconds::max(), std::chrono::nanoseconds::max() / 2,
        std::chrono::nanoseconds(24h * 365 * 100)}) {
    publish({"a", "b"});
    const PumpResult result = bus_.pump({.budget = budget});
    EXPECT_EQ(result.status, Status::kDone);
    EXPECT_EQ(result.events, 2u);
  }
}

TEST_F(Pump, WithoutTimeIsRefused) {
  publish({"a"});
  EXPECT_EQ(bus_.pump({.budget = 0ns}).status, Status::kRefused);
  EXPECT_EQ(bus_.pump({.budget = -1ns}).status, Status::kRefused);
  EXPECT_TRUE(seen_.empty());
}

// What it takes.

TEST_F(Pump, TakesOnlyWhatWasAcceptedAtItsStart) {
  auto echo =
      bus_.subscribe(kTokens,
                     [&](const Event&) {
                       publish({"echo"});
                       EXPECT_EQ(bus_.publish(kToken, "shared echo"), PublishResult::kAccepted);
                       Publisher made = make_publisher(bus_, 1);
                       publish_tokens(made, {"new publisher's"});
                     })
          .value();
  publish({"a"});
  EXPECT_EQ(bus_.pump().events, 1u);
  EXPECT_EQ(bus_.pump().events, 3u);
  EXPECT_EQ(bus_.pump().events, 9u);
}

TEST_F(Pump, ACallbackThatPublishesDoesNotPreventItsEnd) {
  Bus bus = manual_bus({.batch_events = 1});
  Publisher publisher = make_publisher(bus);
  auto echo =
      bus.subscribe(kTokens, [&](const Event&) { publish_tokens(publisher, {"echo"}); }).value();
  publish_tokens(publisher, {"a", "b", "c"});
  EXPECT_EQ(bus.pump().events, 3u);
  EXPECT_EQ(bus.pump().events, 3u);
}

// Who may.

// The place that a stream keeps for its end is a ticket of the shared lane, but no event.
TEST_F(Pump, TakesNoMoreForTheStreamsThatWereOpen) {
  constexpr StreamId kStreams = 100;
  for (StreamId stream = 1; stream <= kStreams; ++stream) {
    TokenStream(bus_, stream).complete();
  }
  const TokenStream open(bus_, kStreams + 1);
  bus_.pump();
  Subscription echo =
      bus_.subscribe(kTokens, [this](const Event&) { bus_.publish(kToken, "echo"); }).value();
  bus_.publish(kToken, "a");
  EXPECT_EQ(bus_.pump().events, 1u);
  EXPECT_EQ(bus_.pump().events, 1u);
}

TEST_F(Pump, InACallbackIsRefused) {
  PumpResult nested;
  auto subscription = bus_.subscribe(kTokens, [&](const Event&) { nested = bus_.pump(); }).value();
  publish({"a", "b"});
  EXPECT_EQ(bus_.pump().events, 2u);
  EXPECT_EQ(nested.status, Status::kRefused);
  EXPECT_EQ(nested.events, 0u);
}

TEST_F(Pump, OfAnotherBusInACallbackIsAllowed) {
  Bus other = manual_bus();
  ASSERT_EQ(other.publish(kToken, "x"), PublishResult::kAccepted);
  std::uint64_t inner = 0;
  PumpResult innermost;
  auto of_other = other.subscribe(kTokens, [&](const Event&) { innermost = bus_.pump(); }).value();
  auto subscription =
      bus_.subscribe(kTokens, [&](const Event&) { inner = other.pump().events; }).value();
  publish({"a"});
  EXPECT_EQ(bus_.pump().events, 1u);
  EXPECT_EQ(inner, 1u);
  EXPECT_EQ(innermost.status, Status::kRefused) << "the outer bus is still dispatching here";
}

TEST_F(Pump, OnABusWithAThreadIsRefused) {
  Bus bus = thread_bus();
  EXPECT_EQ(bus.pump().status, Status::kRefused);
  EXPECT_FALSE(bus.wait(0ns));
}

TEST_F(Pump, ASecondThreadIsToldBusy) {
  std::binary_semaphore inside(0);
  std::binary_semaphore let_go(0);
  auto subscription = bus_.subscribe(kTokens,
                                     [&](const Event&) {
                                       inside.release();
                                       let_go.acquire();
                                     })
                          .value();
  publish({"a"});
  std::thread pumping([&] { EXPECT_EQ(bus_.pump().events, 1u); });
  inside.acquire();
  const PumpResult busy = bus_.pump();
  EXPECT_EQ(busy.status, Status::kBusy);
  EXPECT_EQ(busy.events, 0u);
  let_go.release();
  pumping.join();
  EXPECT_EQ(bus_.pump().status, Status::kDone);
}

// Commands and reports of other threads take the dispatch right for a moment; nobody pumps then.
TEST_F(Pump, IsNotBusyBecauseOfOtherCalls) {
  std::atomic<bool> enough{false};
  std::thread other([&] {
    while (!enough.load(std::memory_order_relaxed)) {
      static_cast<void>(bus_.stats());
      auto subscription = bus_.subscribe({.types = kInfo}, [](const Event&) {}).value();
    }
  });
  std::size_t busy = 0;
  for (int i = 0; i < 20'000; ++i) {
    busy += bus_.pump().status == Status::kBusy ? 1 : 0;
  }
  enough.store(true, std::memory_order_relaxed);
  other.join();
  EXPECT_EQ(busy, 0u);
}

TEST_F(Pump, SuccessivePumpsOfDifferentThreadsAreOrdered) {
  std::vector<int> written;  // no lock: pumps happen one after the other
  auto subscription =
      bus_.subscribe(kTokens,
                     [&](const Event&) { written.push_back(static_cast<int>(written.size())); })
          .value();
  std::vector<std::thread> threads;
  for (int who = 0; who < 4; ++who) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        static_cast<void>(bus_.publish(kToken, "a"));
        bus_.pump();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  bus_.pump();
  EXPECT_EQ(written.size(), 800u);
}

// Wait.

TEST_F(Pump, WaitWithoutEventsEndsAtItsTimeout) {
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(bus_.wait(2ms));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 2ms);
  EXPECT_FALSE(bus_.wait(0ns));
  EXPECT_FALSE(bus_.wait(-1s));
}

TEST_F(Pump, WaitReturnsAtOnceIfThereIsSomethingToPump) {
  publish({"a", "b"});
  EXPECT_TRUE(bus_.wait(0ns));
  EXPECT_TRUE(bus_.wait(std::chrono::nanoseconds::max()));
  bus_.pump({.max_events = 1});
  EXPECT_TRUE(bus_.wait(0ns)) << "one is still in hand";
  bus_.pump();
  EXPECT_FALSE(bus_.wait(0ns));
}

TEST_F(Pump, WaitIsEndedByAPublish) {
  for (int i = 0; i < 200; ++i) {
    std::thread publishing([&] {
      if (i % 2 == 0) {
        publish({"a"});
      } else {
        EXPECT_EQ(bus_.publish(kToken, "a"), PublishResult::kAccepted);
      }
    });
    std::uint64_t events = 0;
    while (events == 0) {  // wait() also ends for a publish that is still on its way
      ASSERT_TRUE(bus_.wait(kLong));
      events = bus_.pump().events;
    }
    EXPECT_EQ(events, 1u);
    publishing.join();
  }
  EXPECT_FALSE(bus_.wait(0ns));
}

// Whoever misses the ring for what it waits for finds it at its deadline.
void flush_in_time(Bus& bus) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(bus.flush(kLong).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kLong) << "only its deadline woke it";
}

// A bus on which another thread pumps: it stays in a callback until released.
class Pumped : public Pump {
 protected:
  Pumped() {
    publish({"a"});
    pumper_ = std::jthread([this] { bus_.pump(); });
    running_.acquire();
  }

  void release() { released_.release(); }
  void await_end_of_pump() { pumper_.join(); }

  // The time of the processor that this thread takes for `call`.
  template <typename Call>
  static std::chrono::nanoseconds cost_of(Call&& call) {
    const std::chrono::nanoseconds before = thread_time();
    call();
    return thread_time() - before;
  }

 private:
  static std::chrono::nanoseconds thread_time() {
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  std::binary_semaphore running_{0};
  std::binary_semaphore released_{0};
  Subscription blocker_ = bus_.subscribe(kTokens,
                                         [this](const Event& event) {
                                           if (event.text() == "a") {
                                             running_.release();
                                             EXPECT_TRUE(released_.try_acquire_for(2 * kLong));
                                           }
                                         })
                              .value();
  std::jthread pumper_;
};

TEST_F(Pumped, WaitSleeps) {
  EXPECT_LT(cost_of([this] { EXPECT_FALSE(bus_.wait(200ms)); }), 50ms);
  release();
}

TEST_F(Pumped, FlushSleeps) {
  EXPECT_LT(cost_of([this] { EXPECT_FALSE(bus_.flush(200ms).ok()); }), 50ms);
  release();
}

TEST_F(Pumped, WaitGoesOnWhenThePumpEnds) {
  Sleeper waiter([this] { EXPECT_TRUE(bus_.wait(kLong)) << "it still sleeps for the pump"; });
  EXPECT_TRUE(waiter.await_sleep());
  release();
  await_end_of_pump();
  publish({"b"});
}

TEST_F(Pumped, FlushGoesOnWhenThePumpEnds) {
  Sleeper flusher([this] { flush_in_time(bus_); });
  EXPECT_TRUE(flusher.await_sleep());
  release();
}

TEST(PumpedTwice, AFlushReturnsWhenItIsServedThoughThePumpGoesOn) {
  Bus bus = manual_bus({.batch_events = 1});
  Publisher publisher = make_publisher(bus);
  std::binary_semaphore running{0};
  std::binary_semaphore released{0};
  std::optional<Sleeper> flusher;
  const auto blocker = bus.subscribe(kTokens,
                                     [&](const Event& event) {
                                       if (event.text() != "b") {
                                         running.release();
                                         EXPECT_TRUE(released.try_acquire_for(2 * kLong));
                                       } else if (!flusher->is_here()) {
                                         EXPECT_TRUE(flusher->await_sleep());  // in the second pump
                                       }
                                     })
                           .value();
  publish_tokens(publisher, {"a", "b"});
  std::jthread pumper([&] {
    bus.pump({.max_events = 1});
    publish_tokens(publisher, {"c"});
    bus.pump();
  });
  running.acquire();
  flusher.emplace([&] { flush_in_time(bus); });  // for want of b alone
  EXPECT_TRUE(flusher->await_sleep());
  released.release();
  flusher->join();
  released.release();
}

TEST_F(Pump, WaitInACallbackReturnsAtOnce) {
  bool waited = true;
  auto subscription =
      bus_.subscribe(kTokens, [&](const Event&) { waited = bus_.wait(kLong); }).value();
  publish({"a", "b"});
  bus_.pump();
  EXPECT_FALSE(waited);
}

}  // namespace
}  // namespace herald
