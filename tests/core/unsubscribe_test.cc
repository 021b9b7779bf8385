// Leaving where mailboxes are: what is counted, who waits, and unsubscribe_async. Who may
// unsubscribe whom from where is in unsubscribe_matrix_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "support/buses.h"
#include "support/executors.h"
#include "support/mails.h"
#include "support/sleeper.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::adds_up;
using support::BusyMailbox;
using support::executor;
using support::kLong;
using support::manual_bus;
using support::publish_and_pump;
using support::Texts;
using support::thread_bus;
using testing::ElementsAre;

constexpr Filter kTokens{.types = kToken};

TEST(Unsubscribe, ItselfInItsCallOnAMailbox) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus);
  auto alive = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = alive;
  std::optional<Unsubscribed> result;
  std::size_t calls = 0;
  Subscription self;
  self = bus.subscribe(kTokens,
                       [&, alive = std::move(alive)](const Event&) {
                         ++calls;
                         result = self.unsubscribe();
                         EXPECT_FALSE(watched.expired());
                       },
                       {.deliver_on = mailbox})
             .value();
  publish_and_pump(bus, {"a", "b"});
  mailbox.drain();
  EXPECT_EQ(calls, 1u);
  EXPECT_EQ(result, Unsubscribed::kDone);
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(self.stats().detach_dropped, 1u);
  EXPECT_TRUE(adds_up(self.stats()));
}

TEST(Unsubscribe, ASiblingInACallOnTheSameMailbox) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus);
  auto alive = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = alive;
  Subscription sibling;
  std::size_t sibling_calls = 0;
  auto first = bus.subscribe(kTokens,
                             [&](const Event&) {
                               EXPECT_EQ(sibling.unsubscribe(), Unsubscribed::kDone);
                               EXPECT_TRUE(watched.expired());
                             },
                             {.deliver_on = mailbox});
  sibling = bus.subscribe(kTokens, [&, alive = std::move(alive)](const Event&) { ++sibling_calls; },
                          {.deliver_on = mailbox})
                .value();
  publish_and_pump(bus, {"a"});
  mailbox.drain();
  EXPECT_EQ(sibling_calls, 0u);
  EXPECT_EQ(sibling.stats().detach_dropped, 1u);
}

TEST(Unsubscribe, WaitsOnAnotherThreadForTheCallOnAMailbox) {
  Bus bus = thread_bus();
  BusyMailbox busy(bus);
  busy.begin(bus);
  EXPECT_FALSE(busy.subscription.unsubscribe_for(1ms));
  EXPECT_FALSE(busy.watched.expired());
  support::Sleeper leaver([&] {
    EXPECT_EQ(busy.subscription.unsubscribe(), Unsubscribed::kDone);
    EXPECT_TRUE(busy.ended.load(std::memory_order_relaxed));
    EXPECT_TRUE(busy.watched.expired());
  });
  ASSERT_TRUE(leaver.await_sleep());
  busy.let_go();
  leaver.join();
}

// Nothing is running there: there is nothing to wait for.
TEST(Unsubscribe, IsDoneForAnIdleMailbox) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus);
  auto subscription =
      bus.subscribe({.types = kInfo}, [](const Event&) { FAIL(); }, {.deliver_on = mailbox})
          .value();
  bus.publish(kInfo, "for nobody");
  auto leaver = bus.subscribe(
      kTokens, [&](const Event&) { EXPECT_EQ(subscription.unsubscribe(), Unsubscribed::kDone); });
  publish_and_pump(bus, {"leave"});
  mailbox.drain();
  EXPECT_EQ(subscription.stats().detach_dropped, 1u);
}

// A subscriber of the dispatching thread, unsubscribed from a call on a mailbox: its thread waits
// for the fan-out that is under way, as any other.
TEST(Unsubscribe, WaitsOnAMailboxForTheDispatcher) {
  Bus bus = thread_bus();
  Mailbox mailbox = executor(bus);
  std::binary_semaphore entered{0};
  std::binary_semaphore let_go{0};
  std::atomic<bool> ended{false};
  auto slow = bus.subscribe(kTokens,
                            [&](const Event&) {
                              entered.release();
                              let_go.acquire();
                              ended.store(true, std::memory_order_relaxed);
                            })
                  .value();
  auto leaver = bus.subscribe({.types = kInfo},
                              [&](const Event&) {
                                EXPECT_EQ(slow.unsubscribe(), Unsubscribed::kDone);
                                EXPECT_TRUE(ended.load(std::memory_order_relaxed));
                              },
                              {.deliver_on = mailbox});
  bus.publish(kInfo, "leave");
  ASSERT_TRUE(bus.flush(kLong).ok());
  bus.publish(kToken, "x");
  entered.acquire();
  support::Sleeper drainer([&] { mailbox.drain(); });
  ASSERT_TRUE(drainer.await_sleep());
  let_go.release();
  drainer.join();
}

TEST(Unsubscribe, TwoLeaveEachOtherFromTwoMailboxesAtOnce) {
  Bus bus = thread_bus();
  Mailbox one = executor(bus);
  Mailbox two = executor(bus);
  Subscription on_one;
  Subscription on_two;
  std::binary_semaphore first_in{0};
  std::binary_semaphore second_in{0};
  std::optional<Unsubscribed> results[2];
  on_one = bus.subscribe(kTokens,
                         [&](const Event&) {
                           first_in.release();
                           second_in.acquire();
                           results[0] = on_two.unsubscribe();
                         },
                         {.deliver_on = one})
               .value();
  on_two = bus.subscribe(kTokens,
                         [&](const Event&) {
                           second_in.release();
                           first_in.acquire();
                           results[1] = on_one.unsubscribe();
                         },
                         {.deliver_on = two})
               .value();
  bus.publish(kToken, "x");
  ASSERT_TRUE(bus.flush(kLong).ok());
  {
    std::jthread first([&] { one.drain(); });
    std::jthread second([&] { two.drain(); });
  }
  for (const std::optional<Unsubscribed>& result : results) {
    EXPECT_TRUE(result.has_value());
  }
  bus.publish(kToken, "nobody");
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(one.drain().events + two.drain().events, 0u);
}

// unsubscribe_async.

TEST(UnsubscribeAsync, TellsAfterTheCallOnAMailbox) {
  Bus bus = thread_bus();
  BusyMailbox busy(bus);
  busy.begin(bus);
  std::atomic<bool> done{false};
  busy.subscription.unsubscribe_async([&] {
    EXPECT_TRUE(busy.ended.load(std::memory_order_relaxed));
    EXPECT_TRUE(busy.watched.expired());
    done.store(true, std::memory_order_relaxed);
  });
  EXPECT_FALSE(busy.subscription.active());
  EXPECT_FALSE(done.load(std::memory_order_relaxed));
  busy.let_go();
  EXPECT_TRUE(support::eventually([&] { return done.load(std::memory_order_relaxed); }));
}

TEST(UnsubscribeAsync, TellsAtOnceIfNothingRuns) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus);
  auto on_mailbox = bus.subscribe(kTokens, [](const Event&) {}, {.deliver_on = mailbox}).value();
  auto on_dispatcher = bus.subscribe(kTokens, [](const Event&) {}).value();
  std::size_t done = 0;
  on_mailbox.unsubscribe_async([&] { ++done; });
  on_dispatcher.unsubscribe_async([&] { ++done; });
  EXPECT_EQ(done, 2u);
  on_dispatcher.unsubscribe_async([&] { ++done; });
  EXPECT_EQ(done, 3u);
}

TEST(UnsubscribeAsync, TellsAfterTheOwnCall) {
  Bus bus = manual_bus();
  auto alive = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = alive;
  Texts words;
  Subscription self;
  self = bus.subscribe(kTokens,
                       [&, alive = std::move(alive)](const Event& event) {
                         self.unsubscribe_async([&] {
                           EXPECT_TRUE(watched.expired());
                           words.push_back("done");
                         });
                         words.emplace_back(event.text());
                       })
             .value();
  publish_and_pump(bus, {"a", "b"});
  EXPECT_THAT(words, ElementsAre("a", "done"));
}

TEST(UnsubscribeAsync, DoesNotWaitForTheDispatcher) {
  Bus bus = thread_bus();
  std::binary_semaphore entered{0};
  std::binary_semaphore let_go{0};
  auto slow = bus.subscribe(kTokens,
                            [&](const Event&) {
                              entered.release();
                              let_go.acquire();
                            })
                  .value();
  bus.publish(kToken, "x");
  entered.acquire();
  std::atomic<bool> done{false};
  slow.unsubscribe_async([&] { done.store(true, std::memory_order_relaxed); });
  EXPECT_FALSE(done.load(std::memory_order_relaxed));
  let_go.release();
  EXPECT_TRUE(support::eventually([&] { return done.load(std::memory_order_relaxed); }));
}

TEST(UnsubscribeAsync, InACallbackIsOverBeforeTheNextEventOfItsType) {
  Bus bus = support::manual_bus({.latency = false});
  bool over = false;
  std::vector<bool> seen;
  Subscription leaver;
  leaver = bus.subscribe({.types = kToken},
                         [&](const Event&) { leaver.unsubscribe_async([&over] { over = true; }); })
               .value();
  const auto other =
      bus.subscribe({.types = kToken}, [&](const Event&) { seen.push_back(over); }).value();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  }
  bus.pump();
  EXPECT_EQ(seen, (std::vector<bool>{false, true, true}));
}

}  // namespace
}  // namespace herald
