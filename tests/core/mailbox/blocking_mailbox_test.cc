// Mailboxes with MailboxOverflow::kBlock: what waits for them, who wakes the dispatcher for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "herald/mailbox.h"
#include "support/buses.h"
#include "support/executors.h"
#include "support/mails.h"
#include "support/sleeper.h"

namespace herald {
namespace {

using support::eventually;
using support::kLong;
using support::manual_bus;
using support::pop_all;
using support::Texts;
using support::thread_bus;
using support::word_of;
using testing::ElementsAre;

constexpr Filter kTexts{.types = kToken | kInfo};

Mailbox make(Bus& bus, std::size_t capacity) {
  return bus.mailbox(kTexts, {.capacity_events = capacity, .overflow = MailboxOverflow::kBlock})
      .value();
}

void publish(Bus& bus, std::string_view text) {
  ASSERT_EQ(bus.publish(kToken, text), PublishResult::kAccepted);
}

// What waits.

TEST(BlockingMailbox, HoldsTheBusUntilItIsDrained) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 2);
  Texts others;
  auto other = bus.subscribe(kTexts, support::collect(others));
  for (const char* text : {"a", "b", "c", "d", "e"}) {
    publish(bus, text);
  }
  EXPECT_EQ(bus.pump().status, PumpResult::Status::kBlocked);
  EXPECT_THAT(others, ElementsAre("a", "b"));
  EXPECT_EQ(bus.pump().status, PumpResult::Status::kBlocked);
  EXPECT_EQ(bus.stats().queued, 3u);
  EXPECT_THAT(pop_all(mailbox), ElementsAre("a", "b"));
  EXPECT_EQ(bus.pump().status, PumpResult::Status::kBlocked);
  EXPECT_THAT(pop_all(mailbox), ElementsAre("c", "d"));
  EXPECT_EQ(bus.pump().status, PumpResult::Status::kDone);
  EXPECT_THAT(pop_all(mailbox), ElementsAre("e"));
  EXPECT_EQ(mailbox.stats().overflow_dropped, 0u);
}

TEST(BlockingMailbox, HoldsUpWhatMiddlewareMade) {
  Bus bus = manual_bus();
  auto twice = bus.use({.types = kToken}, [](Event& event, Emitter& emitter) {
    const std::string again = std::string(event.text()) + "'";
    emitter.emit_after(kInfo, again);
    return Verdict::kPass;
  });
  Mailbox mailbox = make(bus, 1);
  publish(bus, "a");
  publish(bus, "b");
  Texts words;
  while (bus.pump().status == PumpResult::Status::kBlocked) {
    for (std::string& word : pop_all(mailbox)) {
      words.push_back(std::move(word));
    }
  }
  EXPECT_THAT(words, ElementsAre("a", "a'", "b"));
  EXPECT_THAT(pop_all(mailbox), ElementsAre("b'"));
}

TEST(BlockingMailbox, TellsItsOwnerOfWhatFitted) {
  Bus bus = manual_bus();
  Mailbox mailbox = make(bus, 2);
  pollfd watched{mailbox.native_handle().value(), POLLIN, 0};
  for (const char* text : {"a", "b", "c"}) {
    publish(bus, text);
  }
  EXPECT_EQ(bus.pump().status, PumpResult::Status::kBlocked);
  EXPECT_EQ(poll(&watched, 1, 0), 1);
}

TEST(BlockingMailbox, FreesTheBusWhenItGoes) {
  Bus bus = manual_bus();
  {
    Mailbox mailbox = make(bus, 1);
    publish(bus, "a");
    publish(bus, "b");
    EXPECT_EQ(bus.pump().status, PumpResult::Status::kBlocked);
  }
  EXPECT_TRUE(bus.wait(std::chrono::nanoseconds(0)));
  EXPECT_EQ(bus.pump().status, PumpResult::Status::kDone);
}

// A dispatcher that sleeps for want of room.

class ParkedDispatcher : public testing::Test {
 protected:
  void await_park() {
    EXPECT_TRUE(support::await_sleep(
        [this] { return support::state_of(thread_.load(std::memory_order_relaxed)) == 'S'; }));
  }
  [[nodiscard]] Mailbox executor(std::size_t capacity) {
    return support::executor(bus_, capacity, MailboxOverflow::kBlock);
  }

 private:
  std::atomic<pid_t> thread_{0};  // Relaxed: it is only watched.

 protected:
  Bus bus_ = thread_bus(
      {.thread = {.on_start = [this] { thread_.store(gettid(), std::memory_order_relaxed); }},
       .wait = WaitStrategy::kPark});
};

TEST_F(ParkedDispatcher, GoesOnWhileItsOwnerPops) {
  Mailbox mailbox = make(bus_, 4);
  for (int i = 0; i < 200; ++i) {
    publish(bus_, std::to_string(i));
  }
  EXPECT_TRUE(eventually([&] { return mailbox.depth() == 4; }));
  await_park();
  for (int i = 0; i < 200; ++i) {
    const std::optional<Mailbox::Mail> mail = mailbox.pop_for(kLong);
    ASSERT_TRUE(mail.has_value());
    ASSERT_EQ(word_of(*mail), std::to_string(i));
  }
}

TEST_F(ParkedDispatcher, GoesOnWhenAnEighthIsFree) {
  Mailbox mailbox = make(bus_, 16);
  for (int i = 0; i < 20; ++i) {
    publish(bus_, "x");
  }
  EXPECT_TRUE(eventually([&] { return mailbox.depth() == 16; }));
  await_park();
  EXPECT_TRUE(mailbox.try_pop().has_value());
  EXPECT_TRUE(mailbox.try_pop().has_value());
  EXPECT_TRUE(eventually([&] { return mailbox.depth() == 16; }));
}

// One event takes all the places, of which an eighth is no divisor.
TEST_F(ParkedDispatcher, GoesOnWhenAllIsOut) {
  constexpr std::size_t kPlaces = 17;
  Mailbox mailbox = executor(kPlaces);
  std::size_t calls = 0;
  std::vector<Subscription> subscriptions;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    subscriptions.push_back(
        bus_.subscribe(kTexts, support::count_in(calls), {.deliver_on = mailbox}).value());
  }
  publish(bus_, "x");
  publish(bus_, "y");
  EXPECT_TRUE(eventually([&] { return mailbox.depth() == kPlaces; }));
  await_park();
  EXPECT_EQ(mailbox.drain({.max_events = kPlaces - 1}).events, kPlaces - 1);
  await_park();
  EXPECT_TRUE(eventually([&] {
    mailbox.drain();
    return calls == 2 * kPlaces;
  }));
}

TEST_F(ParkedDispatcher, GoesOnWhenItsBlockerLeaves) {
  Mailbox mailbox = executor(8);
  auto blocker = bus_.subscribe(kTexts, [](const Event&) {}, {.deliver_on = mailbox}).value();
  auto other = bus_.subscribe(kInfo, [](const Info&, const Event&) {}, {.deliver_on = mailbox});
  std::atomic<std::size_t> calls{0};  // Relaxed: it is only counted.
  auto direct =
      bus_.subscribe(kTexts, [&](const Event&) { calls.fetch_add(1, std::memory_order_relaxed); });
  for (int i = 0; i < 50; ++i) {
    publish(bus_, "x");
  }
  EXPECT_TRUE(eventually([&] { return mailbox.depth() >= 7; }));
  await_park();
  blocker.unsubscribe();
  EXPECT_TRUE(eventually([&] { return calls.load(std::memory_order_relaxed) == 50; }));
}

}  // namespace
}  // namespace herald
