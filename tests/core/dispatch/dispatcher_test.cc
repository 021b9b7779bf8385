// The dispatcher: the total order, and what callbacks may do to the bus that calls them.
#include "core/dispatch/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::thread_bus;
using testing::ElementsAre;

constexpr Filter kTokens{.types = kToken};
constexpr Filter kEverything{.types = TypeMask::all()};

std::vector<std::uint64_t> one_to(std::size_t last) {
  std::vector<std::uint64_t> numbers(last);
  std::iota(numbers.begin(), numbers.end(), 1);
  return numbers;
}

auto collect_sequences(std::vector<std::uint64_t>& into) {
  return [&into](const Event& event) { into.push_back(event.sequence()); };
}

// The total order.

TEST(Sequence, IsDenseFromOneOverAllLanesAndTypes) {
  Bus bus = manual_bus({.batch_events = 3});
  std::vector<std::uint64_t> seen;
  auto subscription = bus.subscribe(kEverything, collect_sequences(seen)).value();
  Publisher one = make_publisher(bus);
  Publisher two = make_publisher(bus);
  for (int i = 0; i < 50; ++i) {
    publish_tokens(one, {"a"});
    ASSERT_EQ(two.publish(kMetrics, {}), PublishResult::kAccepted);
    ASSERT_EQ(bus.publish(kInfo, "b"), PublishResult::kAccepted);
    bus.pump({.max_events = 2});
  }
  bus.pump();
  EXPECT_EQ(seen, one_to(150));
  EXPECT_EQ(bus.stats().dispatched, 150u);
}

TEST(Sequence, CountsEventsThatNobodyWants) {
  Bus bus = manual_bus();
  std::vector<std::uint64_t> seen;
  auto subscription = bus.subscribe({.types = kInfo}, collect_sequences(seen)).value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  ASSERT_EQ(bus.publish(kInfo, "b"), PublishResult::kAccepted);
  bus.pump();
  EXPECT_THAT(seen, ElementsAre(2));
}

TEST(Sequence, IsDenseThoughMiddlewareDropsAndEmits) {
  Bus bus = manual_bus();
  std::vector<std::uint64_t> seen;
  auto subscription = bus.subscribe(kEverything, collect_sequences(seen)).value();
  auto guard = bus.use(kTokens,
                       [n = 0](Event&, Emitter& emitter) mutable {
                         if (++n % 3 == 0) {
                           return Verdict::kDrop;
                         }
                         EXPECT_TRUE(emitter.emit_before(kInfo, "before"));
                         EXPECT_TRUE(emitter.emit_after(kMetrics, {}));
                         return Verdict::kPass;
                       })
                   .value();
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
    ASSERT_EQ(bus.publish(kMetrics, {}), PublishResult::kAccepted);
  }
  bus.pump();
  EXPECT_EQ(seen, one_to(20 * 3 + 30));
}

// Events of one type are stamped several at a time.
TEST(Sequence, IsNotAheadOfTheCallThatIsRunning) {
  constexpr std::uint64_t kEvents = 200;
  Bus bus = manual_bus({.latency = false});
  auto subscription = bus.subscribe(kTokens,
                                    [&](const Event& event) {
                                      EXPECT_EQ(bus.stats().dispatched, event.sequence());
                                      EXPECT_TRUE(bus.stats().conserved());
                                    })
                          .value();
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  }
  EXPECT_EQ(bus.pump().events, kEvents);
}

TEST(Sequence, IsDenseThoughMiddlewareComesAmongEventsOfOneType) {
  constexpr std::uint64_t kBefore = 5;
  Bus bus = manual_bus({.latency = false});
  std::vector<std::uint64_t> seen;
  std::optional<Subscription> guard;
  auto subscription =
      bus.subscribe(kTokens,
                    [&](const Event& event) {
                      seen.push_back(event.sequence());
                      if (event.sequence() == kBefore) {
                        guard = bus.use(kTokens,
                                        [n = 0](Event&, Emitter&) mutable {
                                          return ++n % 2 == 0 ? Verdict::kPass : Verdict::kDrop;
                                        })
                                    .value();
                      }
                    })
          .value();
  for (int i = 0; i < 25; ++i) {
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  }
  bus.pump();
  EXPECT_EQ(seen, one_to(kBefore + 10)) << "half of the other 20";
  EXPECT_EQ(bus.stats().dispatched, kBefore + 10);
}

TEST(Sequence, IsTheSameForAllSubscribers) {
  constexpr int kThreads = 3;
  constexpr int kEvents = 500;
  Bus bus = thread_bus();
  using Order = std::vector<std::pair<std::uint64_t, std::string>>;
  Order single, of_batch;
  const auto note = [](Order& into, const Event& event) {
    into.emplace_back(event.sequence(), std::string(event.text()));
  };
  auto one = bus.subscribe(kTokens, [&](const Event& event) { note(single, event); }).value();
  auto batch = bus.subscribe_batch(kTokens,
                                   [&](std::span<const Event> events) {
                                     for (const Event& event : events) {
                                       note(of_batch, event);
                                     }
                                   })
                   .value();
  std::vector<std::thread> threads;
  for (int who = 0; who < kThreads; ++who) {
    threads.emplace_back([&bus, who] {
      Publisher publisher = make_publisher(bus, 32);
      for (int i = 0; i < kEvents; ++i) {
        publish_tokens(publisher, {std::to_string(who) + '/' + std::to_string(i)});
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(single.size(), std::size_t{kThreads * kEvents});
  EXPECT_EQ(single, of_batch);
}

// What a subscriber with a handle sees is what happened before: subscribe, then publish, anywhere.
TEST(Dispatcher, DeliversToWhoeverSubscribedBeforeThePublish) {
  Bus bus = thread_bus();
  for (int i = 0; i < 500; ++i) {
    std::size_t calls = 0;
    auto subscription = bus.subscribe(kTokens, support::count_in(calls)).value();
    std::thread([&] { EXPECT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted); }).join();
    ASSERT_TRUE(bus.flush(kLong).ok());
    ASSERT_EQ(calls, 1u);
  }
}

TEST(Dispatcher, CallbacksOfABusRunOneAtATime) {
  Bus bus = manual_bus();
  std::atomic<bool> inside{false};
  int overlaps = 0;
  const auto check = [&](const Event&) {
    overlaps += inside.exchange(true, std::memory_order_relaxed) ? 1 : 0;
    std::this_thread::yield();
    inside.store(false, std::memory_order_relaxed);
  };
  auto subscription = bus.subscribe(kTokens, check).value();
  std::vector<std::thread> threads;
  for (int who = 0; who < 3; ++who) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        static_cast<void>(bus.publish(kToken, "a"));
        EXPECT_TRUE(bus.flush(kLong).ok());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(overlaps, 0);
  EXPECT_EQ(bus.stats().dispatched, 600u);
}

// In a callback.

class InACallback : public testing::TestWithParam<DispatchMode> {
 protected:
  // Publishes one event and lets `act` run in its callback.
  template <typename Act>
  void run(Act act) {
    bool ran = false;
    auto subscription = bus_.subscribe({.types = kInfo},
                                       [&](const Event& event) {
                                         ran = true;
                                         act(event);
                                       })
                            .value();
    ASSERT_EQ(bus_.publish(kInfo, "go"), PublishResult::kAccepted);
    ASSERT_TRUE(bus_.flush(kLong).ok());
    EXPECT_TRUE(ran);
  }

  Bus bus_ = thread_bus({.dispatch = GetParam()});
};
INSTANTIATE_TEST_SUITE_P(Modes, InACallback,
                         testing::Values(DispatchMode::kThread, DispatchMode::kManual),
                         [](const auto& mode) {
                           return mode.param == DispatchMode::kThread ? "Thread" : "Manual";
                         });

TEST_P(InACallback, StatsAndLatencyMayBeRead) {
  BusStats seen;
  LatencyReport latency;
  run([&](const Event&) {
    seen = bus_.stats();
    latency = bus_.latency();
  });
  EXPECT_EQ(seen.total.accepted, 1u);
  EXPECT_EQ(seen.subscriptions.size(), 1u);
  EXPECT_EQ(seen.dispatched, 1u);
  EXPECT_EQ(latency.all.wait.count(), 0u) << "its latency is known when all have it";
}

TEST_P(InACallback, OnesOwnStatsMayBeRead) {
  std::uint64_t offered = 0;
  Subscription own;
  own = bus_.subscribe(kTokens, [&](const Event&) { offered = own.stats().offered; }).value();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_EQ(bus_.publish(kToken, "a"), PublishResult::kAccepted);
    ASSERT_TRUE(bus_.flush(kLong).ok());
    EXPECT_EQ(offered, i);
  }
}

TEST_P(InACallback, TypesMayBeDefined) {
  absl::StatusOr<EventType<int>> defined = absl::UnknownError("");
  run([&](const Event&) { defined = bus_.define<int>("late"); });
  ASSERT_TRUE(defined.ok()) << defined.status();
  int got = 0;
  auto subscription =
      bus_.subscribe(*defined, [&](int value, const Event&) { got = value; }).value();
  ASSERT_EQ(bus_.publish(*defined, 7), PublishResult::kAccepted);
  ASSERT_TRUE(bus_.flush(kLong).ok());
  EXPECT_EQ(got, 7);
}

TEST_P(InACallback, EverythingMayBeDoneAtOnce) {
  std::optional<Publisher> publisher = make_publisher(bus_, 4);
  std::vector<Subscription> made;
  run([&](const Event&) {
    made.push_back(bus_.subscribe(kTokens, [](const Event&) {}).value());
    made.push_back(bus_.use(kTokens, [](Event&, Emitter&) { return Verdict::kPass; }).value());
    EXPECT_TRUE(bus_.define<int>("late").ok());
    EXPECT_EQ(publisher->publish(kToken, "a"), PublishResult::kAccepted);
    publisher.reset();
    publisher = make_publisher(bus_, 4);
    EXPECT_EQ(publisher->publish(kToken, "b"), PublishResult::kAccepted);
    EXPECT_EQ(bus_.publish(kToken, "c"), PublishResult::kAccepted);
    made.erase(made.begin());
    EXPECT_FALSE(bus_.flush(0ns).ok());
    EXPECT_FALSE(bus_.drain(0ns).ok());
    bus_.close();
    EXPECT_EQ(bus_.publish(kToken, "d"), PublishResult::kClosed);
  });
  ASSERT_TRUE(bus_.flush(kLong).ok());
  made.clear();
  EXPECT_EQ(bus_.stats().dispatched, 4u);
  EXPECT_TRUE(bus_.stats().conserved());
}

TEST_P(InACallback, AnotherBusMayBeUsedAndDestroyed) {
  std::optional<Bus> other(thread_bus());
  std::size_t calls = 0;
  auto subscription = other->subscribe(kTokens, support::count_in(calls)).value();
  run([&](const Event&) {
    EXPECT_EQ(other->publish(kToken, "a"), PublishResult::kAccepted);
    EXPECT_TRUE(other->flush(kLong).ok());
    other.reset();
  });
  EXPECT_EQ(calls, 1u);
}

TEST_P(InACallback, WhatACallableDestroysCountsAsACallback) {
  struct FlushesAtItsEnd {
    Bus* bus;
    absl::Status* flushed;
    ~FlushesAtItsEnd() { *flushed = bus->flush(kLong); }
  };
  absl::Status flushed;
  Subscription victim;
  auto state = std::make_shared<FlushesAtItsEnd>(FlushesAtItsEnd{&bus_, &flushed});
  victim = bus_.subscribe(kTokens, [state = std::move(state)](const Event&) {}).value();
  flushed = absl::OkStatus();
  run([&](const Event&) { victim.unsubscribe(); });
  EXPECT_EQ(flushed.code(), absl::StatusCode::kFailedPrecondition) << "it would wait for itself";
}

// The dispatcher's own thread.

TEST(DispatchThread, HasItsNameAndRunsOnStartFirst) {
  std::string at_start;
  std::thread::id started_by;
  std::thread::id called_by;
  Bus bus = thread_bus({.thread = {.name = "fifteen.letters", .on_start = [&] {
                                     char name[16] = {};
                                     pthread_getname_np(pthread_self(), name, sizeof(name));
                                     at_start = name;
                                     started_by = std::this_thread::get_id();
                                   }}});
  auto subscription =
      bus.subscribe(kTokens, [&](const Event&) { called_by = std::this_thread::get_id(); }).value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(at_start, "fifteen.letters");
  EXPECT_EQ(called_by, started_by);
  EXPECT_NE(called_by, std::this_thread::get_id());
}

TEST(DispatchThread, StaysOnItsProcessorWhereverItsMakerIs) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  std::vector<unsigned> processors;
  for (unsigned each = 0; each < CPU_SETSIZE; ++each) {
    if (CPU_ISSET(each, &allowed)) {
      processors.push_back(each);
    }
  }
  cpu_set_t of_dispatcher;
  std::thread maker([&] {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(processors.front(), &first);
    ASSERT_EQ(sched_setaffinity(0, sizeof(first), &first), 0);
    Bus bus = thread_bus({.thread = {.processor = processors.back()}});
    auto subscription = bus.subscribe(kTokens,
                                      [&](const Event&) {
                                        sched_getaffinity(0, sizeof(of_dispatcher), &of_dispatcher);
                                      })
                            .value();
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
    ASSERT_TRUE(bus.flush(kLong).ok());
  });
  maker.join();
  EXPECT_EQ(CPU_COUNT(&of_dispatcher), 1);
  EXPECT_TRUE(CPU_ISSET(processors.back(), &of_dispatcher));
}

std::atomic<bool> handled{false};  // relaxed: a flag alone

TEST(DispatchThread, HandlesNoneOfTheHostsSignals) {
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_handler = [](int) { handled.store(true, std::memory_order_relaxed); };
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  Bus bus = thread_bus();
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGUSR1);
  sigset_t mask;
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &only, &mask), 0);  // From here on no other thread takes it.
  ASSERT_EQ(kill(getpid(), SIGUSR1), 0);
  auto subscription = bus.subscribe(kTokens, [](const Event&) {}).value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  ASSERT_TRUE(bus.flush(kLong).ok());
  const timespec now = {};
  EXPECT_EQ(sigtimedwait(&only, nullptr, &now), SIGUSR1) << "nobody has taken it";
  EXPECT_FALSE(handled.load(std::memory_order_relaxed));
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  sigaction(SIGUSR1, &before, nullptr);
}

class DispatchThreadWait
    : public testing::TestWithParam<std::tuple<WaitStrategy, Fence, std::chrono::nanoseconds>> {};
INSTANTIATE_TEST_SUITE_P(Strategies, DispatchThreadWait,
                         testing::Combine(testing::Values(WaitStrategy::kAdaptive,
                                                          WaitStrategy::kSpin, WaitStrategy::kPark),
                                          testing::Values(Fence::kAutomatic,
                                                          Fence::kSequentiallyConsistent),
                                          testing::Values(0ns, std::chrono::nanoseconds(50us))));

TEST_P(DispatchThreadWait, WakesForEachEvent) {
  const auto [wait, fence, spin] = GetParam();
  Bus bus = thread_bus({.wait = wait, .spin = spin, .fence = fence});
  std::size_t calls = 0;
  auto subscription = bus.subscribe(kTokens, support::count_in(calls)).value();
  Publisher publisher = make_publisher(bus, 4);
  for (std::size_t i = 1; i <= 200; ++i) {
    publish_tokens(publisher, {"a"});
    ASSERT_TRUE(bus.flush(kLong).ok());
    ASSERT_EQ(calls, i);
  }
  EXPECT_TRUE(wait == WaitStrategy::kSpin ? bus.stats().parks == 0 : true);
}

// Each token takes four calls of 6 ms and a round is 10 ms (dispatch_thread.cc), so rounds that
// only go on with one dispatch no event, and the thread looks into the lanes before the next.
TEST(DispatchThread, GivesEachLaneItsTurnHoweverLongTheEventsOfOneTake) {
  constexpr int kTokensBefore = 6;  // two batches, and what was under way
  Bus bus = thread_bus({.wait = WaitStrategy::kSpin, .batch_events = 2, .drain_on_destroy = 0ns});
  Publisher flooding = make_publisher(bus);
  Publisher quiet = make_publisher(bus);
  auto emitting = bus.use(kTokens,
                          [](Event&, Emitter& emitter) {
                            for (int i = 0; i < 3; ++i) {
                              EXPECT_TRUE(emitter.emit_after(kInfo, "info"));
                            }
                            return Verdict::kPass;
                          })
                      .value();
  std::atomic<int> tokens{0};  // Relaxed: a count, and the flag below orders nothing.
  std::atomic<bool> delivered{false};
  auto slow =
      bus.subscribe({.types = kToken | kInfo},
                    [&](const Event& event) {
                      if (!delivered.load(std::memory_order_relaxed)) {
                        tokens.fetch_add(event.is(kToken) ? 1 : 0, std::memory_order_relaxed);
                        std::this_thread::sleep_for(6ms);
                      }
                    })
          .value();
  auto metrics =
      bus.subscribe({.types = kMetrics},
                    [&](const Event&) { delivered.store(true, std::memory_order_relaxed); })
          .value();
  for (int i = 0; i < 64; ++i) {
    ASSERT_EQ(flooding.publish(kToken, "token"), PublishResult::kAccepted);
  }
  while (tokens.load(std::memory_order_relaxed) < 4) {  // from now on batches are whole
    std::this_thread::yield();
  }
  ASSERT_EQ(quiet.publish(kMetrics, {}), PublishResult::kAccepted);
  const int before = tokens.load(std::memory_order_relaxed);
  EXPECT_TRUE(support::eventually([&] { return delivered.load(std::memory_order_relaxed); }));
  EXPECT_LE(tokens.load(std::memory_order_relaxed), before + kTokensBefore);
}

TEST(DispatchThread, ParksWhenItIsIdle) {
  for (const WaitStrategy wait : {WaitStrategy::kAdaptive, WaitStrategy::kPark}) {
    const Bus bus = thread_bus({.wait = wait});
    // A report keeps the dispatcher awake, so it gets more and more time between two of them, and
    // a processor: on a loaded machine it may have to wait for one.
    std::chrono::milliseconds pause = 1ms;
    EXPECT_TRUE(support::eventually([&] {
      std::this_thread::sleep_for(pause);
      pause = std::min(2 * pause, std::chrono::milliseconds(1s));
      return bus.stats().parks != 0;
    }));
  }
}

}  // namespace
}  // namespace herald
