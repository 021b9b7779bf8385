// Who is slow, with looks and a clock of the test's own, so that every figure is exact.
#include "core/watchdog/slow_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/dispatch/plain_delivery.h"
#include "core/event/type_registry.h"
#include "core/watchdog/stay_watch.h"
#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;

constexpr base::Ticks kSlow = 1'000;
constexpr base::Ticks kStep = 250;

std::chrono::nanoseconds length_of(base::Ticks ticks) {
  return std::chrono::nanoseconds(base::Clock::to_ns(ticks));
}

// The dispatching thread's side of a bus and the sampler's, both in the thread of the test.
class Rig {
 public:
  explicit Rig(BusOptions options = {})
      : options_(std::move(options)),
        post_(base::FenceMode::kSequentiallyConsistent, true),
        delivery_(options_,
                  {&types_, options_.max_emitted_per_event, options_.payload_resource, 1, true},
                  meter_, post_) {
    for (unsigned index = 0; index < types_.count(); ++index) {
      meter_.activate(index);
      delivery_.activate_type(index);
    }
    watch_.resume(now_);
  }
  ~Rig() { delivery_.clear(); }

  using Attached = std::shared_ptr<core::Attachment>;

  template <typename F>
  Attached subscribe(std::string name, F call, SubscribeOptions options = {}) {
    options.name = std::move(name);
    return attach(std::make_shared<core::Attachment>(++ids_, Filter{.types = kToken},
                                                     detail::Callback::of_event(std::move(call)),
                                                     std::move(options)));
  }
  template <typename F>
  Attached subscribe_stream(std::string name, StreamId stream, F call) {
    return attach(std::make_shared<core::Attachment>(
        ++ids_, Filter{.types = kToken, .stream = stream},
        detail::Callback::of_event(std::move(call)), SubscribeOptions{.name = std::move(name)}));
  }
  template <typename F>
  Attached subscribe_batch(std::string name, F call) {
    return attach(std::make_shared<core::Attachment>(++ids_, Filter{.types = kToken},
                                                     detail::Callback::of_batch(std::move(call)),
                                                     SubscribeOptions{.name = std::move(name)}));
  }
  template <typename F>
  Attached use(std::string name, F call) {
    return attach(std::make_shared<core::Attachment>(
        ++ids_, Filter{.types = kToken}, detail::MiddlewareCallback::of(std::move(call)),
        MiddlewareOptions{.name = std::move(name)}));
  }

  /// The clock goes on, with a look at every step: in a callback, or outside.
  void pass(base::Ticks time) {
    for (base::Ticks end = now_ + time; now_ < end;) {
      now_ += kStep;
      const auto put = [this](const core::StayReport& report) { return post_.ring().put(report); };
      const auto waited = [](std::int32_t) { return base::Ticks{0}; };
      if (watch_.look(delivery_.stay(), now_, waited, put)) {
        post_.ask(right_, order_);
      }
    }
  }

  /// What a sampler might tell, with its order.
  void tell(const core::StayReport& report) {
    ASSERT_TRUE(post_.ring().put(report));
    post_.ask(right_, order_);
  }

  /// A batch of events, with a look and the sampler's order behind each.
  void dispatch(std::size_t events = 1) {
    std::vector<Event> batch(events);
    for (Event& event : batch) {
      detail::EventSlot slot{};
      ASSERT_TRUE(detail::make_slot<Text>(slot, kToken, "text", 0, 1, options_.payload_resource));
      event = EventAccess::adopt(slot);
    }
    delivery_.begin_batch(batch.data(), true);
    for (std::size_t next = 0; next < events;) {
      if (delivery_.is_plain(next)) {
        delivery_.deliver_plain(
            next, next + 1, [] { return true; }, [] { return false; });
      } else {
        delivery_.take(next++);
        while (delivery_.fan_out_next()) {
        }
      }
      between_events();
    }
    delivery_.end_run();
    between_events();
    delivery_.end_work();
  }
  /// A batch, 't' for a token and 'c' for another type, with no look but those in callbacks.
  void dispatch_unseen(std::string_view types) {
    for (std::size_t i = 0; i < types.size(); ++i) {
      if (types[i] == 't') {
        put(i, kToken, "text");
      } else {
        put(i, kComplete, {});
      }
    }
    delivery_.begin_batch(hand_.data(), true);
    std::size_t next = 0;
    delivery_.deliver_plain(
        next, types.size(), [] { return false; }, [] { return false; });
    delivery_.end_run();
    delivery_.end_work();
  }
  void between_events() {
    pass(kStep);  // the look that finds the last call over
    run_order();
    while (delivery_.untidy()) {
      delivery_.tidy();
    }
  }

  SubscriptionStats stats(const Attached& attached) {
    delivery_.collect();
    return delivery_.stats(*attached);
  }
  BusStats stats() {
    delivery_.collect();
    BusStats stats;
    delivery_.fill(stats);
    return stats;
  }
  core::Delivery& delivery() { return delivery_; }

  /// The sampler's, if there is one.
  void run_order() {
    if (std::exchange(right_.is_left, false)) {
      delivery_.act_on_strikes();
    }
  }

 private:
  struct Right {
    bool is_left = false;
    void leave(core::Order& /*order*/) {
      EXPECT_FALSE(is_left) << "handed over twice";
      is_left = true;
    }
  };

  template <typename T>
  void put(std::size_t i, const EventType<T>& type,
           std::type_identity_t<PublishArgument<T>> payload) {
    detail::EventSlot slot{};
    ASSERT_TRUE(detail::make_slot<T>(slot, type, static_cast<PublishArgument<T>&&>(payload), 0, 1,
                                     options_.payload_resource));
    hand_[i] = EventAccess::adopt(slot);
  }
  Attached attach(Attached attachment) {
    attachment->attached = attachment;
    delivery_.attach(*attachment);
    return attachment;
  }

  BusOptions options_;
  core::TypeRegistry types_;
  core::LatencyMeter meter_{1ms};
  core::WatchPost post_;
  core::Delivery delivery_;
  core::StayWatch watch_{kSlow, kSlow};
  std::vector<Event> hand_ = std::vector<Event>(8);
  base::Ticks now_ = 1'000'000;
  std::uint64_t ids_ = 0;
  Right right_;
  core::Order order_;
};

TEST(SlowSubscriber, HasOneStrikeForEachCall) {
  Rig rig;
  base::Ticks takes = 5 * kSlow;
  const auto slow = rig.subscribe("slow", [&](const Event&) { rig.pass(takes); });
  rig.dispatch(3);
  EXPECT_EQ(rig.stats(slow).strikes, 3u);
  EXPECT_EQ(rig.stats(slow).longest_stay, length_of(5 * kSlow - kStep));
  takes = kSlow;  // seen for less
  rig.dispatch(3);
  EXPECT_EQ(rig.stats(slow).strikes, 3u);
  EXPECT_EQ(rig.stats().watch.strikes, 3u);
}

TEST(SlowSubscriber, IsToldFromItsNeighbours) {
  Rig rig;
  const auto first = rig.subscribe("first", [](const Event&) {});
  const auto slow = rig.subscribe("slow", [&](const Event&) { rig.pass(2 * kSlow); });
  const auto middle = rig.subscribe("middle", [](const Event&) {});
  const auto slower = rig.subscribe("slower", [&](const Event&) { rig.pass(6 * kSlow); });
  const auto last = rig.subscribe("last", [](const Event&) {});
  rig.dispatch(2);
  for (const auto& innocent : {first, middle, last}) {
    EXPECT_EQ(rig.stats(innocent).strikes, 0u);
    EXPECT_EQ(rig.stats(innocent).share, 0);
    EXPECT_EQ(rig.stats(innocent).longest_stay, 0ns);
  }
  EXPECT_EQ(rig.stats(slow).strikes, 2u);
  EXPECT_DOUBLE_EQ(rig.stats(slow).share, 0.25);
  EXPECT_EQ(rig.stats(slower).strikes, 2u);
  EXPECT_DOUBLE_EQ(rig.stats(slower).share, 0.75);
  EXPECT_EQ(rig.stats(slower).longest_stay, length_of(6 * kSlow - kStep));
  EXPECT_EQ(rig.stats().watch.watched, length_of(16 * kSlow));
}

TEST(SlowSubscriber, OfManyShortCallsHasAShareAndNoStrike) {
  Rig rig;
  const auto busy = rig.subscribe("busy", [&](const Event&) { rig.pass(3 * kStep); });
  const auto light = rig.subscribe("light", [&](const Event&) { rig.pass(kStep); });
  for (int batch = 0; batch < 10; ++batch) {
    rig.dispatch(3);
  }
  EXPECT_EQ(rig.stats(busy).strikes + rig.stats(light).strikes, 0u);
  EXPECT_DOUBLE_EQ(rig.stats(busy).share, 0.75);
  EXPECT_EQ(rig.stats(busy).longest_stay, length_of(2 * kStep));
}

TEST(SlowSubscriber, OfBatchesIsNamedByRun) {
  Rig rig;
  const auto slow = rig.subscribe_batch("slow", [&](std::span<const Event>) { rig.pass(kSlow); });
  for (int batch = 0; batch < 5; ++batch) {
    rig.dispatch(4);
  }
  EXPECT_EQ(rig.stats(slow).strikes, 0u) << "two runs were taken for one stay";
  EXPECT_DOUBLE_EQ(rig.stats(slow).share, 1.0);
}

// Nobody looks between two calls, which may even concern events in one place.
TEST(SlowSubscriber, IsNotBlamedForTheSumOfItsCalls) {
  Rig rig;
  const auto busy = rig.subscribe("busy", [&](const Event&) { rig.pass(3 * kStep); });
  for (int batch = 0; batch < 10; ++batch) {
    rig.dispatch_unseen("t");
  }
  rig.dispatch_unseen("tttt");
  rig.pass(kStep);
  EXPECT_EQ(rig.stats(busy).strikes, 0u);
  EXPECT_EQ(rig.stats(busy).longest_stay, length_of(2 * kStep));
}

TEST(SlowSubscriber, OfBatchesIsNotBlamedForTheSumOfItsRuns) {
  Rig rig;
  const auto busy =
      rig.subscribe_batch("busy", [&](std::span<const Event>) { rig.pass(3 * kStep); });
  rig.dispatch_unseen("tctct");
  rig.pass(kStep);
  EXPECT_EQ(rig.stats(busy).strikes, 0u);
  EXPECT_EQ(rig.stats(busy).longest_stay, length_of(2 * kStep));
}

TEST(SlowMiddleware, IsNamedAndSoIsTheOneThatWaitsForIt) {
  Rig rig;
  const auto outer = rig.use("outer", [&](Event&, Emitter& emitter) {
    rig.pass(kStep);
    emitter.emit_before(kToken, "more");
    rig.pass(kStep);
    return Verdict::kPass;
  });
  const auto inner = rig.use("inner", [&](Event&, Emitter&) {
    rig.pass(2 * kSlow);
    return Verdict::kPass;
  });
  const auto after = rig.subscribe("after", [&](const Event&) { rig.pass(kStep); });
  rig.dispatch(2);
  EXPECT_EQ(rig.stats(outer).strikes, 0u);
  EXPECT_EQ(rig.stats(outer).longest_stay, 0ns) << "its stay does not go on behind another's";
  EXPECT_EQ(rig.stats(inner).strikes, 4u);
  EXPECT_EQ(rig.stats(after).strikes, 0u);
  const base::Ticks all = 2 * (2 * kStep + 4 * kSlow + 2 * kStep);
  EXPECT_EQ(rig.stats().watch.watched, length_of(all));
  EXPECT_DOUBLE_EQ(rig.stats(inner).share, 8.0 * kSlow / static_cast<double>(all));
}

TEST(SlowMiddleware, IsNotBlamedForTheSumOfItsVisits) {
  Rig rig;
  rig.use("sender", [&](Event&, Emitter& emitter) {
    emitter.emit_before(kToken, "one");
    emitter.emit_before(kToken, "two");
    emitter.emit_after(kToken, "three");
    return Verdict::kPass;
  });
  const auto link = rig.use("link", [&](Event&, Emitter&) {
    rig.pass(2 * kStep);
    return Verdict::kDrop;
  });
  rig.dispatch(3);
  EXPECT_EQ(rig.stats(link).strikes, 0u);
  EXPECT_EQ(rig.stats(link).longest_stay, length_of(kStep));
  EXPECT_DOUBLE_EQ(rig.stats(link).share, 1.0);
}

TEST(SlowSubscriber, ThatRemovedItselfInThatCallIsNobodys) {
  Rig rig;
  Rig::Attached self = rig.subscribe("self", [&](const Event&) {
    rig.pass(2 * kSlow);
    rig.delivery().detach_in_callback(self);
    rig.pass(kSlow);
  });
  rig.dispatch();
  EXPECT_EQ(rig.stats(self).strikes, 0u);
  const WatchStats watch = rig.stats().watch;
  EXPECT_EQ(watch.strikes, 1u);
  EXPECT_EQ(watch.unattributed, watch.watched);
  EXPECT_EQ(watch.watched, length_of(3 * kSlow));
}

TEST(SlowSubscriber, WhosePlaceIsAnothersByNowIsNobodys) {
  Rig rig;
  core::Stay stale;
  const auto gone = rig.subscribe("gone", [&](const Event&) {
    stale = rig.delivery().stay();
    rig.pass(2 * kSlow);
  });
  rig.dispatch();
  rig.delivery().detach(*gone);
  rig.between_events();
  const auto heir = rig.subscribe("heir", [](const Event&) {});
  rig.tell({.stay = stale, .time = 2 * kSlow, .seen = 2 * kSlow, .is_strike = true});
  EXPECT_EQ(rig.stats(heir).strikes, 0u);
  EXPECT_EQ(rig.stats(gone).strikes, 1u) << "told before it left";
  EXPECT_EQ(rig.stats().watch.strikes, 2u);
  EXPECT_EQ(rig.stats().watch.unattributed, length_of(2 * kSlow));
}

TEST(SlowSubscriber, KeepsAReportThatComesBeforeAnotherIsSwept) {
  Rig rig;
  core::Stay stay;
  const auto gone = rig.subscribe("gone", [](const Event&) {});
  const auto slow = rig.subscribe("slow", [&](const Event&) { stay = rig.delivery().stay(); });
  rig.dispatch();
  rig.delivery().detach(*gone);
  rig.tell({.stay = stay, .time = 2 * kSlow, .seen = 2 * kSlow, .is_strike = true});
  rig.between_events();
  EXPECT_EQ(rig.stats(slow).strikes, 1u);
}

// A list of one stream is freed with its last subscriber: a report must not lead there.
TEST(SlowSubscriber, WhoseListIsFreedWithAReportOnItsWayIsNotTouched) {
  Rig rig;
  Rig::Attached self = rig.subscribe_stream("self", 0, [&](const Event&) {
    rig.pass(2 * kSlow);
    rig.delivery().detach_in_callback(self);
  });
  rig.dispatch();
  const auto other = rig.subscribe("other", [](const Event&) {});
  EXPECT_EQ(rig.stats(other).strikes, 0u);
  EXPECT_EQ(rig.stats(self).strikes, 0u);
  EXPECT_EQ(rig.stats().watch.unattributed, length_of(2 * kSlow));
}

TEST(SlowSubscriber, ThatIsRemovedLaterHasItsStrikesAndStaysACulprit) {
  Rig rig;
  const auto slow = rig.subscribe("slow", [&](const Event&) { rig.pass(2 * kSlow); });
  const auto remover = rig.subscribe("remover", [&](const Event&) {
    rig.pass(kStep);
    rig.delivery().detach_in_callback(slow);
  });
  rig.dispatch();
  EXPECT_EQ(rig.stats(slow).strikes, 1u);
  EXPECT_EQ(rig.stats(remover).strikes, 0u);
  ASSERT_EQ(rig.stats().culprits.size(), 1u);
  EXPECT_EQ(rig.stats().culprits[0].name, "slow");
}

struct Told {
  std::string name;
  std::uint64_t strikes;
  bool quarantined;
  friend bool operator==(const Told&, const Told&) = default;
};

BusOptions telling(std::vector<Told>& told) {
  return {.on_slow = [&told](const SlowCall& call) {
    EXPECT_GE(call.stay, length_of(kSlow));
    EXPECT_NE(call.subscription_id, 0u);
    told.push_back({std::string(call.subscription_name), call.strikes, call.quarantined});
  }};
}

TEST(SlowPolicy, WarnCallsTheHandlerAfterTheCall) {
  std::vector<Told> told;
  Rig rig(telling(told));
  bool in_call = false;
  const auto slow = rig.subscribe("slow", [&](const Event&) {
    in_call = true;
    rig.pass(2 * kSlow);
    in_call = false;
  });
  const auto silent = rig.subscribe("silent", [&](const Event&) { rig.pass(2 * kSlow); },
                                    {.slow_policy = SlowPolicy::kCount});
  rig.dispatch();
  EXPECT_THAT(told, testing::ElementsAre(Told{"slow", 1, false}));
  rig.dispatch();
  EXPECT_THAT(told, testing::ElementsAre(Told{"slow", 1, false}, Told{"slow", 2, false}));
  EXPECT_EQ(rig.stats(silent).strikes, 2u);
  EXPECT_FALSE(in_call);
}

// The order then runs on whatever thread asks the bus, and that is none of the handler's.
// Whether the sampler's order has run since the round, or waits for the next batch.
TEST(SlowPolicy, AStrikeKnownAfterTheRoundIsToldBeforeTheNextEvent) {
  for (const bool order_has_run : {true, false}) {
    std::vector<Told> told;
    Rig rig(telling(told));
    int calls = 0;
    const auto slow = rig.subscribe("slow", [&](const Event&) { ++calls; },
                                    {.slow_policy = SlowPolicy::kQuarantine, .strikes_allowed = 1});
    core::Stay stay;
    const auto spy = rig.subscribe("spy", [&](const Event&) { stay = rig.delivery().stay(); });
    rig.dispatch();
    ASSERT_EQ(stay.index, 1u);
    stay.index = 0;
    rig.tell({.stay = stay, .time = 2 * kSlow, .seen = 2 * kSlow, .is_strike = true});
    if (order_has_run) {
      rig.run_order();
      EXPECT_EQ(rig.stats(slow).strikes, 1u);
      EXPECT_EQ(rig.stats(spy).strikes, 0u);
    }
    EXPECT_TRUE(told.empty());
    rig.dispatch();
    EXPECT_THAT(told, testing::ElementsAre(Told{"slow", 1, true}));
    EXPECT_EQ(calls, 1) << "it was called after its quarantine was due";
  }
}

TEST(SlowPolicy, AStrikeIsAlsoToldBeforeADeadline) {
  std::vector<Told> told;
  Rig rig(telling(told));
  core::Stay stay;
  const auto slow = rig.subscribe("slow", [&](const Event&) { stay = rig.delivery().stay(); });
  rig.dispatch();
  rig.tell({.stay = stay, .time = 2 * kSlow, .seen = 2 * kSlow, .is_strike = true});
  EXPECT_FALSE(rig.delivery().take_deadline(base::Clock::now()));
  EXPECT_THAT(told, testing::ElementsAre(Told{"slow", 1, false}));
  rig.run_order();
  EXPECT_EQ(told.size(), 1u) << "told twice";
  rig.delivery().end_work();
}

TEST(SlowPolicy, QuarantineDetachesAtTheLastStrike) {
  std::vector<Told> told;
  Rig rig(telling(told));
  auto captured = std::make_shared<int>(0);
  const auto slow = rig.subscribe("slow",
                                  [&rig, captured](const Event&) {
                                    ++*captured;
                                    rig.pass(2 * kSlow);
                                  },
                                  {.slow_policy = SlowPolicy::kQuarantine, .strikes_allowed = 3});
  for (int batch = 0; batch < 6; ++batch) {
    rig.dispatch();
  }
  EXPECT_EQ(*captured, 3);
  EXPECT_EQ(captured.use_count(), 1) << "its callable is destroyed";
  EXPECT_THAT(told, testing::ElementsAre(Told{"slow", 1, false}, Told{"slow", 2, false},
                                         Told{"slow", 3, true}));
  const SubscriptionStats stats = rig.stats(slow);
  EXPECT_TRUE(stats.quarantined);
  EXPECT_EQ(stats.strikes, 3u);
  EXPECT_EQ(stats.delivered, 3u);
  EXPECT_DOUBLE_EQ(stats.share, 1.0);
  const BusStats all = rig.stats();
  EXPECT_EQ(all.watch.quarantined, 1u);
  ASSERT_EQ(all.culprits.size(), 1u);
  EXPECT_TRUE(all.culprits[0].quarantined);
}

TEST(SlowPolicy, QuarantineOfOneThatHasLeftIsNone) {
  std::vector<Told> told;
  Rig rig(telling(told));
  const auto slow = rig.subscribe("slow", [&](const Event&) { rig.pass(2 * kSlow); },
                                  {.slow_policy = SlowPolicy::kQuarantine, .strikes_allowed = 1});
  const auto remover = rig.subscribe("remover", [&](const Event&) {
    rig.pass(kStep);
    rig.delivery().detach_in_callback(slow);
  });
  rig.dispatch();
  EXPECT_THAT(told, testing::ElementsAre(Told{"slow", 1, false}));
  EXPECT_FALSE(rig.stats(slow).quarantined);
  EXPECT_EQ(rig.stats().watch.quarantined, 0u);
}

TEST(Culprits, AreTheWorstFirstAndEight) {
  Rig rig;
  std::vector<Rig::Attached> all;
  for (int i = 0; i < 12; ++i) {
    const base::Ticks takes = (2 + i % 6) * kSlow;
    all.push_back(rig.subscribe(std::string("s") + std::to_string(i),
                                [&rig, takes, i, calls = 0](const Event&) mutable {
                                  if (++calls <= 1 + i / 6) {  // the second six have two strikes
                                    rig.pass(takes);
                                  }
                                }));
  }
  rig.dispatch(3);
  std::vector<std::string> names;
  for (const SubscriptionStats& culprit : rig.stats().culprits) {
    names.push_back(culprit.name);
  }
  EXPECT_THAT(names, testing::ElementsAre("s11", "s10", "s9", "s8", "s7", "s6", "s5", "s4"));
}

}  // namespace
}  // namespace herald
