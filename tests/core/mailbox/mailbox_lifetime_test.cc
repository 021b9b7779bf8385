// Mailboxes that end in the middle of something: closed, destroyed and left from where they are
// drained, from callables that own them, from each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <semaphore>
#include <thread>

#include "support/buses.h"
#include "support/executors.h"
#include "support/mails.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::adds_up;
using support::executor;
using support::kLong;
using support::manual_bus;
using support::pop_all;
using support::publish_and_pump;
using support::Texts;
using support::thread_bus;
using support::word_of;
using testing::ElementsAre;

constexpr Filter kTokens{.types = kToken};

// Where it is drained.

TEST(MailboxLifetime, NothingIsGivenAfterItIsClosed) {
  Bus bus = manual_bus();
  Mailbox mailbox = bus.mailbox(kTokens).value();
  auto subscription =
      bus.subscribe(kTokens, [](const Event&) { FAIL(); }, {.deliver_on = mailbox}).value();
  publish_and_pump(bus, {"a", "b", "c"});
  Texts words;
  const DrainResult result = mailbox.drain([&](Mailbox::Mail& mail) {
    words.push_back(word_of(mail));
    mailbox.close();
  });
  EXPECT_THAT(words, ElementsAre("a", "closed"));
  EXPECT_EQ(result.status, DrainResult::Status::kEnded);
  EXPECT_EQ(mailbox.stats().detach_dropped, 2u);
  EXPECT_EQ(subscription.stats().detach_dropped, 3u);
  EXPECT_TRUE(adds_up(mailbox.stats()));
}

TEST(MailboxLifetime, MayBeDestroyedInItsOwnDrain) {
  Bus bus = manual_bus();
  std::optional<Mailbox> mailbox(bus.mailbox(kTokens).value());
  publish_and_pump(bus, {"a", "b"});
  Texts words;
  mailbox->drain([&](Mailbox::Mail& mail) {
    words.push_back(word_of(mail));
    mailbox.reset();
  });
  EXPECT_THAT(words, ElementsAre("a", "closed"));
  EXPECT_EQ(bus.stats().mailbox_bytes, 0u);
}

TEST(MailboxLifetime, MayBeDestroyedInACallThatItDelivers) {
  Bus bus = manual_bus();
  struct Session {
    std::optional<Mailbox> mailbox;
    Subscription subscription;
  };
  auto session = std::make_unique<Session>();
  session->mailbox.emplace(executor(bus));
  std::size_t calls = 0;
  session->subscription = bus.subscribe(kTokens,
                                        [&](const Event&) {
                                          ++calls;
                                          session.reset();
                                        },
                                        {.deliver_on = *session->mailbox})
                              .value();
  publish_and_pump(bus, {"a", "b"});
  session->mailbox->drain();
  EXPECT_EQ(calls, 1u);
  EXPECT_EQ(bus.stats().mailbox_bytes, 0u);
}

TEST(MailboxLifetime, WhatItHadForOthersMayGoWithIt) {
  Bus bus = manual_bus();
  Mailbox mailbox = bus.mailbox(kTokens).value();
  std::optional<Subscription> other(
      bus.subscribe(kTokens, [](const Event&) {}, {.deliver_on = mailbox}).value());
  publish_and_pump(bus, {"a", "b"});
  mailbox.drain([&](Mailbox::Mail&) {
    mailbox.close();
    other.reset();
  });
  EXPECT_EQ(mailbox.stats().detach_dropped, 1u);
}

TEST(MailboxLifetime, ADispatchersCallbackMayCloseIt) {
  Bus bus = manual_bus();
  Mailbox mailbox = bus.mailbox(kTokens).value();
  publish_and_pump(bus, {"a"});
  const DeliverOn where(mailbox);
  auto closer = bus.subscribe(kInfo, [&](const Info&, const Event&) {
    mailbox.close();
    support::expect_refused(
        bus.subscribe(kTokens, [](const Event&) {}, {.deliver_on = where}).status(),
        absl::StatusCode::kFailedPrecondition, {"ended"});
  });
  bus.publish(kInfo, "close");
  bus.pump();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("closed"));
  EXPECT_EQ(mailbox.stats().detach_dropped, 1u);
  EXPECT_EQ(mailbox.stats().queued, 0u);
}

// From what owns it.

TEST(MailboxLifetime, ACallableMayOwnTheMailboxItIsCalledOn) {
  Bus bus = manual_bus();
  auto owned = std::make_shared<Mailbox>(executor(bus));
  auto subscription =
      bus.subscribe(kTokens, [owned](const Event&) {}, {.deliver_on = *owned}).value();
  const std::weak_ptr<Mailbox> watched = owned;
  owned.reset();
  subscription.unsubscribe();
  EXPECT_TRUE(watched.expired());
}

TEST(MailboxLifetime, ACallableThatOwnsItsMailboxEndsWithTheBus) {
  std::optional<Bus> bus(manual_bus());
  auto owned = std::make_shared<Mailbox>(executor(*bus));
  auto subscription =
      bus->subscribe(kTokens, [owned](const Event&) {}, {.deliver_on = *owned}).value();
  const std::weak_ptr<Mailbox> watched = owned;
  owned.reset();
  bus.reset();
  EXPECT_TRUE(watched.expired());
}

TEST(MailboxLifetime, ACallableMayOwnItsOwnHandle) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus);
  auto handle = std::make_shared<Subscription>();
  *handle = bus.subscribe(kTokens, [handle](const Event&) {}, {.deliver_on = mailbox}).value();
  const std::weak_ptr<Subscription> watched = handle;
  handle.reset();
  mailbox.close();
  EXPECT_TRUE(watched.expired());
}

TEST(MailboxLifetime, TwoCloseEachOtherFromTheirCalls) {
  Bus bus = thread_bus();
  Mailbox one = executor(bus);
  Mailbox two = executor(bus);
  std::binary_semaphore first_in{0};
  std::binary_semaphore second_in{0};
  auto on_one = bus.subscribe(kTokens,
                              [&](const Event&) {
                                first_in.release();
                                second_in.acquire();
                                two.close();
                              },
                              {.deliver_on = one});
  auto on_two = bus.subscribe(kTokens,
                              [&](const Event&) {
                                second_in.release();
                                first_in.acquire();
                                one.close();
                              },
                              {.deliver_on = two});
  bus.publish(kToken, "x");
  ASSERT_TRUE(bus.flush(kLong).ok());
  const auto drain = [](Mailbox& mailbox) {
    const auto ignore = [](Mailbox::Mail&) {};
    mailbox.drain(ignore);
  };
  Mailbox& first = one;
  Mailbox& second = two;
  {
    std::jthread a([&] { drain(first); });
    std::jthread b([&] { drain(second); });
  }
  EXPECT_TRUE(bus.stats().subscriptions.empty());
}

// Left by others.

TEST(MailboxLifetime, ALateJoinerThatWaitedAndLeftHoldsNothingUp) {
  Bus bus = manual_bus({.replay_events = 8});
  publish_and_pump(bus, {"a", "b", "c"});
  Mailbox mailbox = executor(bus, 2, MailboxOverflow::kBlock);
  auto stays = bus.subscribe(kInfo, [](const Info&, const Event&) {}, {.deliver_on = mailbox});
  auto joiner =
      bus.subscribe(kTokens, [](const Event&) {}, {.replay = last(3), .deliver_on = mailbox})
          .value();
  EXPECT_EQ(bus.pump().status, PumpResult::Status::kBlocked);
  joiner.unsubscribe();
  bus.publish(kToken, "d");
  EXPECT_TRUE(bus.wait(0ns));
  EXPECT_EQ(bus.pump().status, PumpResult::Status::kDone);
}

TEST(MailboxLifetime, RefusesSubscribersOnceItHasEnded) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus, 1, MailboxOverflow::kDisconnect);
  const auto subscribe = [&](const DeliverOn& where) {
    return bus.subscribe(kTokens, [](const Event&) {}, {.deliver_on = where}).status();
  };
  const DeliverOn where(mailbox);
  auto subscription = bus.subscribe(kTokens, [](const Event&) {}, {.deliver_on = where});
  publish_and_pump(bus, {"a", "b"});
  support::expect_refused(subscribe(where), absl::StatusCode::kFailedPrecondition, {"ended"});
  mailbox.close();
  support::expect_refused(subscribe(where), absl::StatusCode::kFailedPrecondition, {"ended"});
}

// Bounds.

TEST(MailboxLifetime, PopForEndsThoughOthersAreCalledAllTheTime) {
  Bus bus = thread_bus();
  Mailbox mailbox = executor(bus);
  std::size_t calls = 0;
  auto endless = bus.subscribe(kTokens,
                               [&](const Event&) {
                                 ++calls;
                                 bus.publish(kToken, "again");
                               },
                               {.deliver_on = mailbox});
  bus.publish(kToken, "first");
  EXPECT_EQ(mailbox.pop_for(20ms), std::nullopt);
  EXPECT_GT(calls, 0u);
}

TEST(MailboxLifetime, TryPopEndsThoughOthersAreCalledAllTheTime) {
  Bus bus = manual_bus();
  Mailbox mailbox = executor(bus, 4);
  std::size_t calls = 0;
  auto endless = bus.subscribe(kTokens,
                               [&](const Event&) {
                                 ++calls;
                                 if (calls < 100) {
                                   publish_and_pump(bus, {"again"});
                                 }
                               },
                               {.deliver_on = mailbox});
  publish_and_pump(bus, {"first"});
  EXPECT_EQ(mailbox.try_pop(), std::nullopt);
  EXPECT_EQ(calls, 4u);
}

// It would wait for the dispatcher, which waits for this thread.
TEST(MailboxLifetime, WhoDrainsABlockingOneNeverWaitsForALane) {
  Bus bus = thread_bus();
  Mailbox mailbox =
      bus.mailbox(kTokens, {.capacity_events = 1, .overflow = MailboxOverflow::kBlock}).value();
  Publisher publisher = support::make_publisher(bus, 1);
  std::size_t full = 0;
  publisher.publish(kToken, "first");
  EXPECT_TRUE(support::eventually([&] {
    mailbox.drain(
        [&](Mailbox::Mail&) {
          for (int i = 0; i < 4; ++i) {
            full += publisher.publish(kToken, "more") == PublishResult::kFull ? 1 : 0;
          }
        },
        {.max_events = 1});
    return full > 0;
  }));
}

}  // namespace
}  // namespace herald
