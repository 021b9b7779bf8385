// Leaving: when a callable is called no more, and when it is gone.
#include "herald/subscription.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::kLong;
using support::manual_bus;
using support::thread_bus;

constexpr Filter kTokens{.types = kToken};

static_assert(!std::is_copy_constructible_v<Subscription> &&
              std::is_nothrow_move_constructible_v<Subscription> &&
              std::is_nothrow_move_assignable_v<Subscription>);

void publish_and_pump(Bus& bus) {
  ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  bus.pump();
}

// Handles.

TEST(Subscription, EmptyDoesNothing) {
  Subscription subscription;
  EXPECT_FALSE(subscription.active());
  subscription.unsubscribe();
  EXPECT_TRUE(subscription.unsubscribe_for(0ns));
  EXPECT_EQ(subscription.stats().id, 0u);
  EXPECT_EQ(subscription.stats().offered, 0u);
}

TEST(Subscription, DestructionRemoves) {
  Bus bus = manual_bus();
  std::size_t calls = 0;
  {
    auto subscription = bus.subscribe(kTokens, support::count_in(calls)).value();
    EXPECT_TRUE(subscription.active());
    publish_and_pump(bus);
  }
  publish_and_pump(bus);
  EXPECT_EQ(calls, 1u);
}

TEST(Subscription, UnsubscribeIsIdempotent) {
  Bus bus = manual_bus();
  std::size_t calls = 0;
  auto subscription = bus.subscribe(kTokens, support::count_in(calls)).value();
  subscription.unsubscribe();
  EXPECT_FALSE(subscription.active());
  subscription.unsubscribe();
  EXPECT_TRUE(subscription.unsubscribe_for(0ns));
  publish_and_pump(bus);
  EXPECT_EQ(calls, 0u);
}

TEST(Subscription, MovesWithoutACallLost) {
  Bus bus = manual_bus();
  std::size_t calls = 0;
  Subscription from = bus.subscribe(kTokens, support::count_in(calls)).value();
  Subscription to = std::move(from);
  EXPECT_FALSE(from.active());
  from.unsubscribe();
  EXPECT_EQ(from.stats().id, 0u);
  publish_and_pump(bus);
  EXPECT_EQ(calls, 1u);
  EXPECT_EQ(to.stats().delivered, 1u);
}

TEST(Subscription, AssignmentRemovesTheOverwrittenOne) {
  Bus bus = manual_bus();
  std::size_t first = 0;
  std::size_t second = 0;
  Subscription subscription = bus.subscribe(kTokens, support::count_in(first)).value();
  subscription = bus.subscribe(kTokens, support::count_in(second)).value();
  publish_and_pump(bus);
  EXPECT_EQ(first, 0u);
  EXPECT_EQ(second, 1u);
  Subscription& alias = subscription;
  subscription = std::move(alias);
  publish_and_pump(bus);
  EXPECT_EQ(second, 2u);
}

TEST(Subscription, StatsStayReadable) {
  std::optional<Bus> bus(manual_bus());
  auto subscription = bus->subscribe(kTokens, [](const Event&) {}, {.name = "name"}).value();
  publish_and_pump(*bus);
  for (int end = 0; end < 3; ++end) {
    const SubscriptionStats stats = subscription.stats();
    EXPECT_NE(stats.id, 0u);
    EXPECT_EQ(stats.name, "name");
    EXPECT_EQ(stats.offered, 1u);
    EXPECT_EQ(stats.delivered, 1u);
    if (end == 0) {
      subscription.unsubscribe();
    } else {
      bus.reset();
    }
  }
}

TEST(Subscription, OutlivesTheBus) {
  std::optional<Bus> bus(manual_bus());
  const auto state = std::make_shared<int>();
  auto subscription = bus->subscribe(kTokens, [state](const Event&) {}).value();
  auto middleware = bus->use(kTokens, [state](Event&, Emitter&) { return Verdict::kPass; }).value();
  bus.reset();
  EXPECT_EQ(state.use_count(), 1) << "callables end with the bus";
  subscription.unsubscribe();
  EXPECT_TRUE(middleware.unsubscribe_for(0ns));
}

// Captured state.

TEST(Subscription, StateIsDestroyedWhenUnsubscribeReturns) {
  for (const bool manual : {true, false}) {
    Bus bus = manual ? manual_bus() : thread_bus();
    const auto state = std::make_shared<int>();
    auto single = bus.subscribe(kTokens, [state](const Event&) {}).value();
    auto typed = bus.subscribe(kToken, [state](std::string_view, const Event&) {}).value();
    auto batch = bus.subscribe_batch(kTokens, [state](std::span<const Event>) {}).value();
    auto guard = bus.use(kTokens, [state](Event&, Emitter&) { return Verdict::kPass; }).value();
    ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
    EXPECT_EQ(state.use_count(), 5);
    single.unsubscribe();
    EXPECT_EQ(state.use_count(), 4);
    EXPECT_TRUE(typed.unsubscribe_for(kLong));
    EXPECT_EQ(state.use_count(), 3);
    batch.unsubscribe();
    EXPECT_EQ(state.use_count(), 2);
    guard = Subscription();
    EXPECT_EQ(state.use_count(), 1);
  }
}

// Counts its living copies, so that a second destruction shows.
struct Tracked {
  explicit Tracked(int& count) : living(&count) { ++*living; }
  Tracked(const Tracked& other) : living(other.living) { ++*living; }
  Tracked(Tracked&& other) noexcept : living(other.living) { ++*living; }
  ~Tracked() { --*living; }
  Tracked& operator=(const Tracked&) = delete;
  void operator()(const Event&) const {}

  int* living;
};

TEST(Subscription, StateIsDestroyedOnceHoweverItEnds) {
  int living = 0;
  {
    std::optional<Bus> bus(manual_bus());
    auto ended_by_hand = bus->subscribe(kTokens, Tracked(living)).value();
    auto ended_by_handle =
        std::make_optional<Subscription>(bus->subscribe(kTokens, Tracked(living)).value());
    auto ended_by_bus = bus->subscribe(kTokens, Tracked(living)).value();
    EXPECT_EQ(living, 3);
    ended_by_hand.unsubscribe();
    ended_by_handle.reset();
    EXPECT_EQ(living, 1);
    bus.reset();
    EXPECT_EQ(living, 0);
  }
  EXPECT_EQ(living, 0);
}

// Owns another subscription, or nothing.
struct Owner {
  std::unique_ptr<Subscription> owned;
  std::shared_ptr<int> state;
  void operator()(const Event&) const {}
};

// A chain of subscriptions: each one's callable owns the next one's handle.
Subscription make_chain(Bus& bus, int length, const std::shared_ptr<int>& state) {
  Subscription last;
  for (int i = 0; i < length; ++i) {
    auto owned = std::make_unique<Subscription>(std::move(last));
    last = bus.subscribe(kTokens, Owner{std::move(owned), state}).value();
  }
  return last;
}

TEST(Subscription, ACallableMayOwnOtherSubscriptions) {
  for (const bool manual : {true, false}) {
    Bus bus = manual ? manual_bus() : thread_bus();
    const auto state = std::make_shared<int>();
    Subscription chain = make_chain(bus, 10, state);
    EXPECT_EQ(state.use_count(), 11);
    chain.unsubscribe();
    EXPECT_EQ(state.use_count(), 1);
    EXPECT_TRUE(bus.stats().subscriptions.empty());
  }
}

TEST(Subscription, AChainRemovedInACallbackEndsWithThePump) {
  Bus bus = manual_bus();
  const auto state = std::make_shared<int>();
  Subscription chain = make_chain(bus, 10, state);
  auto remover =
      bus.subscribe({.types = kInfo}, [&](const Event&) { chain.unsubscribe(); }).value();
  ASSERT_EQ(bus.publish(kInfo, "go"), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(state.use_count(), 1);
}

TEST(Subscription, AChainEndsWithTheBus) {
  const auto state = std::make_shared<int>();
  {
    Subscription outlives;
    {
      Bus bus = manual_bus();
      outlives = make_chain(bus, 10, state);
    }
    EXPECT_EQ(state.use_count(), 1);
  }
  EXPECT_EQ(state.use_count(), 1);
}

TEST(Subscription, ACallableMayOwnItsOwnHandle) {
  const auto state = std::make_shared<int>();
  {
    Bus bus = manual_bus();
    auto own = std::make_shared<Subscription>();
    *own = bus.subscribe(kTokens, [own, state](const Event&) { own->unsubscribe(); }).value();
    own.reset();
    publish_and_pump(bus);
    EXPECT_EQ(state.use_count(), 1);
    auto never_called = std::make_shared<Subscription>();
    *never_called = bus.subscribe({.types = kInfo}, [never_called, state](const Event&) {}).value();
    never_called.reset();
  }
  EXPECT_EQ(state.use_count(), 1) << "the bus ends what nobody else can";
}

// In a callback.

// Subscribers 0, 1 and 2; the middle one runs `act` at its first call.
class LeavingInACallback : public testing::Test {
 protected:
  template <typename Act>
  void subscribe_all(Act act) {
    for (std::size_t i = 0; i < 3; ++i) {
      subscriptions_[i] = bus_.subscribe(kTokens,
                                         [this, act, i](const Event&) {
                                           ++calls_[i];
                                           if (i == 1 && calls_[1] == 1) {
                                             act();
                                           }
                                         })
                              .value();
    }
  }
  void expect_calls(std::size_t first, std::size_t second, std::size_t third) {
    EXPECT_THAT(calls_, testing::ElementsAre(first, second, third));
    for (std::size_t i = 0; i < 3; ++i) {
      const SubscriptionStats stats = subscriptions_[i].stats();
      EXPECT_EQ(stats.offered, calls_[i]) << i;
      EXPECT_EQ(stats.delivered, calls_[i]) << i;
    }
    EXPECT_EQ(bus_.stats().deliveries, first + second + third);
    EXPECT_TRUE(bus_.stats().conserved());
  }

  Bus bus_ = manual_bus();
  std::size_t calls_[3] = {};
  Subscription subscriptions_[3];
};

TEST_F(LeavingInACallback, OneselfEndsAfterTheCall) {
  subscribe_all([this] {
    subscriptions_[1].unsubscribe();
    EXPECT_FALSE(subscriptions_[1].active());
    subscriptions_[1].unsubscribe();
  });
  publish_and_pump(bus_);
  publish_and_pump(bus_);
  expect_calls(2, 1, 2);
}

TEST_F(LeavingInACallback, OneBeforeKeepsThisEvent) {
  subscribe_all([this] { subscriptions_[0].unsubscribe(); });
  publish_and_pump(bus_);
  publish_and_pump(bus_);
  expect_calls(1, 2, 2);
}

TEST_F(LeavingInACallback, OneBehindNeverGetsThisEvent) {
  subscribe_all([this] { EXPECT_TRUE(subscriptions_[2].unsubscribe_for(0ns)); });
  publish_and_pump(bus_);
  publish_and_pump(bus_);
  expect_calls(2, 2, 0);
}

TEST_F(LeavingInACallback, EverybodyMayBeRemoved) {
  subscribe_all([this] {
    for (Subscription& subscription : subscriptions_) {
      subscription.unsubscribe();
    }
  });
  publish_and_pump(bus_);
  publish_and_pump(bus_);
  expect_calls(1, 1, 0);
  EXPECT_TRUE(bus_.stats().subscriptions.empty());
}

TEST_F(LeavingInACallback, HandlesMayBeDestroyedOrOverwritten) {
  subscribe_all([this] {
    const Subscription gone = std::move(subscriptions_[2]);
    subscriptions_[0] = bus_.subscribe(kTokens, [](const Event&) {}).value();
  });
  publish_and_pump(bus_);
  publish_and_pump(bus_);
  EXPECT_THAT(calls_, testing::ElementsAre(1, 2, 0));
  EXPECT_EQ(bus_.stats().deliveries, 4u);
}

TEST_F(LeavingInACallback, TheCallableOutlivesItsCall) {
  const auto state = std::make_shared<int>(7);
  Subscription subscription;
  int read = 0;
  subscription = bus_.subscribe(kTokens,
                                [&read, &subscription, state](const Event&) {
                                  const long owners = state.use_count();
                                  subscription.unsubscribe();
                                  EXPECT_EQ(state.use_count(), owners);
                                  read = *state;
                                })
                     .value();
  publish_and_pump(bus_);
  EXPECT_EQ(read, 7);
  EXPECT_EQ(state.use_count(), 1);
}

TEST_F(LeavingInACallback, TheLastOfAStreamMayGo) {
  Subscription subscription;
  std::size_t calls = 0;
  subscription = bus_.subscribe({.types = kToken, .stream = 7},
                                [&](const Event&) {
                                  ++calls;
                                  subscription.unsubscribe();
                                })
                     .value();
  ASSERT_EQ(bus_.publish(kToken, "a", {.stream = 7}), PublishResult::kAccepted);
  ASSERT_EQ(bus_.publish(kToken, "b", {.stream = 7}), PublishResult::kAccepted);
  bus_.pump();
  EXPECT_EQ(calls, 1u);
  EXPECT_EQ(bus_.stats().deliveries, 1u);
}

TEST_F(LeavingInACallback, ABatchSubscriberGetsNoMore) {
  std::size_t in_batches = 0;
  auto batch = bus_.subscribe_batch(
                       kTokens, [&](std::span<const Event> events) { in_batches += events.size(); })
                   .value();
  auto remover = bus_.subscribe(kTokens,
                                [&](const Event& event) {
                                  if (event.text() == "b") {
                                    batch.unsubscribe();
                                  }
                                })
                     .value();
  Publisher publisher = support::make_publisher(bus_);
  support::publish_tokens(publisher, {"a", "b", "c"});
  bus_.pump();
  EXPECT_EQ(in_batches, 0u);
  EXPECT_EQ(batch.stats().offered, 0u);
  EXPECT_EQ(bus_.stats().deliveries, 3u);
}

TEST_F(LeavingInACallback, SubscribingSeesTheNextEventFirst) {
  std::vector<std::string> seen;
  Subscription made;
  auto maker =
      bus_.subscribe(kTokens,
                     [&](const Event& event) {
                       if (event.text() == "a") {
                         made = bus_.subscribe(kTokens,
                                               [&](const Event& e) { seen.emplace_back(e.text()); })
                                    .value();
                         EXPECT_TRUE(made.active());
                       }
                     })
          .value();
  ASSERT_EQ(bus_.publish(kToken, "a"), PublishResult::kAccepted);
  bus_.pump();
  EXPECT_TRUE(seen.empty());
  ASSERT_EQ(bus_.publish(kToken, "b"), PublishResult::kAccepted);
  bus_.pump();
  EXPECT_THAT(seen, testing::ElementsAre("b"));
}

TEST_F(LeavingInACallback, SubscribingAndLeavingAtOnceLeavesNothing) {
  const auto state = std::make_shared<int>();
  auto maker =
      bus_.subscribe(
              kTokens,
              [&](const Event&) {
                auto single = bus_.subscribe(kTokens, [state](const Event&) {}).value();
                auto guard =
                    bus_.use(kTokens, [state](Event&, Emitter&) { return Verdict::kDrop; }).value();
                single.unsubscribe();
              })
          .value();
  publish_and_pump(bus_);
  EXPECT_EQ(state.use_count(), 1);
  EXPECT_EQ(bus_.stats().subscriptions.size(), 1u);
  EXPECT_TRUE(bus_.stats().middleware.empty());
  publish_and_pump(bus_);
  EXPECT_EQ(bus_.stats().dispatched, 2u);
}

// On another thread.

// A dispatcher thread that is inside a callback until it is let go.
class LeavingOnAnotherThread : public testing::Test {
 protected:
  void SetUp() override {
    subscription_ = bus_.subscribe(kTokens,
                                   [this, state = state_](const Event&) {
                                     ++calls_;
                                     inside_.release();
                                     let_go_.acquire();
                                     done_.store(true, std::memory_order_release);
                                   })
                        .value();
    ASSERT_EQ(bus_.publish(kToken, "a"), PublishResult::kAccepted);
    inside_.acquire();
  }

  const std::shared_ptr<int> state_ = std::make_shared<int>();
  std::size_t calls_ = 0;
  std::binary_semaphore inside_{0};
  std::binary_semaphore let_go_{0};
  std::atomic<bool> done_{false};
  Bus bus_ = thread_bus();
  Subscription subscription_;
};

TEST_F(LeavingOnAnotherThread, WaitsForTheRunningCall) {
  std::thread releaser([this] {
    for (int i = 0; i < 1'000; ++i) {
      std::this_thread::yield();
    }
    let_go_.release();
  });
  subscription_.unsubscribe();
  EXPECT_TRUE(done_.load(std::memory_order_acquire));
  EXPECT_EQ(state_.use_count(), 1);
  releaser.join();
  ASSERT_EQ(bus_.publish(kToken, "b"), PublishResult::kAccepted);
  ASSERT_TRUE(bus_.flush(kLong).ok());
  EXPECT_EQ(calls_, 1u);
}

TEST_F(LeavingOnAnotherThread, ForATimeGivesUpAndMayBeTriedAgain) {
  for (const std::chrono::nanoseconds timeout :
       {std::chrono::nanoseconds(-1s), 0ns, std::chrono::nanoseconds(1ms)}) {
    EXPECT_FALSE(subscription_.unsubscribe_for(timeout));
    EXPECT_EQ(state_.use_count(), 2) << "the call still runs";
  }
  ASSERT_EQ(bus_.publish(kToken, "b"), PublishResult::kAccepted);
  let_go_.release();
  EXPECT_TRUE(subscription_.unsubscribe_for(std::chrono::nanoseconds::max()));
  EXPECT_FALSE(subscription_.active());
  EXPECT_EQ(state_.use_count(), 1);
  ASSERT_TRUE(bus_.flush(kLong).ok());
  EXPECT_EQ(calls_, 1u) << "the removal was under way before the second event";
}

// As it must where this thread holds the lock that the callback waits for.
TEST_F(LeavingOnAnotherThread, AfterGivingUpDestructionDoesNotWait) {
  EXPECT_FALSE(subscription_.unsubscribe_for(0ns));
  { const Subscription gone = std::move(subscription_); }
  subscription_ = Subscription();
  EXPECT_FALSE(done_.load(std::memory_order_acquire));
  EXPECT_EQ(state_.use_count(), 2) << "the running call still uses it";
  let_go_.release();
  EXPECT_TRUE(support::eventually([this] { return state_.use_count() == 1; }));
}

TEST(Subscription, MayBeRemovedByAnyThreadWhileNobodyPumps) {
  Bus bus = manual_bus();
  const auto state = std::make_shared<int>();
  std::size_t calls = 0;
  Subscription subscription =
      bus.subscribe(kTokens, [state, &calls](const Event&) { ++calls; }).value();
  Publisher publisher = support::make_publisher(bus);
  support::publish_tokens(publisher, {"a", "b"});
  bus.pump({.max_events = 1});
  std::thread([&] { subscription.unsubscribe(); }).join();
  EXPECT_EQ(state.use_count(), 1);
  bus.pump();
  EXPECT_EQ(calls, 1u);
}

TEST(Subscription, ACallbackOfAnotherBusMayRemove) {
  Bus one = thread_bus();
  Bus other = thread_bus();
  const auto state = std::make_shared<int>();
  Subscription victim = one.subscribe(kTokens, [state](const Event&) {}).value();
  auto remover = other.subscribe(kTokens, [&](const Event&) { victim.unsubscribe(); }).value();
  ASSERT_EQ(other.publish(kToken, "go"), PublishResult::kAccepted);
  ASSERT_TRUE(other.flush(kLong).ok());
  EXPECT_EQ(state.use_count(), 1);
}

TEST(Subscription, ComeAndGoWhileEventsFlow) {
  Bus bus = thread_bus();
  std::atomic<bool> enough{false};
  std::thread flood([&] {
    Publisher publisher = support::make_publisher(bus);
    while (!enough.load(std::memory_order_relaxed)) {
      publisher.publish(kToken, "text", {.stream = 1});
    }
  });
  for (int i = 0; i < 1'000; ++i) {
    int living = 0;  // would be written after its end if a call came late
    auto of_type = bus.subscribe(kTokens, [&living](const Event&) { ++living; }).value();
    auto of_stream =
        bus.subscribe({.types = kToken, .stream = 1}, [&living](const Event&) { ++living; })
            .value();
    auto guard = bus.use(kTokens,
                         [&living](Event&, Emitter&) {
                           ++living;
                           return Verdict::kPass;
                         })
                     .value();
    auto batch = bus.subscribe_batch(kTokens,
                                     [&living](std::span<const Event> events) {
                                       living += static_cast<int>(events.size());
                                     })
                     .value();
  }
  enough.store(true, std::memory_order_relaxed);
  flood.join();
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_TRUE(bus.stats().conserved());
}

TEST(Subscription, ManyAreRemovedInAnyOrder) {
  constexpr std::size_t kMany = 20'000;
  Bus bus = manual_bus();
  std::size_t calls = 0;
  std::vector<Subscription> subscriptions;
  for (std::size_t i = 0; i < kMany; ++i) {
    subscriptions.push_back(bus.subscribe(kTokens, support::count_in(calls)).value());
  }
  // Every second one in a callback, the rest outside.
  auto remover = bus.subscribe({.types = kInfo},
                               [&](const Event&) {
                                 for (std::size_t i = 0; i < kMany; i += 2) {
                                   subscriptions[(i * 7'919) % kMany].unsubscribe();
                                 }
                               })
                     .value();
  publish_and_pump(bus);
  EXPECT_EQ(calls, kMany);
  ASSERT_EQ(bus.publish(kInfo, "go"), PublishResult::kAccepted);
  publish_and_pump(bus);
  EXPECT_EQ(calls, kMany + kMany / 2);
  for (std::size_t i = 1; i < kMany; i += 2) {
    subscriptions[(i * 7'919) % kMany].unsubscribe();
  }
  publish_and_pump(bus);
  EXPECT_EQ(calls, kMany + kMany / 2);
  EXPECT_EQ(bus.stats().subscriptions.size(), 1u);
}

}  // namespace
}  // namespace herald
