// Unsubscribing under load: threads subscribe and unsubscribe all the time while events flow; what
// a callback captured is poisoned as soon as unsubscribe() has returned.
//
// Forbidden: a call that starts or runs after unsubscribe() has returned; a call after a callback
// has unsubscribed itself or a sibling; a callable destroyed while its call runs; a missed or
// repeated event for a subscriber that was subscribed throughout, or since before the publish.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "herald/herald.h"
#include "support/stamp.h"
#include "support/stress_run.h"

namespace herald::stress {
namespace {

using namespace std::chrono_literals;

std::atomic<std::uint64_t> calls_of_the_dead{0};

// What a callback touches. Plain memory: also ThreadSanitizer and AddressSanitizer see a late call.
class Guarded {
 public:
  void touch(Random& random) {
    if (alive_ != kAlive) {
      calls_of_the_dead.fetch_add(1, std::memory_order_relaxed);
    }
    ++touched_;
    dawdle(random, 50);  // a call takes a while
    if (alive_ != kAlive) {
      calls_of_the_dead.fetch_add(1, std::memory_order_relaxed);
    }
  }
  void poison() noexcept { alive_ = kDead; }
  [[nodiscard]] std::uint64_t touched() const noexcept { return touched_; }

 private:
  static constexpr std::uint64_t kAlive = 0xA11F'E0A1'1FE0'A11F;
  static constexpr std::uint64_t kDead = 0xDEAD'DEAD'DEAD'DEAD;
  std::uint64_t alive_ = kAlive;
  std::uint64_t touched_ = 0;
};

// The poisoned stay readable for a while, so that a late call is counted rather than a crash.
class Graveyard {
 public:
  void bury(std::unique_ptr<Guarded> object) {
    object->poison();
    buried_.push_back(std::move(object));
    if (buried_.size() > kKept) {
      buried_.pop_front();
    }
  }

 private:
  static constexpr std::size_t kKept = 256;
  std::deque<std::unique_ptr<Guarded>> buried_;
};

class UnsubscribeStress : public Test {
 protected:
  static constexpr std::size_t kPublishers = 2;

  UnsubscribeStress() { calls_of_the_dead.store(0, std::memory_order_relaxed); }

  void start(WaitStrategy wait) {
    bus_ = Bus::create({.wait = wait, .batch_events = 16}).value();
    type_ = bus_->define<Stamp>("stamp").value();
    throughout_ =
        bus_->subscribe(*type_, [this](const Stamp& stamp, const Event&) { check_.receive(stamp); })
            .value();
  }

  // Two publishers that keep the dispatcher busy until `churners` are done.
  template <typename Churn>
  void while_events_flow(std::size_t churners, Churn churn) {
    std::deque<StampPublisher> publishers;
    for (std::size_t id = 0; id < kPublishers; ++id) {
      publishers.emplace_back(bus_->publisher({.capacity_events = 64}).value(), *type_, id,
                              random(id));
    }
    {
      std::vector<std::jthread> flow;
      for (StampPublisher& publisher : publishers) {
        flow.emplace_back([&](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            publisher.step();
          }
        });
      }
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < churners; ++i) {
        threads.emplace_back([&, i] { churn(i); });
      }
    }  // the churners end first
    ASSERT_TRUE(bus_->flush(60s).ok());
    check_.expect_flawless();
    for (const StampPublisher& publisher : publishers) {
      EXPECT_EQ(check_.received(publisher.id()), publisher.answers().accepted)
          << "FORBIDDEN: a subscriber missed an event";
    }
    EXPECT_EQ(calls_of_the_dead.load(std::memory_order_relaxed), 0U)
        << "FORBIDDEN: a call after unsubscribe";
    EXPECT_TRUE(bus_->stats().conserved());
  }

  Subscription subscribe(Guarded& object, Random random) {
    const Filter filter{.types = random.one_in(4) ? TypeMask::all() : TypeMask(*type_)};
    switch (random.below(3)) {
      case 0:
        return bus_
            ->subscribe_batch(
                filter, [&object, random](std::span<const Event>) mutable { object.touch(random); })
            .value();
      case 1:
        return bus_
            ->use(filter,
                  [&object, random](Event&, Emitter&) mutable {
                    object.touch(random);
                    return Verdict::kPass;
                  })
            .value();
      default:
        return bus_
            ->subscribe(filter, [&object, random](const Event&) mutable { object.touch(random); })
            .value();
    }
  }

  // Returns when it is unsubscribed, by one of the ways there are.
  static void unsubscribe(Subscription subscription, Random& random) {
    switch (random.below(4)) {
      case 0:
        return;  // destroyed
      case 1:
        subscription = Subscription();
        return;
      case 2:
        while (!subscription.unsubscribe_for(std::chrono::microseconds(random.below(50)))) {
        }
        return;
      default:
        subscription.unsubscribe();
        return;
    }
  }

  void one_visit(Publisher& publisher, Random& random) {
    const StreamId stream = random.next() | 1U;
    std::uint64_t calls = 0;
    Subscription subscription =
        bus_->subscribe({.types = kToken, .stream = stream}, [&](const Event&) { ++calls; })
            .value();
    const std::uint64_t events = 1 + random.below(6);
    for (std::uint64_t event = 0; event < events; ++event) {
      EXPECT_EQ(publisher.publish(kToken, "mine", {.stream = stream}), PublishResult::kAccepted);
    }
    const bool flushed = random.one_in(2);
    if (flushed) {
      EXPECT_TRUE(bus_->flush(60s).ok());
    }
    unsubscribe(std::move(subscription), random);
    const std::uint64_t calls_before = calls;
    EXPECT_LE(calls, events);
    EXPECT_TRUE(!flushed || calls == events) << "FORBIDDEN: missed";
    publisher.publish(kToken, "nobody's", {.stream = stream});
    if (flushed) {
      EXPECT_TRUE(bus_->flush(60s).ok());
      EXPECT_EQ(calls, calls_before) << "FORBIDDEN: a call after unsubscribe";
    }
  }

  void come_and_go(Random random) {
    Graveyard graveyard;
    for (std::uint64_t i = rounds(3'000, 300'000); i != 0; --i) {
      auto object = std::make_unique<Guarded>();
      Subscription subscription = subscribe(*object, Random(random.next()));
      dawdle(random, 2'000);
      unsubscribe(std::move(subscription), random);
      graveyard.bury(std::move(object));
      watchdog_.progress();
    }
  }

  std::optional<Bus> bus_;
  StampCheck check_{kPublishers};
  Watchdog watchdog_;
  std::optional<EventType<Stamp>> type_;
  Subscription throughout_;
};

TEST_F(UnsubscribeStress, NoCallAfterItReturned) {
  start(WaitStrategy::kAdaptive);
  while_events_flow(4, [this](std::size_t churner) { come_and_go(random(10 + churner)); });
}

TEST_F(UnsubscribeStress, NoCallAfterItReturnedFromAParkingBus) {
  start(WaitStrategy::kPark);
  while_events_flow(4, [this](std::size_t churner) { come_and_go(random(10 + churner)); });
}

// A subscriber gets everything that is published after subscribe() has returned, and nothing that
// is published after unsubscribe() has: on a stream of its own, both can be counted exactly.
TEST_F(UnsubscribeStress, NothingMissedAndNothingTooMuch) {
  start(WaitStrategy::kAdaptive);
  while_events_flow(3, [this](std::size_t churner) {
    Random random = this->random(20 + churner);
    Publisher publisher = bus_->publisher({.capacity_events = 4}).value();
    for (std::uint64_t i = rounds(2'000, 200'000); i != 0; --i) {
      one_visit(publisher, random);
      watchdog_.progress();
    }
  });
}

// Subscribers that unsubscribe themselves and each other inside their calls, and subscribe anew.
// After construction everything here runs on the dispatching thread.
class Family {
 public:
  Family(Bus& bus, EventType<Stamp> type, Random random) : bus_(bus), type_(type), random_(random) {
    for (std::size_t i = 0; i < kMembers; ++i) {
      join(i);
    }
  }

  [[nodiscard]] std::uint64_t changes() const { return changes_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kMembers = 16;

  // Owned by the callable alone: that it outlives its own call is part of what is tested.
  struct Member {
    Member(std::size_t at, std::uint64_t since) : place(at), generation(since) {}

    std::size_t place;
    std::uint64_t generation;
    std::uint64_t magic = 0x600D'600D'600D'600D;
    ~Member() { magic = 0; }
  };

  void join(std::size_t place) {
    auto member = std::make_shared<Member>(place, ++generations_[place]);
    subscriptions_[place] =
        bus_.subscribe(type_, [this, member = std::move(member)](const Stamp&,
                                                                 const Event&) { call(*member); })
            .value();
  }

  void call(const Member& member) {
    const auto dead = [&] { return member.magic != 0x600D'600D'600D'600D; };
    if (dead() || member.generation != generations_[member.place] || gone_[member.place]) {
      calls_of_the_dead.fetch_add(1, std::memory_order_relaxed);
    }
    if (!random_.one_in(8)) {
      return;
    }
    leave(random_.one_in(2) ? member.place : random_.below(kMembers));
    if (dead()) {
      calls_of_the_dead.fetch_add(1, std::memory_order_relaxed);
    }
    for (std::size_t place = 0; place < kMembers; ++place) {
      if (gone_[place] && random_.one_in(4)) {
        gone_[place] = false;
        join(place);
      }
    }
    changes_.fetch_add(1, std::memory_order_relaxed);
  }

  // The first stays, so that somebody is there to let the others in again.
  void leave(std::size_t place) {
    if (place != 0) {
      subscriptions_[place].unsubscribe();
      gone_[place] = true;
    }
  }

  Bus& bus_;
  EventType<Stamp> type_;
  Random random_;
  std::array<std::uint64_t, kMembers> generations_{};
  std::array<bool, kMembers> gone_{};
  std::atomic<std::uint64_t> changes_{0};
  std::array<Subscription, kMembers> subscriptions_;
};

TEST_F(UnsubscribeStress, SelfAndSiblingsInsideCalls) {
  start(WaitStrategy::kAdaptive);
  Family family(*bus_, *type_, random(30));
  while_events_flow(1, [&](std::size_t) {
    const std::uint64_t wanted = rounds(50'000, 5'000'000);
    std::uint64_t seen = 0;
    while (seen < wanted) {
      const std::uint64_t now = family.changes();
      if (now != seen) {
        watchdog_.progress();
      }
      seen = now;
      std::this_thread::yield();
    }
  });
}

// Handles go from hand to hand: whoever takes an offered one removes it, a thread or a callback.
struct Offered {
  Subscription subscription;
  Guarded object;
  std::atomic<bool> removed{false};

  void remove() {
    subscription.unsubscribe();
    removed.store(true, std::memory_order_release);  // the last access of whoever took it
  }
};

TEST_F(UnsubscribeStress, CallbacksCompeteWithThreads) {
  start(WaitStrategy::kPark);
  std::array<std::atomic<Offered*>, 3> offers{};
  Subscription remover =
      bus_->subscribe(*type_,
                      [&](const Stamp&, const Event&) {
                        for (std::atomic<Offered*>& offer : offers) {
                          if (Offered* taken = offer.exchange(nullptr, std::memory_order_acq_rel)) {
                            taken->remove();
                          }
                        }
                      })
          .value();
  std::atomic<std::uint64_t> by_callbacks{0};
  while_events_flow(offers.size(), [&](std::size_t churner) {
    Random random = this->random(40 + churner);
    for (std::uint64_t i = rounds(3'000, 300'000); i != 0; --i) {
      Offered offered;
      offered.subscription = subscribe(offered.object, Random(random.next()));
      offers[churner].store(&offered, std::memory_order_release);
      dawdle(random, 3'000);
      if (offers[churner].exchange(nullptr, std::memory_order_acq_rel) != nullptr) {
        offered.remove();
      } else {
        by_callbacks.fetch_add(1, std::memory_order_relaxed);
      }
      while (!offered.removed.load(std::memory_order_acquire)) {
        std::this_thread::yield();
      }
      offered.object.poison();
      watchdog_.progress();
    }
  });
  remover.unsubscribe();
  EXPECT_GT(by_callbacks.load(std::memory_order_relaxed), 0U);
}

}  // namespace
}  // namespace herald::stress
