// Mailboxes, and subscribers that deliver on one, which join late.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "support/buses.h"
#include "support/counting_resource.h"
#include "support/executors.h"
#include "support/mails.h"

namespace herald {
namespace {

using support::adds_up;
using support::executor;
using support::manual_bus;
using support::pop_all;
using support::publish_and_pump;
using support::Texts;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Filter kTokens{.types = kToken};

TEST(LateMailbox, GetsHistoryThenWhatIsLive) {
  Bus bus = manual_bus({.replay_events = 8});
  publish_and_pump(bus, {"a", "b", "c"});
  Mailbox mailbox = bus.mailbox(kTokens, {.replay = last(2)}).value();
  bus.pump();
  publish_and_pump(bus, {"d"});
  EXPECT_THAT(pop_all(mailbox), ElementsAre("b", "c", "d"));
  const SubscriptionStats stats = mailbox.stats();
  EXPECT_EQ(stats.replayed, 2u);
  EXPECT_EQ(stats.offered, 3u);
  EXPECT_TRUE(adds_up(stats));
}

TEST(LateMailbox, IsToldOfAGapInBand) {
  Bus bus = manual_bus({.replay_events = 2});
  publish_and_pump(bus, {"a", "b", "c", "d"});
  Mailbox mailbox = bus.mailbox(kTokens, {.replay = from_sequence(1)}).value();
  bus.pump();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("gap 1 to 3", "c", "d"));
  EXPECT_EQ(mailbox.stats().gaps, 1u);
}

TEST(LateMailbox, IsToldOfAGapAndOfLosses) {
  Bus bus = manual_bus({.replay_events = 3});
  publish_and_pump(bus, {"a", "b", "c", "d"});
  Mailbox mailbox =
      bus.mailbox(kTokens, {.capacity_events = 1, .replay = from_sequence(1)}).value();
  bus.pump();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("gap 1 to 2", "lagged 2", "d"));
  EXPECT_TRUE(adds_up(mailbox.stats()));
}

// Nothing follows that would bring the notice.
TEST(LateMailbox, IsToldOfAGapAlone) {
  Bus bus = manual_bus({.replay_events = 1});
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  ASSERT_EQ(bus.publish(kInfo, "b"), PublishResult::kAccepted);
  bus.pump();
  Mailbox mailbox = bus.mailbox(kTokens, {.replay = from_sequence(1)}).value();
  bus.pump();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("gap 1 to 2"));
  EXPECT_THAT(pop_all(mailbox), IsEmpty());
}

// Each in its place, and none over events that come.
TEST(LateMailbox, IsToldOfEachGapWhereItIs) {
  const std::string large(1'000, 'x');
  Bus bus = manual_bus({.replay_events = 8, .replay_bytes = 200});
  publish_and_pump(bus, {"a", large, "c", large, "e"});
  Mailbox mailbox = bus.mailbox(kTokens, {.replay = from_sequence(1)}).value();
  bus.pump();
  EXPECT_THAT(pop_all(mailbox), ElementsAre("a", "gap 2 to 3", "c", "gap 4 to 5", "e"));
  EXPECT_EQ(mailbox.stats().gaps, 2u);
}

TEST(LateMailbox, ABlockingOneGetsAllOfIt) {
  Bus bus = manual_bus({.replay_events = 8});
  publish_and_pump(bus, {"a", "b", "c"});
  Mailbox mailbox =
      bus.mailbox(kTokens,
                  {.capacity_events = 1, .overflow = MailboxOverflow::kBlock, .replay = last(8)})
          .value();
  ASSERT_EQ(bus.publish(kToken, "d"), PublishResult::kAccepted);
  Texts words;
  while (bus.pump().status == PumpResult::Status::kBlocked) {
    for (std::string& word : pop_all(mailbox)) {
      words.push_back(std::move(word));
    }
  }
  for (std::string& word : pop_all(mailbox)) {
    words.push_back(std::move(word));
  }
  EXPECT_THAT(words, ElementsAre("a", "b", "c", "d"));
}

TEST(LateMailbox, SubscribersDeliverHistoryWhereItIsDrained) {
  Bus bus = manual_bus({.replay_events = 2});
  publish_and_pump(bus, {"a", "b", "c"});
  Mailbox mailbox = executor(bus);
  Texts words;
  auto subscription = bus.subscribe(
      kTokens, support::collect(words),
      {.replay = from_sequence(1), .deliver_on = mailbox, .on_notice = [&](const Notice& notice) {
         words.push_back(support::word_of(notice));
       }});
  bus.pump();
  publish_and_pump(bus, {"d"});
  EXPECT_THAT(words, IsEmpty());
  mailbox.drain();
  EXPECT_THAT(words, ElementsAre("gap 1 to 2", "b", "c", "d"));
}

TEST(LateMailbox, MayLeaveBeforeItIsLive) {
  Bus bus = manual_bus({.replay_events = 8});
  publish_and_pump(bus, {"a", "b", "c"});
  Mailbox mailbox = bus.mailbox(kTokens, {.replay = latest_per_type()}).value();
  mailbox.close();
  publish_and_pump(bus, {"d"});
  EXPECT_THAT(pop_all(mailbox), ElementsAre("closed"));
  EXPECT_TRUE(adds_up(mailbox.stats()));
}

// A handle outlives its subscription, and the history that was kept for that must not.
TEST(LateMailbox, LetsItsHistoryGoWhenItLeaves) {
  support::CountingResource resource;
  Bus bus = manual_bus({.replay_events = 1, .payload_resource = &resource});
  Mailbox mailbox = executor(bus);
  publish_and_pump(bus, {std::string(1'000, 'x')});
  ASSERT_EQ(resource.live(), 1);
  auto joiner = bus.subscribe(kTokens, [](const Event&) {},
                              {.replay = latest_per_type(), .deliver_on = mailbox})
                    .value();
  joiner.unsubscribe();
  publish_and_pump(bus, {"the ring holds this one alone"});
  EXPECT_EQ(resource.live(), 0);
}

TEST(LateMailbox, RefusesHistoryThatThereIsNot) {
  Bus bus = manual_bus();
  support::expect_invalid(bus.mailbox(kTokens, {.replay = last(1)}).status(), {"replay"});
  Bus with_ring = manual_bus({.replay_events = 8});
  support::expect_invalid(with_ring.mailbox({.replay = last(1)}).status(), {"replay", "filter"});
}

}  // namespace
}  // namespace herald
