#include "core/middleware/middleware_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::Texts;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Filter kTokens{.types = kToken};

// A manual bus, the texts of the tokens that come out, and a publisher.
class MiddlewareTest : public testing::Test {
 protected:
  Texts pump(std::initializer_list<std::string_view> texts) {
    publish_tokens(publisher_, texts);
    return pump();
  }
  Texts pump() {
    bus_.pump();
    EXPECT_TRUE(bus_.stats().conserved());
    return std::exchange(out_, {});
  }
  template <typename F>
  [[nodiscard]] Subscription use(F callable, MiddlewareOptions options = {}) {
    return bus_.use(kTokens, std::move(callable), std::move(options)).value();
  }

  Bus bus_ = manual_bus({.max_emitted_per_event = 4});
  Publisher publisher_ = make_publisher(bus_);
  Texts out_;
  Subscription keeper_ = bus_.subscribe(kTokens, support::collect(out_)).value();
};

auto append(std::string suffix) {
  return [suffix = std::move(suffix)](Event& event, Emitter&) {
    EXPECT_TRUE(event.set_text(std::string(event.text()) + suffix));
    return Verdict::kPass;
  };
}

// Verdicts.

TEST_F(MiddlewareTest, PassedEventsAreDelivered) {
  auto guard = use([](Event&, Emitter&) { return Verdict::kPass; });
  EXPECT_THAT(pump({"a", "b"}), ElementsAre("a", "b"));
  EXPECT_EQ(guard.stats().offered, 2u);
}

TEST_F(MiddlewareTest, DroppedEventsAreCounted) {
  auto guard = use(
      [](Event& event, Emitter&) { return event.text() == "b" ? Verdict::kDrop : Verdict::kPass; });
  EXPECT_THAT(pump({"a", "b", "c"}), ElementsAre("a", "c"));
  EXPECT_EQ(bus_.stats().middleware_dropped, 1u);
  EXPECT_EQ(bus_.stats().dispatched, 2u);
}

TEST_F(MiddlewareTest, ChangesAreSeenByAllBehind) {
  auto one = use(append("1"));
  auto two = use(append("2"));
  EXPECT_THAT(pump({"a"}), ElementsAre("a12"));
}

TEST_F(MiddlewareTest, AChangeOfStreamDecidesWhoGetsTheEvent) {
  std::size_t behind = 0;
  std::size_t delivered = 0;
  auto one = use([](Event& event, Emitter&) {
    event.set_stream(7);
    return Verdict::kPass;
  });
  auto two = bus_.use({.types = kToken, .stream = 7},
                      [&](Event&, Emitter&) {
                        ++behind;
                        return Verdict::kPass;
                      })
                 .value();
  auto of_stream =
      bus_.subscribe({.types = kToken, .stream = 7}, support::count_in(delivered)).value();
  pump({"a"});
  EXPECT_EQ(behind, 1u);
  EXPECT_EQ(delivered, 1u);
}

TEST_F(MiddlewareTest, OthersEventsAreNotItsOwn) {
  std::size_t calls = 0;
  auto of_type = bus_.use({.types = kInfo},
                          [&](Event&, Emitter&) {
                            ++calls;
                            return Verdict::kDrop;
                          })
                     .value();
  auto of_stream = bus_.use({.types = kToken, .stream = 7},
                            [&](Event&, Emitter&) {
                              ++calls;
                              return Verdict::kDrop;
                            })
                       .value();
  EXPECT_THAT(pump({"a"}), ElementsAre("a"));
  EXPECT_EQ(calls, 0u);
  EXPECT_EQ(of_stream.stats().offered, 0u);
}

TEST_F(MiddlewareTest, SeesAnEventBeforeItHasASequence) {
  pump({"leave", "their", "sequences", "where", "the", "next", "come"});
  std::vector<std::uint64_t> sequences;
  auto emits = use([&](Event& event, Emitter& emitter) {
    EXPECT_TRUE(emitter.emit_after(kToken, "emitted"));
    sequences.push_back(event.sequence());
    return Verdict::kDrop;
  });
  auto sees = use([&](Event& event, Emitter&) {
    sequences.push_back(event.sequence());
    return Verdict::kPass;
  });
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(bus_.publish(kToken, "through the shared lane"), PublishResult::kAccepted);
  }
  pump({"a", "b"});
  EXPECT_EQ(sequences.size(), 10u);
  EXPECT_THAT(sequences, Each(0)) << "as documented at Event::sequence";
}

// Emissions.

TEST_F(MiddlewareTest, EmittedEventsGoBeforeAndAfterInOrder) {
  auto guard = use([](Event&, Emitter& emitter) {
    EXPECT_TRUE(emitter.emit_after(kToken, "after 1"));
    EXPECT_TRUE(emitter.emit_before(kToken, "before 1"));
    EXPECT_TRUE(emitter.emit_before(kToken, "before 2"));
    EXPECT_TRUE(emitter.emit_after(kToken, "after 2"));
    return Verdict::kPass;
  });
  EXPECT_THAT(pump({"a"}), ElementsAre("before 1", "before 2", "a", "after 1", "after 2"));
  EXPECT_EQ(bus_.stats().emitted, 4u);
  EXPECT_EQ(bus_.stats().dispatched, 5u);
}

TEST_F(MiddlewareTest, ADroppedEventMayBeReplaced) {
  auto guard = use([](Event&, Emitter& emitter) {
    EXPECT_TRUE(emitter.emit_after(kToken, "after"));
    EXPECT_TRUE(emitter.emit_before(kToken, "before"));
    return Verdict::kDrop;
  });
  EXPECT_THAT(pump({"a"}), ElementsAre("before", "after"));
}

TEST_F(MiddlewareTest, EmittedEventsVisitOnlyLaterLinks) {
  Texts visits;
  const auto visit = [&](std::string who) {
    return [&visits, who = std::move(who)](Event& event, Emitter& emitter) {
      visits.push_back(who + std::string(event.text()));
      if (event.text() == "a") {
        EXPECT_TRUE(emitter.emit_before(kToken, who));
      }
      return Verdict::kPass;
    };
  };
  auto one = use(visit("1"));
  auto two = use(visit("2"));
  auto three = use(visit("3"));
  EXPECT_THAT(pump({"a"}), ElementsAre("1", "2", "3", "a"));
  EXPECT_THAT(visits, ElementsAre("1a", "21", "31", "2a", "32", "3a"));
}

TEST_F(MiddlewareTest, WhatSeveralLinksSendAfterComesInOrderOfSending) {
  auto one = use([](Event&, Emitter& emitter) {
    EXPECT_TRUE(emitter.emit_before(kToken, "b"));
    EXPECT_TRUE(emitter.emit_after(kToken, "c"));
    return Verdict::kPass;
  });
  auto two = use([](Event& event, Emitter& emitter) {
    const std::string text(event.text());
    if (text != "c") {
      EXPECT_TRUE(emitter.emit_after(kToken, text + ">"));
    }
    return Verdict::kPass;
  });
  EXPECT_THAT(pump({"a"}), ElementsAre("b", "b>", "a", "c", "a>"));
}

TEST_F(MiddlewareTest, EmittedEventsHaveTypeStreamAndTimeOfTheirOwn) {
  const auto due = std::chrono::steady_clock::now() - std::chrono::hours(1);
  auto guard = use([due](Event&, Emitter& emitter) {
    EXPECT_TRUE(emitter.emit_after(kInfo, "info", {.stream = 9, .at = due}));
    return Verdict::kPass;
  });
  Event emitted;
  auto subscription =
      bus_.subscribe({.types = kInfo, .stream = 9}, [&](const Event& event) { emitted = event; })
          .value();
  pump({"a"});
  ASSERT_NE(emitted.get<Info>(), nullptr);
  EXPECT_EQ(emitted.get<Info>()->message, "info");
  EXPECT_LT(std::chrono::abs(emitted.publish_time() - due), std::chrono::seconds(1));
}

TEST_F(MiddlewareTest, EmissionsAreBoundedForEachEvent) {
  std::size_t granted = 0;
  auto one = use([&](Event& event, Emitter& emitter) {
    for (int i = 0; i < 3; ++i) {
      granted += event.text() == "a" && emitter.emit_after(kToken, "b") ? 1 : 0;
    }
    return Verdict::kPass;
  });
  auto two = use([&](Event& event, Emitter& emitter) {
    granted += event.text() == "b" && emitter.emit_after(kToken, "c") ? 1 : 0;
    return Verdict::kPass;
  });
  EXPECT_THAT(pump({"a"}), ElementsAre("a", "b", "c", "b", "b"));
  EXPECT_EQ(granted, 4u);
  EXPECT_EQ(bus_.stats().emitted, 4u);
  EXPECT_EQ(bus_.stats().emit_refused, 2u);
  pump({"a"});
  EXPECT_EQ(granted, 8u) << "each event has its own bound";
}

TEST_F(MiddlewareTest, NoEmissionIsAllowedWithABoundOfZero) {
  Bus bus = manual_bus({.max_emitted_per_event = 0});
  bool emitted = true;
  auto guard = bus.use(kTokens,
                       [&](Event&, Emitter& emitter) {
                         emitted = emitter.emit_before(kToken, "b");
                         return Verdict::kPass;
                       })
                   .value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  EXPECT_EQ(bus.pump().events, 1u);
  EXPECT_FALSE(emitted);
  EXPECT_EQ(bus.stats().emit_refused, 1u);
}

// Its type is another one here, or none: nobody could read it.
TEST_F(MiddlewareTest, AnEventOfAnotherBusInPlaceOfOursIsDropped) {
  Bus other = manual_bus();
  const auto foreign = other.define<int>("foreign").value();
  Event kept;
  const auto keeper = other.subscribe(foreign, [&](int, const Event& event) { kept = event; });
  ASSERT_EQ(other.publish(foreign, 1), PublishResult::kAccepted);
  other.pump();
  const auto replace = [&](Event& event, Emitter&) {
    event = kept;
    return Verdict::kPass;
  };
  {
    const auto guard = use(replace);
    EXPECT_THAT(pump({"a"}), IsEmpty()) << "no such type";
    ASSERT_TRUE(bus_.define<float>("local").ok());
    EXPECT_THAT(pump({"b"}), IsEmpty()) << "another payload";
  }
  std::vector<Event> held;
  const auto resume = use([&](Event& event, Emitter& emitter) {
    if (held.empty()) {
      held.push_back(std::move(event));
      return Verdict::kHold;
    }
    EXPECT_TRUE(emitter.resume(Event(kept)));
    return Verdict::kPass;
  });
  EXPECT_THAT(pump({"c", "d"}), ElementsAre("d"));
  EXPECT_EQ(bus_.stats().middleware_dropped, 3u);
}

// Typed subscribers read payloads without asking whether there is one.
TEST_F(MiddlewareTest, AnEventWhosePayloadWasMovedAwayIsDropped) {
  const auto type = bus_.define<std::uint64_t>("number").value();
  Event taken;
  auto guard = bus_.use({.types = type | kToken},
                        [&](Event& event, Emitter&) {
                          taken = std::move(event);
                          return Verdict::kPass;
                        })
                   .value();
  std::size_t calls = 0;
  auto typed = bus_.subscribe(type, [&](std::uint64_t, const Event&) { ++calls; }).value();
  ASSERT_EQ(publisher_.publish(type, 7U), PublishResult::kAccepted);
  EXPECT_THAT(pump({"a"}), ElementsAre());
  EXPECT_EQ(calls, 0u);
  EXPECT_EQ(bus_.stats().middleware_dropped, 2u);
  EXPECT_EQ(taken.text(), "a");
}

TEST_F(MiddlewareTest, RefusedEmissionsAreDestroyed) {
  const auto type = bus_.define<std::shared_ptr<int>>("shared").value();
  const auto state = std::make_shared<int>();
  auto guard = use([&](Event&, Emitter& emitter) {
    for (int i = 0; i < 10; ++i) {
      emitter.emit_after(type, state);
    }
    return Verdict::kPass;
  });
  pump({"a"});
  EXPECT_EQ(state.use_count(), 1);
  EXPECT_EQ(bus_.stats().emitted, 4u);
}

TEST_F(MiddlewareTest, PublishFromMiddlewareWaitsInItsLane) {
  auto guard = use([&](Event& event, Emitter&) {
    if (event.text() == "a") {
      EXPECT_EQ(publisher_.publish(kToken, "published"), PublishResult::kAccepted);
    }
    return Verdict::kPass;
  });
  EXPECT_THAT(pump({"a"}), ElementsAre("a"));
  EXPECT_THAT(pump(), ElementsAre("published"));
}

// Holding.

// Holds every event until the next one comes.
struct Delay {
  std::vector<Event> held = {};
  Verdict operator()(Event& event, Emitter& emitter) {
    for (Event& earlier : held) {
      EXPECT_TRUE(emitter.resume(std::move(earlier)));
    }
    held.clear();
    held.push_back(std::move(event));
    return Verdict::kHold;
  }
};

TEST_F(MiddlewareTest, HeldEventsComeWhenResumed) {
  auto guard = use(Delay());
  EXPECT_THAT(pump({"a"}), IsEmpty());
  EXPECT_EQ(bus_.stats().held, 1u);
  EXPECT_EQ(bus_.stats().dispatched, 0u);
  EXPECT_THAT(pump({"b", "c"}), ElementsAre("a", "b"));
  EXPECT_EQ(bus_.stats().held, 1u);
  EXPECT_EQ(bus_.stats().emitted, 0u) << "a resumed event is no new one";
}

TEST_F(MiddlewareTest, ResumedEventsVisitOnlyLaterLinks) {
  auto before = use(append("1"), {.priority = -1});
  auto delay = use(Delay());
  auto after = use(append("2"), {.priority = 1});
  EXPECT_THAT(pump({"a", "b"}), ElementsAre("a12"));
  EXPECT_EQ(after.stats().offered, 1u);
  EXPECT_EQ(before.stats().offered, 2u);
}

TEST_F(MiddlewareTest, WhatARemovedOneHeldIsDropped) {
  auto guard = use(Delay());
  pump({"a"});
  guard.unsubscribe();
  EXPECT_EQ(bus_.stats().held, 0u);
  EXPECT_EQ(bus_.stats().middleware_dropped, 1u);
  EXPECT_TRUE(bus_.stats().conserved());
}

TEST_F(MiddlewareTest, HoldingInTheCallThatRemovesItDrops) {
  Subscription guard;
  guard = use([&](Event&, Emitter&) {
    guard.unsubscribe();
    return Verdict::kHold;
  });
  EXPECT_THAT(pump({"a", "b"}), ElementsAre("b"));
  EXPECT_EQ(bus_.stats().middleware_dropped, 1u);
  EXPECT_EQ(bus_.stats().held, 0u);
}

TEST_F(MiddlewareTest, ResumeOfWhatItDoesNotHoldIsRefused) {
  std::vector<bool> resumed;
  auto guard = use([&](Event& event, Emitter& emitter) {
    Event copy = event;
    resumed.push_back(emitter.resume(std::move(copy)));
    EXPECT_EQ(copy.text(), event.text()) << "a refused one is not moved from";
    return Verdict::kPass;
  });
  EXPECT_THAT(pump({"a"}), ElementsAre("a"));
  EXPECT_THAT(resumed, ElementsAre(false));
  EXPECT_EQ(bus_.stats().emit_refused, 1u);
}

TEST_F(MiddlewareTest, ResumesAreBoundedForEachEvent) {
  std::vector<Event> held;
  std::size_t resumed = 0;
  auto guard = use([&](Event& event, Emitter& emitter) {
    if (event.text() != "go") {
      held.push_back(std::move(event));
      return Verdict::kHold;
    }
    while (!held.empty() && emitter.resume(std::move(held.back()))) {
      held.pop_back();
      ++resumed;
    }
    return Verdict::kPass;
  });
  pump({"1", "2", "3", "4", "5", "6", "7", "8"});
  pump({"go"});
  EXPECT_EQ(resumed, 5u) << "one more than max_emitted_per_event, so that a delay never clogs";
  EXPECT_EQ(bus_.stats().held, 3u);
  pump({"go"});
  EXPECT_EQ(bus_.stats().held, 0u);
  EXPECT_TRUE(bus_.stats().conserved());
}

// Order, coming and going.

TEST_F(MiddlewareTest, LowerPriorityRunsEarlierEqualOnesInOrderOfUse) {
  auto last = use(append("5"), {.priority = 10});
  auto third = use(append("3"));
  auto fourth = use(append("4"));
  auto second = use(append("2"), {.priority = -1});
  auto first = use(append("1"), {.name = "first", .priority = -10});
  EXPECT_THAT(pump({"a"}), ElementsAre("a12345"));
  const std::vector<SubscriptionStats> rows = bus_.stats().middleware;
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].name, "first");
  EXPECT_EQ(rows[4].id, last.stats().id);
}

TEST_F(MiddlewareTest, MayComeAndGo) {
  auto one = use(append("1"));
  EXPECT_THAT(pump({"a"}), ElementsAre("a1"));
  auto two = use(append("2"));
  EXPECT_THAT(pump({"a"}), ElementsAre("a12"));
  one.unsubscribe();
  EXPECT_THAT(pump({"a"}), ElementsAre("a2"));
  two.unsubscribe();
  EXPECT_THAT(pump({"a"}), ElementsAre("a"));
  EXPECT_TRUE(bus_.stats().middleware.empty());
}

TEST_F(MiddlewareTest, MayRemoveItselfInItsOwnCall) {
  Subscription guard;
  const auto state = std::make_shared<std::string>("!");
  guard = use([&guard, state](Event& event, Emitter& emitter) {
    guard.unsubscribe();
    EXPECT_TRUE(emitter.emit_after(kToken, *state));
    EXPECT_TRUE(event.set_text("changed"));
    return Verdict::kPass;
  });
  EXPECT_THAT(pump({"a", "b"}), ElementsAre("changed", "!", "b"));
  EXPECT_EQ(state.use_count(), 1);
}

TEST_F(MiddlewareTest, MayRemoveEveryoneElse) {
  Subscription one;
  Subscription three;
  one = use(append("1"), {.priority = 1});
  auto two = use(
      [&](Event&, Emitter&) {
        one.unsubscribe();
        three.unsubscribe();
        keeper_.unsubscribe();
        return Verdict::kPass;
      },
      {.priority = 2});
  three = use(append("3"), {.priority = 3});
  std::string seen;
  auto subscription =
      bus_.subscribe(kTokens, [&](const Event& event) { seen += event.text(); }).value();
  EXPECT_THAT(pump({"a", "b"}), IsEmpty());
  EXPECT_EQ(seen, "a1b");
}

TEST_F(MiddlewareTest, ASubscriberMayAddAndRemoveMiddleware) {
  std::vector<Subscription> made;
  auto subscription = bus_.subscribe(kTokens,
                                     [&](const Event& event) {
                                       if (event.text() == "a") {
                                         made.push_back(use(append("!")));
                                       } else {
                                         made.clear();
                                       }
                                     })
                          .value();
  EXPECT_THAT(pump({"a"}), ElementsAre("a"));
  EXPECT_THAT(pump({"b", "c"}), ElementsAre("b!", "c"));
}

TEST_F(MiddlewareTest, ComesAndGoesWhileEventsFlow) {
  Bus bus = support::thread_bus();
  std::size_t got = 0;
  auto subscription = bus.subscribe(kTokens, support::count_in(got)).value();
  std::uint64_t accepted = 0;
  std::thread flood([&] {
    Publisher publisher = make_publisher(bus);
    for (int i = 0; i < 20'000; ++i) {
      accepted += publisher.publish(kToken, "text") == PublishResult::kAccepted ? 1 : 0;
    }
  });
  for (int i = 0; i < 500; ++i) {
    auto dropper = bus.use(kTokens,
                           [](Event&, Emitter& emitter) {
                             EXPECT_TRUE(emitter.emit_before(kToken, "x"));
                             return Verdict::kDrop;
                           })
                       .value();
    auto delay = bus.use(kTokens, Delay()).value();
  }
  flood.join();
  ASSERT_TRUE(bus.flush(kLong).ok());
  const BusStats stats = bus.stats();
  EXPECT_TRUE(stats.conserved());
  EXPECT_EQ(stats.dispatched, got);
  EXPECT_EQ(stats.total.accepted + stats.emitted, got + stats.middleware_dropped);
}

}  // namespace
}  // namespace herald
