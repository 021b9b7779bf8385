// Deadlines of middleware: on_deadline(Emitter&) at the time of wake_at, and the heap under it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/middleware/deadline_heap.h"
#include "core/subscriber/attachment.h"
#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using support::kLong;
using support::manual_bus;
using support::publish_tokens;
using support::Texts;
using support::thread_bus;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Filter kTokens{.types = kToken};
constexpr steady_clock::time_point kNever = steady_clock::time_point::max();

// The heap.

RC_GTEST_PROP(DeadlineHeap, GivesTheEarliestOfEachOwnersLast, ()) {
  std::deque<core::Attachment> owners;
  for (std::uint64_t id = 0; id < 5; ++id) {
    owners.emplace_back(id, kTokens, detail::MiddlewareCallback{}, MiddlewareOptions{});
  }
  core::DeadlineHeap heap;
  std::map<const core::Attachment*, base::Ticks> expected;
  for (const auto& [who, time] :
       *rc::gen::container<std::vector<std::pair<std::size_t, base::Ticks>>>(
           rc::gen::pair(rc::gen::inRange<std::size_t>(0, 5), rc::gen::inRange(-3, 20)))) {
    if (time < 0) {
      heap.remove(owners[who]);
      expected.erase(&owners[who]);
    } else {
      heap.set(owners[who], time);
      expected[&owners[who]] = time;
    }
    RC_ASSERT(heap.empty() == expected.empty());
  }
  base::Ticks last = -1;
  while (!expected.empty()) {
    const base::Ticks earliest = heap.earliest();
    RC_ASSERT(earliest >= last);
    last = earliest;
    RC_ASSERT(heap.take_due(earliest - 1) == nullptr);
    const core::Attachment* due = heap.take_due(earliest);
    RC_ASSERT(due != nullptr && expected.at(due) == earliest);
    expected.erase(due);
  }
  RC_ASSERT(heap.empty());
}

// Holds every event until `release`, which its deadline asks for.
struct Hold {
  steady_clock::time_point release;
  std::size_t* deadlines = nullptr;
  std::vector<Event> held = {};

  Verdict operator()(Event& event, Emitter& emitter) {
    held.push_back(std::move(event));
    emitter.wake_at(release);
    return Verdict::kHold;
  }
  void on_deadline(Emitter& emitter) {
    *deadlines += 1;
    for (Event& event : held) {
      EXPECT_TRUE(emitter.resume(std::move(event)));
    }
    held.clear();
  }
};

class DeadlineTest : public testing::Test {
 protected:
  void publish(std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) {
      ASSERT_EQ(bus_.publish(kToken, text), PublishResult::kAccepted);
    }
  }

  Bus bus_ = manual_bus();
  std::size_t deadlines_ = 0;
  Texts out_;
  Subscription keeper_ = bus_.subscribe(kTokens, support::collect(out_)).value();
};

TEST_F(DeadlineTest, WithoutOneThereIsNoNext) {
  EXPECT_EQ(bus_.pump().next_deadline, kNever);
  auto guard = bus_.use(kTokens, Hold{steady_clock::now(), &deadlines_}).value();
  EXPECT_EQ(bus_.pump().next_deadline, kNever);
}

TEST_F(DeadlineTest, TellsADrainFromATimeThatHasCome) {
  std::vector<bool> draining;
  struct Note : Hold {
    std::vector<bool>* draining;
    void on_deadline(Emitter& emitter) {
      draining->push_back(emitter.draining());
      Hold::on_deadline(emitter);
    }
  };
  auto guard = bus_.use(kTokens, Note{{steady_clock::now(), &deadlines_}, &draining}).value();
  publish({"a"});
  bus_.pump();
  bus_.pump();
  EXPECT_THAT(draining, ElementsAre(false));
  auto late = bus_.use(kTokens, Note{{steady_clock::now() + 1h, &deadlines_}, &draining}).value();
  publish({"b"});
  bus_.pump();
  bus_.pump();
  EXPECT_THAT(draining, ElementsAre(false, false));
  EXPECT_TRUE(bus_.drain(kLong).value().complete);
  EXPECT_THAT(draining, ElementsAre(false, false, true));
}

TEST_F(DeadlineTest, PumpTellsTheNext) {
  const auto release = steady_clock::now() + 1h;
  auto guard = bus_.use(kTokens, Hold{release, &deadlines_}).value();
  publish({"a"});
  EXPECT_LT(std::chrono::abs(bus_.pump().next_deadline - release), 1s);
  EXPECT_THAT(out_, IsEmpty());
  EXPECT_EQ(deadlines_, 0u);
  guard.unsubscribe();
  EXPECT_EQ(bus_.pump().next_deadline, kNever) << "gone with its middleware";
}

TEST_F(DeadlineTest, ThatHasPassedIsCalledByTheSamePump) {
  auto guard = bus_.use(kTokens, Hold{steady_clock::now(), &deadlines_}).value();
  publish({"a", "b"});
  EXPECT_EQ(bus_.pump().next_deadline, kNever);
  EXPECT_THAT(out_, ElementsAre("a", "b"));
  EXPECT_EQ(deadlines_, 1u);
  EXPECT_EQ(bus_.stats().held, 0u);
  EXPECT_TRUE(bus_.stats().conserved());
}

TEST_F(DeadlineTest, WaitReturnsForIt) {
  auto guard = bus_.use(kTokens, Hold{steady_clock::now() + 20ms, &deadlines_}).value();
  publish({"a"});
  bus_.pump();
  EXPECT_TRUE(bus_.wait(kLong));
  bus_.pump();
  EXPECT_THAT(out_, ElementsAre("a"));
}

TEST_F(DeadlineTest, WakesTheDispatcherThread) {
  for (const WaitStrategy wait :
       {WaitStrategy::kPark, WaitStrategy::kAdaptive, WaitStrategy::kSpin}) {
    Bus bus = thread_bus({.wait = wait});
    std::size_t deadlines = 0;
    std::atomic<std::size_t> got{0};
    auto keeper =
        bus.subscribe(kTokens, [&](const Event&) { got.fetch_add(1, std::memory_order_relaxed); })
            .value();
    auto guard = bus.use(kTokens, Hold{steady_clock::now() + 20ms, &deadlines}).value();
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
    EXPECT_TRUE(support::eventually([&] { return got.load(std::memory_order_relaxed) == 1; }));
    EXPECT_TRUE(support::eventually([&] { return bus.latency().all.delivery.count() == 1; }));
    EXPECT_GE(bus.latency().all.delivery.max(), 1ms) << "counted from its own publish time";
  }
}

TEST_F(DeadlineTest, TheLastWakeAtCounts) {
  struct Twice {
    std::size_t* deadlines;
    Verdict operator()(Event&, Emitter& emitter) {
      emitter.wake_at(steady_clock::now());
      emitter.wake_at(steady_clock::now() + 1h);
      return Verdict::kPass;
    }
    void on_deadline(Emitter&) { *deadlines += 1; }
  };
  auto guard = bus_.use(kTokens, Twice{&deadlines_}).value();
  publish({"a"});
  EXPECT_GT(bus_.pump().next_deadline, steady_clock::now());
  EXPECT_EQ(deadlines_, 0u);
}

TEST_F(DeadlineTest, OfTheEndOfTimeNeverComes) {
  auto guard = bus_.use(kTokens, Hold{kNever, &deadlines_}).value();
  publish({"a"});
  const auto next = bus_.pump().next_deadline;
  EXPECT_GT(next, steady_clock::now() + 24h * 365);
  EXPECT_FALSE(bus_.wait(0ns));
  EXPECT_EQ(deadlines_, 0u);
}

TEST_F(DeadlineTest, OfTheBeginningOfTimeComesAtOnce) {
  for (const auto time : {steady_clock::time_point{}, steady_clock::time_point::min()}) {
    auto guard = bus_.use(kTokens, Hold{time, &deadlines_}).value();
    publish({"a"});
    bus_.pump();
    EXPECT_TRUE(bus_.flush(kLong).ok());
  }
  EXPECT_EQ(deadlines_, 2u);
}

TEST_F(DeadlineTest, SeveralComeInTheirOrder) {
  Texts order;
  struct Note {
    Texts* order;
    std::string name;
    std::chrono::hours age;
    Verdict operator()(Event&, Emitter& emitter) {
      emitter.wake_at(steady_clock::now() - age);
      return Verdict::kPass;
    }
    void on_deadline(Emitter&) { order->push_back(name); }
  };
  auto later = bus_.use(kTokens, Note{&order, "later", 1h}).value();
  auto latest = bus_.use(kTokens, Note{&order, "latest", 0h}).value();
  auto earliest = bus_.use(kTokens, Note{&order, "earliest", 2h}).value();
  publish({"a"});
  bus_.pump();
  EXPECT_THAT(order, ElementsAre("earliest", "later", "latest"));
}

// Sends from its deadline, before and after what it resumes.
struct Sender {
  std::vector<Event> held = {};
  Verdict operator()(Event& event, Emitter& emitter) {
    held.push_back(std::move(event));
    emitter.wake_at(steady_clock::now());
    return Verdict::kHold;
  }
  void on_deadline(Emitter& emitter) {
    EXPECT_TRUE(emitter.emit_after(kToken, "after"));
    EXPECT_TRUE(emitter.emit_before(kToken, "before"));
    EXPECT_TRUE(emitter.resume(std::move(held.front())));
    held.clear();
  }
};

TEST_F(DeadlineTest, MayEmit) {
  auto guard = bus_.use(kTokens, Sender()).value();
  auto behind = bus_.use(kTokens,
                         [](Event& event, Emitter&) {
                           EXPECT_TRUE(event.set_text(std::string(event.text()) + "!"));
                           return Verdict::kPass;
                         })
                    .value();
  publish({"a"});
  bus_.pump();
  EXPECT_THAT(out_, ElementsAre("before!", "a!", "after!"));
  EXPECT_EQ(bus_.stats().emitted, 2u);
  EXPECT_TRUE(bus_.stats().conserved());
}

TEST_F(DeadlineTest, MayThrow) {
  struct Thrower {
    Verdict operator()(Event&, Emitter& emitter) {
      emitter.wake_at(steady_clock::now());
      return Verdict::kPass;
    }
    void on_deadline(Emitter&) { throw 1; }
  };
  auto guard = bus_.use(kTokens, Thrower()).value();
  publish({"a"});
  bus_.pump();
  EXPECT_EQ(guard.stats().exceptions, 1u);
}

TEST_F(DeadlineTest, MayRemoveItsOwnMiddleware) {
  struct Leaver {
    Subscription* own;
    std::shared_ptr<int> state;
    Verdict operator()(Event&, Emitter& emitter) {
      emitter.wake_at(steady_clock::now());
      return Verdict::kPass;
    }
    void on_deadline(Emitter& emitter) {
      own->unsubscribe();
      emitter.wake_at(steady_clock::now());
      EXPECT_TRUE(emitter.emit_after(kToken, "bye"));
      EXPECT_EQ(*state, 7);
    }
  };
  const auto state = std::make_shared<int>(7);
  Subscription guard;
  guard = bus_.use(kTokens, Leaver{&guard, state}).value();
  publish({"a"});
  EXPECT_EQ(bus_.pump().next_deadline, kNever);
  EXPECT_THAT(out_, ElementsAre("a", "bye"));
  EXPECT_EQ(state.use_count(), 1);
}

// A deadline that asks for another one that has passed must not keep the dispatcher to itself.
struct Impatient {
  std::size_t* deadlines;
  std::size_t most;
  Verdict operator()(Event&, Emitter& emitter) {
    emitter.wake_at(steady_clock::now());
    return Verdict::kPass;
  }
  void on_deadline(Emitter& emitter) {
    if (++*deadlines < most) {
      emitter.wake_at(steady_clock::now() - 1h);
    }
  }
};

TEST_F(DeadlineTest, ThatIsAlwaysDueLetsEventsPass) {
  constexpr std::size_t kMost = 10'000;
  auto guard = bus_.use(kTokens, Impatient{&deadlines_, kMost}).value();
  publish({"a"});
  bus_.pump();
  EXPECT_LT(deadlines_, kMost) << "one pump must end";
  publish({"b"});
  bus_.pump();
  EXPECT_THAT(out_, ElementsAre("a", "b"));
}

// Sends on as much as it may, and asks to be called again for the rest.
struct Portions {
  std::deque<Event> held = {};
  Verdict operator()(Event& event, Emitter& emitter) {
    held.push_back(std::move(event));
    emitter.wake_at(steady_clock::now() + 1h);
    return Verdict::kHold;
  }
  void on_deadline(Emitter& emitter) {
    while (!held.empty() && emitter.resume(std::move(held.front()))) {
      held.pop_front();
    }
    if (!held.empty()) {
      emitter.wake_at(steady_clock::now());
    }
  }
};

// Each fan-out takes all the time of a pump, and there is always another event.
TEST_F(DeadlineTest, ComesThoughEventsTakeAllTheTime) {
  Bus bus = manual_bus();
  std::size_t deadlines = 0;
  const Subscription holder =
      bus.use({.types = kInfo}, Hold{steady_clock::time_point(1ns), &deadlines}).value();
  std::size_t calls = 0;
  const Subscription flood = bus.subscribe(kTokens,
                                           [&](const Event&) {
                                             ++calls;
                                             bus.publish(kToken, "one more");
                                           })
                                 .value();
  for (int i = 0; i < 3; ++i) {
    bus.publish(kToken, "x");
  }
  bus.publish(kInfo, "held");
  constexpr std::size_t kPumps = 20;
  for (std::size_t i = 0; i < kPumps; ++i) {
    bus.pump({.budget = 1ns});
  }
  EXPECT_EQ(deadlines, 1u);
  EXPECT_GE(calls, kPumps / 2);
  EXPECT_EQ(bus.stats().held, 0u);
}

TEST_F(DeadlineTest, DrainWaitsForWhatComesInPortions) {
  auto guard = bus_.use(kTokens, Portions()).value();
  for (int i = 0; i < 500; ++i) {
    publish({"a"});
  }
  const DrainReport report = bus_.drain(kLong).value();
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(report.undelivered, 0u);
  EXPECT_EQ(out_.size(), 500u);
}

TEST_F(DeadlineTest, DrainGoesThroughHoldersInSeries) {
  std::vector<Subscription> guards;
  for (int i = 0; i < 4; ++i) {
    guards.push_back(bus_.use(kTokens, Portions()).value());
  }
  for (int i = 0; i < 200; ++i) {
    publish({"a"});
  }
  bus_.pump();
  const DrainReport report = bus_.drain(kLong).value();
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(out_.size(), 200u);
}

TEST_F(DeadlineTest, DrainEndsWithAHolderThatKeepsWhatItHas) {
  struct Miser {
    std::vector<Event> held = {};
    Verdict operator()(Event& event, Emitter&) {
      held.push_back(std::move(event));
      return Verdict::kHold;
    }
    void on_deadline(Emitter&) {}
  };
  auto one = bus_.use(kTokens, Miser()).value();
  auto two = bus_.use(kTokens, Miser()).value();
  publish({"a", "b"});
  const DrainReport report = bus_.drain(kLong).value();
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(report.undelivered, 2u);
}

// Its deadlines come by themselves, so that drain() meets them at any moment.
TEST_F(DeadlineTest, DrainReturnsAfterTheFanOutOfTheLastOne) {
  struct Trickle {
    std::deque<Event> held = {};
    Verdict operator()(Event& event, Emitter& emitter) {
      held.push_back(std::move(event));
      emitter.wake_at(steady_clock::now() + 1ms);
      return Verdict::kHold;
    }
    void on_deadline(Emitter& emitter) {
      for (int i = 0; i < 20 && !held.empty(); ++i) {
        EXPECT_TRUE(emitter.resume(std::move(held.front())));
        held.pop_front();
      }
      if (!held.empty()) {
        emitter.wake_at(steady_clock::now());
      }
    }
  };
  Bus bus = thread_bus();
  std::atomic<std::size_t> delivered{0};
  auto keeper = bus.subscribe(kTokens,
                              [&](const Event&) {
                                support::work_for(20us);
                                delivered.fetch_add(1, std::memory_order_relaxed);
                              })
                    .value();
  auto guard = bus.use(kTokens, Trickle()).value();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  }
  EXPECT_TRUE(bus.drain(kLong).value().complete);
  EXPECT_EQ(delivered.load(std::memory_order_relaxed), 200u);
  EXPECT_TRUE(bus.stats().conserved());
}

TEST_F(DeadlineTest, DrainBringsThemForward) {
  auto guard = bus_.use(kTokens, Hold{steady_clock::now() + 1h, &deadlines_}).value();
  publish({"a", "b"});
  const DrainReport report = bus_.drain(kLong).value();
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(report.undelivered, 0u);
  EXPECT_THAT(out_, ElementsAre("a", "b"));
}

}  // namespace
}  // namespace herald
