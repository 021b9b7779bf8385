// Subscribers that are called where a mailbox is drained.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <semaphore>
#include <span>
#include <string>
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
using support::pop_all;
using support::publish_and_pump;
using support::Texts;
using support::thread_bus;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Filter kTokens{.types = kToken};

// Calls.

TEST(DeliverOn, CallsWhereTheMailboxIsDrained) {
  Bus bus = thread_bus();
  Mailbox main_thread = executor(bus);
  std::thread::id called_on;
  auto subscription =
      bus.subscribe(kTokens, [&](const Event&) { called_on = std::this_thread::get_id(); },
                    {.deliver_on = main_thread});
  bus.publish(kToken, "x");
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(called_on, std::thread::id());
  EXPECT_EQ(main_thread.depth(), 1u);
  EXPECT_EQ(main_thread.drain().events, 1u);
  EXPECT_EQ(called_on, std::this_thread::get_id());
}

TEST(DeliverOn, EventsKeepTheirOrderAmongAll) {
  Bus bus = manual_bus();
  Mailbox mailbox = bus.mailbox(kTokens).value();
  Texts words;
  const auto note = [&](std::string who) {
    return [&words, who](const Event& event) { words.push_back(who + std::string(event.text())); };
  };
  auto first = bus.subscribe(kTokens, note("1"), {.deliver_on = mailbox});
  auto second = bus.subscribe(kTokens, note("2"), {.deliver_on = mailbox});
  publish_and_pump(bus, {"a", "b"});
  while (std::optional<Mailbox::Mail> mail = mailbox.try_pop()) {
    words.push_back(support::word_of(*mail));
  }
  EXPECT_THAT(words, ElementsAre("a", "1a", "2a", "b", "1b", "2b"));
}

TEST(DeliverOn, TypedAndBatchSubscribersToo) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus);
  Texts words;
  auto typed =
      bus.subscribe(kToken, [&](std::string_view text, const Event&) { words.emplace_back(text); },
                    {.deliver_on = mailbox});
  auto batch = bus.subscribe_batch(
      kTokens,
      [&](std::span<const Event> events) {
        words.push_back(std::to_string(events.size()) + std::string(events[0].text()));
      },
      {.deliver_on = mailbox});
  publish_and_pump(bus, {"a", "b"});
  mailbox.drain();
  EXPECT_THAT(words, ElementsAre("a", "1a", "b", "1b"));
}

TEST(DeliverOn, TheMailboxCannotBeDrainedInItsOwnCall) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus);
  DrainResult nested;
  std::optional<Mailbox::Mail> popped;
  auto subscription = bus.subscribe(kTokens,
                                    [&](const Event&) {
                                      nested = mailbox.drain();
                                      popped = mailbox.pop_for(kLong);
                                    },
                                    {.deliver_on = mailbox});
  publish_and_pump(bus, {"a"});
  mailbox.drain();
  EXPECT_EQ(nested.status, DrainResult::Status::kRefused);
  EXPECT_EQ(popped, std::nullopt);
}

// A publish that would wait for the dispatcher, which waits for this very thread.
TEST(DeliverOn, ACallOfABlockingMailboxNeverWaitsForALane) {
  Bus bus = thread_bus();
  Mailbox mailbox = executor(bus, 1, MailboxOverflow::kBlock);
  Publisher publisher = support::make_publisher(bus, 1);
  std::size_t full = 0;
  std::size_t calls = 0;
  auto subscription =
      bus.subscribe(kTokens,
                    [&](const Event&) {
                      ++calls;
                      for (int i = 0; i < 8 && calls < 4; ++i) {
                        full += publisher.publish(kToken, "more") == PublishResult::kFull ? 1 : 0;
                      }
                    },
                    {.deliver_on = mailbox});
  publisher.publish(kToken, "first");
  EXPECT_TRUE(support::eventually([&] {
    mailbox.drain();
    return calls >= 4;
  }));
  EXPECT_GT(full, 0u);
}

// Notices.

TEST(DeliverOn, LossesAreToldToThoseWhoHadThem) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus, 2, MailboxOverflow::kDropOldest);
  Texts words;
  const auto note = [&](std::string who) {
    return [&words, who](const Event& event) { words.push_back(who + std::string(event.text())); };
  };
  const auto told = [&](std::string who) {
    return [&words, who](const Notice& notice) { words.push_back(who + support::word_of(notice)); };
  };
  auto all =
      bus.subscribe(kTokens, note("all "), {.deliver_on = mailbox, .on_notice = told("all ")})
          .value();
  auto one = bus.subscribe(kToken, 1, [&](std::string_view, const Event&) {},
                           {.deliver_on = mailbox, .on_notice = told("one ")})
                 .value();
  bus.publish(kToken, "a", {.stream = 1});
  bus.publish(kToken, "b");
  bus.publish(kToken, "c");
  bus.pump();  // all a, one a, all b, all c
  mailbox.drain();
  EXPECT_THAT(words, ElementsAre("all lagged 1", "all b", "all c", "one lagged 1"));
  EXPECT_TRUE(adds_up(all.stats()));
  EXPECT_TRUE(adds_up(one.stats()));
  EXPECT_EQ(one.stats().overflow_dropped, 1u);
}

TEST(DeliverOn, AllAreToldOfADisconnection) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus, 1, MailboxOverflow::kDisconnect);
  Texts words;
  auto subscription =
      bus.subscribe(kTokens, support::collect(words),
                    {.deliver_on = mailbox,
                     .on_notice =
                         [&](const Notice& notice) { words.push_back(support::word_of(notice)); }})
          .value();
  publish_and_pump(bus, {"a", "b", "c"});
  EXPECT_EQ(mailbox.drain().status, DrainResult::Status::kEnded);
  EXPECT_THAT(words, ElementsAre("lagged 1", "a", "disconnected"));
  mailbox.drain();
  EXPECT_EQ(words.size(), 3u);
  EXPECT_TRUE(subscription.active());
  EXPECT_EQ(subscription.unsubscribe(), Unsubscribed::kDone);
  EXPECT_TRUE(adds_up(subscription.stats()));
}

// Refusals.

TEST(DeliverOn, RefusesAMailboxOfAnotherBus) {
  Bus bus = manual_bus();
  Bus other = manual_bus();
  Mailbox mailbox = executor(other);
  support::expect_invalid(
      bus.subscribe(kTokens, [](const Event&) {}, {.deliver_on = mailbox}).status(),
      {"deliver_on", "another bus"});
}

TEST(DeliverOn, RefusesMoreSubscribersThanABlockingMailboxHasPlaces) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus, 2, MailboxOverflow::kBlock);
  const auto subscribe = [&] {
    return bus.subscribe(kTokens, [](const Event&) {}, {.deliver_on = mailbox});
  };
  auto first = subscribe();
  {
    auto second = subscribe();
    ASSERT_TRUE(second.ok());
    support::expect_refused(subscribe().status(), absl::StatusCode::kResourceExhausted,
                            {"deliver_on", "2 places"});
  }
  EXPECT_TRUE(subscribe().ok());
}

TEST(DeliverOn, IsTheDispatchingThreadAfterTheMailboxWasMovedAway) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus);
  Mailbox moved = std::move(mailbox);
  std::size_t calls = 0;
  auto subscription = bus.subscribe(kTokens, support::count_in(calls), {.deliver_on = Mailbox()});
  publish_and_pump(bus, {"a"});
  EXPECT_EQ(calls, 1u);
}

// Ends.

TEST(DeliverOn, NoCallRunsAfterTheBus) {
  std::optional<Bus> bus(thread_bus());
  std::weak_ptr<int> watched;
  Mailbox idle = executor(*bus);
  auto first_to_leave = bus->subscribe(kTokens,
                                       [&watched, alive = std::make_shared<int>(0)](const Event&) {
                                         watched = alive;
                                       },
                                       {.deliver_on = idle})
                            .value();
  std::optional<BusyMailbox> busy(std::in_place, *bus);
  busy->begin(*bus);
  idle.drain();
  EXPECT_FALSE(watched.expired());
  bus->publish(kToken, "never called with");
  support::Sleeper end([&] {
    bus.reset();
    EXPECT_TRUE(busy->ended.load(std::memory_order_relaxed));
    EXPECT_TRUE(busy->watched.expired());
  });
  // The end has sleeps of its own before it waits for calls on mailboxes, in their order.
  EXPECT_TRUE(support::eventually([&] { return watched.expired(); }));
  EXPECT_TRUE(end.await_sleep());
  busy->let_go();
  end.join();
  busy->join();
  EXPECT_EQ(busy->calls, 1u);
}

TEST(DeliverOn, ClosingTheMailboxUnsubscribesAll) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus);
  auto alive = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = alive;
  auto subscription = bus.subscribe(kTokens, [alive = std::move(alive)](const Event&) { FAIL(); },
                                    {.deliver_on = mailbox})
                          .value();
  publish_and_pump(bus, {"a"});
  mailbox.close();
  EXPECT_TRUE(watched.expired());
  EXPECT_TRUE(bus.stats().subscriptions.empty());
  EXPECT_EQ(subscription.unsubscribe(), Unsubscribed::kDone);
  EXPECT_EQ(subscription.stats().detach_dropped, 1u);
}

TEST(DeliverOn, ManyComeAndGoInBoundedMemory) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus, 4);
  const auto alive = std::make_shared<int>(0);
  for (int i = 0; i < 1'000; ++i) {
    auto subscription = bus.subscribe(kTokens, [alive](const Event&) {}, {.deliver_on = mailbox});
    publish_and_pump(bus, {"a"});
  }
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_LE(mailbox.depth(), 4u);
  mailbox.drain();
  EXPECT_EQ(mailbox.depth(), 0u);
}

}  // namespace
}  // namespace herald
