// Mailboxes as their owners see them: policies, notices, waking, draining, ends.
#include "herald/mailbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "support/buses.h"
#include "support/mails.h"
#include "support/sleeper.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::adds_up;
using support::kLong;
using support::manual_bus;
using support::pop_all;
using support::publish_and_pump;
using support::thread_bus;
using support::word_of;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Filter kTexts{.types = kToken | kInfo | kComplete};

void publish(Bus& bus, std::string_view text, StreamId stream = 0) {
  ASSERT_EQ(bus.publish(kToken, text, {.stream = stream}), PublishResult::kAccepted);
}
void complete(Bus& bus, StreamId stream = 0) {
  ASSERT_EQ(bus.publish(kComplete, {}, {.stream = stream}), PublishResult::kAccepted);
  bus.pump();
}

Mailbox make(Bus& bus, std::size_t capacity,
             MailboxOverflow overflow = MailboxOverflow::kDropOldest) {
  return bus.mailbox(kTexts, {.capacity_events = capacity, .overflow = overflow}).value();
}

bool is_readable(int handle) {
  pollfd watched{handle, POLLIN, 0};
  return poll(&watched, 1, 0) == 1;
}

// Events.

TEST(Mailbox, GivesEventsInOrderThenNothing) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 4);
  EXPECT_EQ(mailbox.try_pop(), std::nullopt);
  publish_and_pump(bus, {"a", "b"});
  EXPECT_EQ(mailbox.depth(), 2u);
  EXPECT_THAT(pop_all(mailbox), ElementsAre("a", "b"));
  EXPECT_EQ(mailbox.depth(), 0u);
}

TEST(Mailbox, WrapsAroundManyTimes) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 3);
  for (int round = 0; round < 50; ++round) {
    const std::string text = std::to_string(round);
    publish_and_pump(bus, {text, text + "'"});
    EXPECT_THAT(pop_all(mailbox), ElementsAre(text, text + "'"));
  }
  EXPECT_EQ(mailbox.stats().delivered, 100u);
}

TEST(Mailbox, TakesOnlyWhatMatches) {
  Bus bus = manual_bus();
  Mailbox mailbox = bus.mailbox({.types = kToken, .stream = 7}).value();
  publish(bus, "other stream", 8);
  publish(bus, "mine", 7);
  complete(bus, 7);
  EXPECT_THAT(pop_all(mailbox), ElementsAre("mine"));
}

TEST(Mailbox, KeepsPayloadsThatAreBlocks) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 2);
  const std::string large(1000, 'x');
  publish_and_pump(bus, {"gone", large, large});
  EXPECT_THAT(pop_all(mailbox), ElementsAre("lagged 1", large, large));
  publish_and_pump(bus, {large});  // destroyed with it inside
}

// Policies.

TEST(Mailbox, DropsTheNewestAndTellsFirst) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 2, MailboxOverflow::kDropNewest);
  publish_and_pump(bus, {"a", "b", "c", "d"});
  EXPECT_THAT(pop_all(mailbox), ElementsAre("lagged 2", "a", "b"));
  publish_and_pump(bus, {"e"});
  EXPECT_THAT(pop_all(mailbox), ElementsAre("e"));
  const SubscriptionStats stats = mailbox.stats();
  EXPECT_EQ(stats.offered, 5u);
  EXPECT_EQ(stats.overflow_dropped, 2u);
  EXPECT_TRUE(adds_up(stats));
}

TEST(Mailbox, DropsTheOldestAndTellsFirst) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 2);
  publish_and_pump(bus, {"a", "b", "c", "d", "e"});
  EXPECT_EQ(mailbox.stats().queued, 2u);
  EXPECT_THAT(pop_all(mailbox), ElementsAre("lagged 3", "d", "e"));
  const SubscriptionStats stats = mailbox.stats();
  EXPECT_EQ(stats.delivered, 2u);
  EXPECT_EQ(stats.overflow_dropped, 3u);
  EXPECT_TRUE(adds_up(stats));
}

TEST(Mailbox, ConflatesByTypeAndStream) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 8, MailboxOverflow::kConflate);
  publish(bus, "one", 1);
  publish(bus, "two", 2);
  ASSERT_EQ(bus.publish(kInfo, "info", {.stream = 1}), PublishResult::kAccepted);
  publish(bus, "one again", 1);
  bus.pump();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("one again", "two", "info"));
  publish(bus, "once more", 1);
  bus.pump();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("once more"));
  const SubscriptionStats stats = mailbox.stats();
  EXPECT_EQ(stats.conflated, 1u);
  EXPECT_EQ(stats.overflow_dropped, 0u);
  EXPECT_TRUE(adds_up(stats));
}

// The documented result of fewer places than keys.
TEST(Mailbox, ConflatingDropsTheOldestOfTooManyKeys) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 2, MailboxOverflow::kConflate);
  for (StreamId stream = 1; stream <= 50; ++stream) {
    publish(bus, std::to_string(stream), stream);
  }
  bus.pump();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("lagged 48", "49", "50"));
  publish(bus, "50 again", 50);
  publish(bus, "50 at last", 50);
  bus.pump();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("50 at last"));
  EXPECT_TRUE(adds_up(mailbox.stats()));
}

TEST(Mailbox, ConflatingKeepsEveryTerminalEvent) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 8, MailboxOverflow::kConflate);
  complete(bus, 1);
  complete(bus, 1);
  EXPECT_THAT(pop_all(mailbox), ElementsAre("done", "done"));
}

TEST(Mailbox, DisconnectsWhenFull) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 2, MailboxOverflow::kDisconnect);
  publish_and_pump(bus, {"a", "b", "c", "d"});
  publish_and_pump(bus, {"e"});
  EXPECT_TRUE(bus.stats().subscriptions.empty());
  EXPECT_THAT(pop_all(mailbox), ElementsAre("lagged 1", "a", "b", "disconnected"));
  EXPECT_THAT(pop_all(mailbox), ElementsAre("disconnected"));
  const SubscriptionStats stats = mailbox.stats();
  EXPECT_EQ(stats.offered, 3u);  // what comes behind the one that did not fit is not offered
  EXPECT_TRUE(adds_up(stats));
}

TEST(Mailbox, DisconnectsRatherThanDropATerminalEvent) {
  for (const MailboxOverflow overflow :
       {MailboxOverflow::kDropNewest, MailboxOverflow::kDropOldest, MailboxOverflow::kConflate}) {
    Bus bus = manual_bus();
    Mailbox mailbox = make(bus, 2, overflow);
    complete(bus, 1);
    publish(bus, "a", 1);
    bus.pump();
    const bool oldest = overflow != MailboxOverflow::kDropNewest;
    oldest ? publish(bus, "b", 2) : complete(bus, 2);
    bus.pump();
    EXPECT_THAT(pop_all(mailbox), ElementsAre("lagged 1", "done", "a", "disconnected"));
    EXPECT_TRUE(adds_up(mailbox.stats()));
  }
}

// Waking.

TEST(Mailbox, PopForSleepsUntilThereIsSomething) {
  Bus bus = thread_bus();
  Mailbox mailbox = make(bus, 4);
  std::optional<Mailbox::Mail> mail;
  support::Sleeper owner([&] { mail = mailbox.pop_for(kLong); });
  ASSERT_TRUE(owner.await_sleep());
  publish(bus, "awake");
  owner.join();
  ASSERT_TRUE(mail.has_value());
  EXPECT_EQ(word_of(*mail), "awake");
}

TEST(Mailbox, PopForGivesUp) {
  Bus bus = thread_bus();
  Mailbox mailbox = make(bus, 4);
  EXPECT_EQ(mailbox.pop_for(0ns), std::nullopt);
  EXPECT_EQ(mailbox.pop_for(1ms), std::nullopt);
  EXPECT_EQ(mailbox.pop_for(-1ms), std::nullopt);
}

TEST(Mailbox, TheEndOfTheBusWakesItsOwner) {
  std::optional<Bus> bus(thread_bus());
  Mailbox mailbox = make(*bus, 4);
  std::optional<Mailbox::Mail> mail;
  support::Sleeper owner([&] { mail = mailbox.pop_for(kLong); });
  ASSERT_TRUE(owner.await_sleep());
  bus.reset();
  owner.join();
  ASSERT_TRUE(mail.has_value());
  EXPECT_EQ(word_of(*mail), "closed");
}

TEST(Mailbox, OutlivesItsBusWithWhatItHas) {
  std::optional<Bus> bus(manual_bus());
  Mailbox mailbox = make(*bus, 4);
  publish_and_pump(*bus, {"a", "b"});
  bus.reset();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("a", "b", "closed"));
  EXPECT_EQ(mailbox.stats().delivered, 2u);
}

TEST(Mailbox, ItsHandleIsReadableWhileThereIsSomething) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 4);
  publish_and_pump(bus, {"before"});
  const int handle = mailbox.native_handle().value();
  EXPECT_EQ(mailbox.native_handle().value(), handle);
  EXPECT_TRUE(is_readable(handle));
  EXPECT_THAT(pop_all(mailbox), ElementsAre("before"));
  EXPECT_FALSE(is_readable(handle));
  publish_and_pump(bus, {"a", "b"});
  EXPECT_TRUE(is_readable(handle));
  static_cast<void>(mailbox.try_pop());
  EXPECT_TRUE(is_readable(handle));
  EXPECT_THAT(pop_all(mailbox), ElementsAre("b"));
  EXPECT_FALSE(is_readable(handle));
}

TEST(Mailbox, ItsHandleStaysReadableAtTheEnd) {
  std::optional<Bus> bus(manual_bus());
  Mailbox mailbox = make(*bus, 4);
  const int handle = mailbox.native_handle().value();
  EXPECT_FALSE(is_readable(handle));
  bus.reset();
  EXPECT_TRUE(is_readable(handle));
  EXPECT_THAT(pop_all(mailbox), ElementsAre("closed"));
  EXPECT_TRUE(is_readable(handle));
}

TEST(Mailbox, ManyShareOneWaker) {
  Bus bus = manual_bus();
  const std::shared_ptr<Waker> waker = Waker::create().value();
  const auto of_stream = [&](StreamId stream) {
    return bus.mailbox({.types = kToken, .stream = stream}, {.waker = waker}).value();
  };
  Mailbox one = of_stream(1);
  Mailbox two = of_stream(2);
  EXPECT_FALSE(waker->wait_for(0ns));
  publish(bus, "one", 1);
  publish(bus, "two", 2);
  bus.pump();
  EXPECT_TRUE(waker->wait_for(kLong));
  EXPECT_THAT(pop_all(one), ElementsAre("one"));
  EXPECT_TRUE(is_readable(waker->native_handle()));
  EXPECT_THAT(pop_all(two), ElementsAre("two"));
  EXPECT_FALSE(is_readable(waker->native_handle()));
  {
    Mailbox gone = of_stream(3);
    publish(bus, "three", 3);
    bus.pump();
    EXPECT_TRUE(waker->wait_for(0ns));
  }
  EXPECT_FALSE(waker->wait_for(0ns));
}

TEST(Waker, WakesWhoWaits) {
  Bus bus = thread_bus();
  const std::shared_ptr<Waker> waker = Waker::create().value();
  Mailbox mailbox = bus.mailbox(kTexts, {.waker = waker}).value();
  std::atomic<bool> woken{false};
  support::Sleeper owner([&] { woken.store(waker->wait_for(kLong), std::memory_order_relaxed); });
  ASSERT_TRUE(owner.await_sleep());
  publish(bus, "awake");
  owner.join();
  EXPECT_TRUE(woken.load(std::memory_order_relaxed));
}

// Draining.

TEST(Mailbox, DrainsWithinItsLimits) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 8);
  publish_and_pump(bus, {"a", "b", "c"});
  support::Texts words;
  const auto keep = [&](Mailbox::Mail& mail) { words.push_back(word_of(mail)); };
  DrainResult result = mailbox.drain(keep, {.max_events = 2});
  EXPECT_EQ(result.status, DrainResult::Status::kPartial);
  EXPECT_EQ(result.events, 2u);
  result = mailbox.drain(keep, {.budget = 1ns});  // always one
  EXPECT_EQ(result.events, 1u);
  EXPECT_EQ(mailbox.drain(keep).status, DrainResult::Status::kEmpty);
  EXPECT_THAT(words, ElementsAre("a", "b", "c"));
}

TEST(Mailbox, DrainTellsTheEndOnce) {
  std::optional<Bus> bus(manual_bus());
  Mailbox mailbox = make(*bus, 8);
  publish_and_pump(*bus, {"a"});
  bus.reset();
  support::Texts words;
  const DrainResult result =
      mailbox.drain([&](Mailbox::Mail& mail) { words.push_back(word_of(mail)); });
  EXPECT_EQ(result.status, DrainResult::Status::kEnded);
  EXPECT_EQ(result.events, 1u);
  EXPECT_THAT(words, ElementsAre("a", "closed"));
}

TEST(Mailbox, OneThreadDrainsAtATime) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 8);
  publish_and_pump(bus, {"a", "b"});
  std::optional<Mailbox::Mail> popped;
  DrainResult second;
  mailbox.drain(
      [&](Mailbox::Mail&) {
        std::jthread other([&] {
          popped = mailbox.try_pop();
          second = mailbox.drain();
        });
      },
      {.max_events = 1});
  EXPECT_EQ(popped, std::nullopt);
  EXPECT_EQ(second.status, DrainResult::Status::kBusy);
  EXPECT_THAT(pop_all(mailbox), ElementsAre("b"));
}

TEST(Mailbox, RefusesAnIllegalLimit) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 8);
  publish_and_pump(bus, {"a"});
  EXPECT_EQ(mailbox.drain({.max_events = 0}).status, DrainResult::Status::kRefused);
  EXPECT_EQ(mailbox.drain({.budget = 0ns}).status, DrainResult::Status::kRefused);
  EXPECT_THAT(pop_all(mailbox), ElementsAre("a"));
}

// Ends.

TEST(Mailbox, ClosingCountsWhatIsInside) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 8);
  publish_and_pump(bus, {"a", "b"});
  mailbox.close();
  mailbox.close();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("closed"));
  publish_and_pump(bus, {"c"});
  const SubscriptionStats stats = mailbox.stats();
  EXPECT_EQ(stats.offered, 2u);
  EXPECT_EQ(stats.detach_dropped, 2u);
  EXPECT_TRUE(adds_up(stats));
}

TEST(Mailbox, EmptyGivesTheEnd) {
  Mailbox mailbox;
  EXPECT_THAT(pop_all(mailbox), ElementsAre("closed"));
  EXPECT_EQ(word_of(*mailbox.pop_for(kLong)), "closed");
  EXPECT_EQ(mailbox.drain().status, DrainResult::Status::kEnded);
  EXPECT_EQ(mailbox.depth(), 0u);
  EXPECT_EQ(mailbox.native_handle().status().code(), absl::StatusCode::kFailedPrecondition);
  mailbox.close();
}

TEST(Mailbox, MovesWithWhatItHas) {
  Bus bus = manual_bus();
  Mailbox first = make(bus, 8);
  publish_and_pump(bus, {"a"});
  Mailbox second = std::move(first);
  publish_and_pump(bus, {"b"});
  EXPECT_THAT(pop_all(second), ElementsAre("a", "b"));
  second = make(bus, 8);
  publish_and_pump(bus, {"c"});
  EXPECT_THAT(pop_all(second), ElementsAre("c"));
  EXPECT_EQ(bus.stats().subscriptions.size(), 1u);
}

TEST(Mailbox, RefusesBadOptions) {
  Bus bus = manual_bus();
  support::expect_invalid(bus.mailbox(kTexts, {.capacity_events = 0}).status(),
                          {"MailboxOptions::capacity_events", "0", "1 to 1048576"});
  support::expect_invalid(bus.mailbox(kTexts, {.capacity_events = 1'048'577}).status(),
                          {"MailboxOptions::capacity_events", "1048577", "1 to 1048576"});
  support::expect_invalid(
      bus.mailbox(kTexts, {.overflow = static_cast<MailboxOverflow>(9)}).status(),
      {"MailboxOptions::overflow", "9"});
  support::expect_invalid(bus.mailbox(Filter{}).status(), {"mailbox", "Filter::types"});
  bus.close();
  EXPECT_EQ(bus.mailbox(kTexts).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Mailbox, ItsMemoryIsReported) {
  Bus bus = manual_bus();
  EXPECT_EQ(bus.stats().mailbox_bytes, 0u);
  std::optional<Mailbox> mailbox(make(bus, 1'024));
  const std::size_t bytes = bus.stats().mailbox_bytes;
  EXPECT_GE(bytes, 1'024u * 84u);
  EXPECT_LE(bytes, 1'024u * 100u + 2'048u);
  mailbox.reset();
  EXPECT_EQ(bus.stats().mailbox_bytes, 0u);
}

TEST(Mailbox, StandsInTheStatisticsByItsName) {
  Bus bus = manual_bus();
  Mailbox mailbox = bus.mailbox(kTexts, {.name = "screen", .capacity_events = 1}).value();
  publish_and_pump(bus, {"a", "b"});
  const BusStats stats = bus.stats();
  ASSERT_EQ(stats.subscriptions.size(), 1u);
  EXPECT_EQ(stats.subscriptions[0].name, "screen");
  EXPECT_EQ(stats.subscriptions[0].overflow_dropped, 1u);
  EXPECT_EQ(stats.subscriptions[0].queued, 1u);
  EXPECT_EQ(stats.deliveries, 2u);
}

}  // namespace
}  // namespace herald
