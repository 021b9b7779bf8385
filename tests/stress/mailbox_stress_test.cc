// Mailboxes of every policy under load: fast owners, slow ones, one that stalls to the end, owners
// that sleep at their mailbox or at a shared waker, subscribers that deliver on them.
//
// Forbidden: an event lost that was not told, or told that was not lost; repeated, reordered or
// torn; a publisher that waits though no mailbox blocks; more memory than the computed bound; an
// owner that sleeps while there is something; a counter that does not add up.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <fstream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "herald/herald.h"
#include "support/stamp.h"
#include "support/stress_run.h"

namespace herald::stress {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPublishers = 2;
constexpr std::size_t kLaneEvents = 4'096;
constexpr std::uint64_t kStreams = 3;

enum class Pace { kFast, kSlow, kStalled };

/// What one receiver sees: numbers of each publisher that only grow (for who conflates, in each
/// stream), and as many as the counters say, with those it was told are lost.
class Witness {
 public:
  explicit Witness(bool by_stream) : by_stream_(by_stream) {}

  void see(const Stamp& stamp, StreamId stream) noexcept {
    torn_ += stamp.whole() ? 0 : 1;
    std::uint64_t& last = last_[stamp.publisher][by_stream_ ? stream : 0];
    backwards_ += stamp.number + 1 > last ? 0 : 1;
    last = stamp.number + 1;
    ++events_;
  }
  void lost(std::uint64_t events) noexcept { lost_ += events; }

  [[nodiscard]] std::uint64_t events() const noexcept { return events_; }
  void expect_flawless(const SubscriptionStats& stats) const {
    EXPECT_EQ(torn_, 0u) << "FORBIDDEN: torn";
    EXPECT_EQ(backwards_, 0u) << "FORBIDDEN: repeated or reordered";
    EXPECT_EQ(events_, stats.delivered) << stats.name;
    EXPECT_EQ(lost_, stats.overflow_dropped) << "FORBIDDEN: lost and not told, or told wrongly";
    EXPECT_EQ(stats.queued, 0u) << stats.name;
    EXPECT_EQ(stats.offered, stats.delivered + stats.overflow_dropped + stats.conflated +
                                 stats.detach_dropped + stats.queued)
        << stats.name;
  }

 private:
  const bool by_stream_;
  std::uint64_t last_[kPublishers][kStreams] = {};
  std::uint64_t events_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t torn_ = 0;
  std::uint64_t backwards_ = 0;
};

/// A mailbox with its owner: a thread that pops until the end, at its pace. Every other owner
/// sleeps at the waker. A subscriber delivers on it, too.
class Owned {
 public:
  Owned(Bus& bus, EventType<Stamp> type, std::string name, std::size_t capacity,
        MailboxOverflow overflow, Pace pace, bool at_waker, Random random)
      : pace_(pace),
        at_waker_(at_waker),
        own_(overflow == MailboxOverflow::kConflate),
        callee_(overflow == MailboxOverflow::kConflate),
        random_(random),
        waker_(Waker::create().value()),
        type_(type),
        mailbox_(bus.mailbox({.types = type}, {.name = name,
                                               .capacity_events = capacity,
                                               .overflow = overflow,
                                               .waker = at_waker ? waker_ : nullptr})
                     .value()),
        subscription_(bus.subscribe(type,
                                    [this](const Stamp& stamp, const Event& event) {
                                      callee_.see(stamp, event.stream());
                                    },
                                    {.name = name + "'",
                                     .deliver_on = mailbox_,
                                     .on_notice =
                                         [this](const Notice& notice) {
                                           if (const auto* lagged = std::get_if<Lagged>(&notice)) {
                                             callee_.lost(lagged->events);
                                           }
                                         }})
                          .value()) {}

  void start(Watchdog& watchdog) {
    thread_ = std::jthread([this, &watchdog] { run(watchdog); });
  }
  /// Who stalls goes on.
  void wake() { awake_.store(true, std::memory_order_release); }
  /// Until it has seen the end, which stop() brings.
  void stop() {
    stopping_.store(true, std::memory_order_release);
    thread_.join();
  }
  void expect_flawless() {
    own_.expect_flawless(mailbox_.stats());
    callee_.expect_flawless(subscription_.stats());
  }
  [[nodiscard]] std::uint64_t events() const noexcept { return own_.events(); }

 private:
  // All that comes before stop() has been announced by then.
  void run(Watchdog& watchdog) {
    while (pace_ == Pace::kStalled && !awake_.load(std::memory_order_acquire)) {
      std::this_thread::sleep_for(1ms);
      watchdog.progress();
    }
    for (bool last = false; !last;) {
      last = stopping_.load(std::memory_order_acquire);
      while (std::optional<Mailbox::Mail> mail = next(last)) {
        take(*mail);
        watchdog.progress();
        if (pace_ == Pace::kSlow && !awake_.load(std::memory_order_acquire)) {
          dawdle(random_, 2'000);
        }
      }
    }
  }
  std::optional<Mailbox::Mail> next(bool last) {
    if (last) {
      return mailbox_.try_pop();
    }
    if (at_waker_) {
      return waker_->wait_for(1ms) ? mailbox_.try_pop() : std::nullopt;
    }
    return mailbox_.pop_for(1ms);
  }
  void take(Mailbox::Mail& mail) {
    if (const auto* event = std::get_if<Event>(&mail)) {
      own_.see(*event->get<Stamp>(), event->stream());
    } else if (const auto* lagged = std::get_if<Lagged>(&mail)) {
      own_.lost(lagged->events);
    }
  }

  const Pace pace_;
  const bool at_waker_;
  Witness own_;
  Witness callee_;
  Random random_;
  std::atomic<bool> awake_{false};
  std::atomic<bool> stopping_{false};
  const std::shared_ptr<Waker> waker_;
  EventType<Stamp> type_;
  Mailbox mailbox_;
  Subscription subscription_;
  std::jthread thread_;
};

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  file >> pages >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

struct Load {
  MailboxOverflow overflow;
  std::uint64_t events;       // of each publisher
  std::uint64_t full_events;  // in a full run: 1e8 in all
};

void PrintTo(const Load& load, std::ostream* out) {
  *out << "overflow " << static_cast<int>(load.overflow);
}

class MailboxLoad : public Test {
 protected:
  // In bursts that fit the lane, each flushed: so nobody but a blocking mailbox can make it wait.
  void publish(Bus& bus, Publisher& publisher, EventType<Stamp> type, std::uint64_t id,
               std::uint64_t events) {
    Random random = this->random(id);
    for (std::uint64_t number = 0; number < events;) {
      const std::uint64_t end = std::min<std::uint64_t>(events, number + kLaneEvents / 2);
      for (; number < end; ++number) {
        ASSERT_EQ(publisher.publish(type, make_stamp(id, number, random),
                                    {.stream = random.below(kStreams)}),
                  PublishResult::kAccepted);
      }
      ASSERT_TRUE(bus.flush(60s).ok());
      watchdog_.progress();
    }
  }

  Watchdog watchdog_;
};

class MailboxStress : public MailboxLoad, public ::testing::WithParamInterface<Load> {};

TEST_P(MailboxStress, KeepsEveryPromise) {
  const MailboxOverflow overflow = GetParam().overflow;
  const bool blocks = overflow == MailboxOverflow::kBlock;
  const std::uint64_t events = rounds(GetParam().events, GetParam().full_events);
  std::optional<Bus> bus(Bus::create({}).value());
  const EventType<Stamp> type = bus->define<Stamp>("stamp").value();
  std::deque<Owned> owned;
  const auto add = [&](const char* name, std::size_t capacity, Pace pace, bool at_waker) {
    owned.emplace_back(*bus, type, name, capacity, overflow, pace, at_waker,
                       random(100 + owned.size()));
  };
  add("fast", 1'024, Pace::kFast, false);
  add("fast at waker", 1'000, Pace::kFast, true);
  add("slow", 64, Pace::kSlow, false);
  add("slow at waker", 7, Pace::kSlow, true);
  if (!blocks) {
    add("stalled", 100, Pace::kStalled, false);
  }
  std::deque<Publisher> publishers;
  for (std::size_t id = 0; id < kPublishers; ++id) {
    publishers.push_back(bus->publisher({.capacity_events = kLaneEvents}).value());
  }
  for (Owned& each : owned) {
    each.start(watchdog_);
  }
  const std::uint64_t before = resident_bytes();
  {
    std::vector<std::jthread> threads;
    for (std::size_t id = 0; id < kPublishers; ++id) {
      threads.emplace_back([&, id] { publish(*bus, publishers[id], type, id, events); });
    }
  }
  const BusStats stats = bus->stats();
  const std::uint64_t grown = std::max(resident_bytes(), before) - before;
  for (Owned& each : owned) {
    each.wake();
  }
  for (Owned& each : owned) {
    each.stop();
    each.expect_flawless();
  }
  EXPECT_EQ(stats.dispatched, kPublishers * events);
  EXPECT_EQ(stats.subscriptions.size(), 2 * owned.size());
  for (const SubscriptionStats& each : stats.subscriptions) {
    EXPECT_EQ(each.offered, kPublishers * events) << each.name;
  }
  for (const PublisherStats& row : stats.publishers) {
    EXPECT_EQ(row.accepted, row.attempts);
    EXPECT_TRUE(blocks || row.waits == 0) << "FORBIDDEN: a publisher waited";
  }
  if (!sanitized()) {  // All memory is there before the first event, but for what threads need.
    EXPECT_LE(grown, stats.mailbox_bytes + stats.lane_bytes + (4U << 20U)) << "FORBIDDEN: memory";
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, MailboxStress,
                         ::testing::Values(Load{MailboxOverflow::kDropNewest, 100'000, 16'500'000},
                                           Load{MailboxOverflow::kDropOldest, 100'000, 16'500'000},
                                           Load{MailboxOverflow::kConflate, 100'000, 16'000'000},
                                           Load{MailboxOverflow::kBlock, 30'000, 1'000'000}));

// Again and again: who is too slow is disconnected, and misses nothing up to there.
TEST_F(MailboxLoad, DisconnectsOnceAndLosesNothingBefore) {
  const std::uint64_t times = rounds(300, 50'000);
  Bus bus = Bus::create({}).value();
  const EventType<Stamp> type = bus.define<Stamp>("stamp").value();
  Publisher publisher = bus.publisher({.capacity_events = kLaneEvents}).value();
  Random random = this->random(0);
  for (std::uint64_t round = 0; round < times; ++round) {
    Mailbox mailbox = bus.mailbox({.types = type},
                                  {.capacity_events = 8, .overflow = MailboxOverflow::kDisconnect})
                          .value();
    std::uint64_t events = 0;
    std::uint64_t ends = 0;
    std::jthread owner([&] {
      while (ends == 0) {
        std::optional<Mailbox::Mail> mail = mailbox.pop_for(60s);
        ASSERT_TRUE(mail.has_value());
        if (const auto* event = std::get_if<Event>(&*mail)) {
          ASSERT_EQ(event->get<Stamp>()->number, events++);
        } else if (const auto* end = std::get_if<End>(&*mail)) {
          ASSERT_EQ(end->reason, End::Reason::kDisconnected);
          ++ends;
        }
      }
    });
    std::uint64_t number = 0;
    while (!bus.stats().subscriptions.empty()) {
      for (int i = 0; i < 64; ++i, ++number) {
        ASSERT_EQ(publisher.publish(type, make_stamp(0, number, random)), PublishResult::kAccepted);
      }
    }
    owner.join();
    ASSERT_TRUE(bus.flush(60s).ok());  // what is left is not for the next mailbox
    EXPECT_EQ(mailbox.stats().delivered, events);
    EXPECT_EQ(mailbox.stats().overflow_dropped, mailbox.stats().offered - events);
    watchdog_.progress();
  }
}

// Subscribers that come and go on mailboxes that other threads drain: what a callback captured is
// poisoned as soon as unsubscribing is done.
class MailboxChurn : public MailboxLoad {
 protected:
  void publish(Random random) {
    while (!over_.load(std::memory_order_relaxed)) {
      bus_.publish(kToken, "x");
      dawdle(random);
    }
  }
  void drain(Mailbox& mailbox) {
    while (!over_.load(std::memory_order_relaxed)) {
      static_cast<void>(mailbox.drain());
      std::this_thread::yield();
    }
  }
  void come_and_go(std::uint64_t times, Random random) {
    for (std::uint64_t i = 0; i < times; ++i) {
      auto alive = std::make_unique<bool>(true);  // plain: sanitizers see a late call
      Subscription subscription = subscribe(alive.get(), mailboxes_[random.below(2)]);
      dawdle(random);
      leave(subscription, random.one_in(4));
      *alive = false;
      watchdog_.progress();
    }
  }
  Subscription subscribe(const bool* alive, const Mailbox& mailbox) {
    return bus_
        .subscribe({.types = kToken},
                   [this, alive](const Event&) {
                     dead_calls_.fetch_add(*alive ? 0 : 1, std::memory_order_relaxed);
                     calls_.fetch_add(1, std::memory_order_relaxed);
                   },
                   {.deliver_on = mailbox})
        .value();
  }
  static void leave(Subscription& subscription, bool async) {
    if (!async) {
      ASSERT_EQ(subscription.unsubscribe(), Unsubscribed::kDone);
      return;
    }
    std::atomic<bool> done{false};
    subscription.unsubscribe_async([&] { done.store(true, std::memory_order_release); });
    while (!done.load(std::memory_order_acquire)) {
      std::this_thread::yield();
    }
  }

  Bus bus_ = Bus::create({}).value();
  Mailbox mailboxes_[2] = {bus_.mailbox({.capacity_events = 64}).value(),
                           bus_.mailbox({.capacity_events = 1}).value()};
  std::atomic<bool> over_{false};
  std::atomic<std::uint64_t> dead_calls_{0};
  std::atomic<std::uint64_t> calls_{0};
};

TEST_F(MailboxChurn, NobodyIsCalledAfterLeaving) {
  const std::uint64_t times = rounds(20'000, 1'000'000);
  {
    std::jthread publisher([&] { publish(random(1)); });
    std::jthread first([&] { drain(mailboxes_[0]); });
    std::jthread second([&] { drain(mailboxes_[1]); });
    {
      std::jthread one([&] { come_and_go(times, random(2)); });
      std::jthread two([&] { come_and_go(times, random(3)); });
    }
    over_.store(true, std::memory_order_relaxed);
  }
  EXPECT_EQ(dead_calls_.load(std::memory_order_relaxed), 0u) << "FORBIDDEN: called after leaving";
  EXPECT_GT(calls_.load(std::memory_order_relaxed), 0u);
}

}  // namespace
}  // namespace herald::stress
