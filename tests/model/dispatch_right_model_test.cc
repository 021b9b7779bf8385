// core/control/dispatch_right.h under the controlled scheduler: commands, those who wait for them,
// and the two protocols that are made of them: unsubscribe, and a dispatcher that parks.
//
// Forbidden: a command that runs twice, never, or out of its thread's order; two holders at once; a
// waiter that sleeps for ever, or goes on before the effect is there; a callback after unsubscribe
// has returned; an event that is not dispatched because its dispatcher sleeps.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/fence.h"
#include "base/parking.h"
#include "core/control/dispatch_right.h"
#include "core/control/park.h"
#include "core/lane/lane.h"
#include "model/explore.h"
#include "model/fence_modes.h"
#include "model/reference_queue.h"

namespace herald::model {
namespace {

using base::FenceMode;
using core::PushResult;
using Bell = base::ParkingSpot<ModelAtomics>;
using Lane = core::Lane<ModelAtomics, ReferenceRing<int>>;
using Command = core::Command<ModelAtomics>;

constexpr std::int64_t kNever = ModelAtomics::kNoDeadline;
constexpr std::int64_t kSoon = 1;

struct Order : Command {
  Order(std::string order_name, std::function<void()> order_action)
      : name(std::move(order_name)), action(std::move(order_action)) {}
  const std::string name;
  const std::function<void()> action;
  Var<int> runs;  // what the command carries, and its effect
};

/// Whoever holds the right; its state is a Var: two holders at once would be a data race.
class Holder {
 public:
  using Right = core::DispatchRight<ModelAtomics, Holder>;

  explicit Holder(Scheduler& run) : right_(*this) { run.name("right", right_); }

  void run(Command& command) {
    auto& order = static_cast<Order&>(command);
    table_.set(table_.get() + 1);
    order.runs.set(order.runs.get() + 1);
    order.action();
    ran_.push_back(order.name);
    order.complete();
  }

  void dispatch_once() {
    if (right_.try_acquire()) {
      table_.set(table_.get() + 1);
      right_.run_commands();
      right_.release();
    }
  }

  /// A command, kept as long as the scenario: as Order::keep does in core/control/order.h.
  Order& order(
      const std::string& name, std::function<void()> action = [] {}) {
    return orders_.emplace_back(name, std::move(action));
  }

  Right& right() { return right_; }
  [[nodiscard]] const std::vector<std::string>& ran() const { return ran_; }

 private:
  Right right_;
  std::deque<Order> orders_;
  Var<int> table_;
  std::vector<std::string> ran_;
};

void submit_and_await(Holder& holder, Order& order) {
  holder.right().submit(order);
  check(order.await(kNever), "timed out without a deadline");
  check(order.runs.get() == 1, "the command's effect is not there");
}

TEST(DispatchRightModel, OneSubmitterOneDispatcher) {
  const Bounds bounds{.preemptions = 3, .stale_loads = 3, .surprises = 2};
  expect_holds({.name = "right, one submitter", .bounds = bounds}, [](Scheduler& run) {
    Holder holder(run);
    Order& order = holder.order("command");
    run.name("order", order);
    run.spawn("submitter", [&] { submit_and_await(holder, order); });
    run.spawn("dispatcher", [&] {
      holder.dispatch_once();
      holder.dispatch_once();
    });
    run.join();
    check(holder.ran().size() == 1, "run twice or never");
  });
}

TEST(DispatchRightModel, CommandsOfOneThreadRunInOrder) {
  expect_holds({.name = "right, two commands"}, [](Scheduler& run) {
    Holder holder(run);
    Order& first = holder.order("1");
    Order& second = holder.order("2");
    run.spawn("submitter", [&] {
      holder.right().submit(first);
      submit_and_await(holder, second);
      check(first.done(), "the second ran before the first");
    });
    run.spawn("dispatcher", [&] { holder.dispatch_once(); });
    run.join();
    check(holder.ran() == std::vector<std::string>{"1", "2"}, "out of order");
  });
}

TEST(DispatchRightModel, TwoSubmittersOneDispatcher) {
  expect_holds({.name = "right, two submitters"}, [](Scheduler& run) {
    Holder holder(run);
    Order& one = holder.order("one");
    Order& two = holder.order("two");
    run.spawn("submitter one", [&] { submit_and_await(holder, one); });
    run.spawn("submitter two", [&] { submit_and_await(holder, two); });
    run.spawn("dispatcher", [&] { holder.dispatch_once(); });
    run.join();
    check(holder.ran().size() == 2, "run twice or never");
  });
}

// Nobody waits: the command has run all the same once all threads are back.
TEST(DispatchRightModel, NoCommandIsLeftBehind) {
  expect_holds({.name = "right, no waiter"}, [](Scheduler& run) {
    Holder holder(run);
    Order& one = holder.order("one");
    Order& two = holder.order("two");
    run.spawn("submitter one", [&] { holder.right().submit(one); });
    run.spawn("submitter two", [&] { holder.right().submit(two); });
    run.spawn("dispatcher", [&] { holder.dispatch_once(); });
    run.join();
    check(holder.ran().size() == 2, "run twice or never");
    check(one.done() && two.done(), "not completed");
  });
}

TEST(DispatchRightModel, SeveralMayAwaitOneCommand) {
  const Report report = expect_holds({.name = "right, two waiters"}, [](Scheduler& run) {
    Holder holder(run);
    Order& order = holder.order("command");
    run.spawn("submitter", [&] { submit_and_await(holder, order); });
    run.spawn("waiter", [&] {
      check(order.await(kNever), "timed out without a deadline");
      check(order.runs.get() == 1, "the command's effect is not there");
    });
    run.spawn("dispatcher", [&] { holder.dispatch_once(); });
    run.join();
  });
  EXPECT_GT(report.sleeps, 0U);
}

TEST(DispatchRightModel, AwaitMayTimeOutAndBeRepeated) {
  const Bounds bounds{.preemptions = 3, .surprises = 2};
  expect_holds({.name = "right, time-out", .bounds = bounds}, [](Scheduler& run) {
    Holder holder(run);
    Order& order = holder.order("command");
    run.spawn("submitter", [&] {
      holder.right().submit(order);
      if (order.await(kSoon)) {
        check(order.runs.get() == 1, "the command's effect is not there");
      }
      check(order.await(kNever), "timed out without a deadline");
      check(order.runs.get() == 1, "the command's effect is not there");
    });
    run.spawn("dispatcher", [&] { holder.dispatch_once(); });
    run.join();
  });
}

// Why an order holds its owner (Order::keep): complete() still uses the command when await() is
// back.
TEST(DispatchRightModel, ACommandMustOutliveAwait) {
  expect_fails({.name = "right, command freed by its waiter"}, "destr", [](Scheduler& run) {
    Holder holder(run);
    run.spawn("submitter", [&] {
      Order order("command", [] {});
      holder.right().submit(order);
      order.await(kNever);
    });
    run.spawn("dispatcher", [&] { holder.dispatch_once(); });
    run.join();
  });
}

// The parts of a bus: a lane, a dispatcher that parks, a subscriber whose captured state is freed
// when unsubscribe has returned, as core/runtime.cc does.
class BusRun {
 public:
  BusRun(Scheduler& run, FenceMode mode, std::size_t capacity)
      : holder_(run),
        doorbell_(mode),
        lane_(ReferenceRing<int>(capacity), capacity, mode, doorbell_) {
    run.name("doorbell", doorbell_);
    run.name("lane", lane_);
    run.name("stopping", stopping_);
  }

  // Publisher.

  void publish(int value) {
    PushResult result = PushResult::kNoCredit;
    while ((result = lane_.push(&value, 1)) == PushResult::kNoCredit) {
      lane_.wait_for_room(kNever);
    }
    check(result == PushResult::kAccepted, "refused without a reason");
  }

  void stop() {
    stopping_.fetch_or(1, std::memory_order_seq_cst);
    doorbell_.notify();
  }

  // Subscriber.

  void unsubscribe() {
    Order& detach = holder_.order("detach", [this] { subscribed_.set(0); });
    submit_and_await(holder_, detach);
    state_.set(0);  // free: a call that still runs, or is still to come, races with it
  }

  // Dispatcher.

  void dispatch(std::size_t batch) {
    holder_.right().acquire();
    while (!stopping() || lane_.waiting() != 0) {
      if (dispatch_some(batch) == 0) {
        core::park(
            holder_.right(), doorbell_,
            [this] { return lane_.waiting() != 0 || !holder_.right().empty() || stopping(); },
            [] { return kNever; });
      }
    }
    holder_.right().release();
  }

  [[nodiscard]] std::size_t dispatched() const { return dispatched_; }
  Holder& holder() { return holder_; }

 private:
  std::size_t dispatch_some(std::size_t batch) {
    std::vector<int> events(batch);
    const std::size_t count = lane_.take(events.data(), batch, lane_.limit());
    run_pending();
    for (std::size_t i = 0; i < count; ++i) {
      if (subscribed_.get() == 1) {
        check(state_.get() == 1, "called after unsubscribe has returned");
      }
      ++dispatched_;
      run_pending();
    }
    return count;
  }

  void run_pending() {
    if (holder_.right().pending()) {
      holder_.right().run_commands();
    }
  }

  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_seq_cst) == 1; }

  Holder holder_;
  Bell doorbell_;
  Lane lane_;
  Atomic<std::uint64_t> stopping_{0};
  Var<int> subscribed_{1};
  Var<int> state_{1};
  std::size_t dispatched_ = 0;
};

class BusModel : public FenceModes {
 protected:
  static Exploration named(const std::string& name, Bounds bounds = {}) {
    return FenceModes::named("bus, " + name, bounds);
  }
};

INSTANTIATE_TEST_SUITE_P(Fences, BusModel, FenceModes::both(), FenceModes::suffix);

TEST_P(BusModel, UnsubscribeIsTheEndOfCalls) {
  const Report report = expect_holds(named("unsubscribe"), [](Scheduler& run) {
    BusRun bus(run, mode(), 4);
    run.spawn("publisher", [&] {
      bus.publish(1);
      bus.stop();
    });
    run.spawn("dispatcher", [&] { bus.dispatch(2); });
    run.spawn("unsubscriber", [&] { bus.unsubscribe(); });
    run.join();
    check(bus.dispatched() == 1, "an event was not dispatched");
    check(bus.holder().ran().size() == 1, "run twice or never");
  });
  EXPECT_GT(report.sleeps, 0U);
}

// Nothing is published: the command must not wait for an event.
TEST_P(BusModel, UnsubscribeWhileItSleeps) {
  const Report report = expect_holds(named("unsubscribe at rest"), [](Scheduler& run) {
    BusRun bus(run, mode(), 4);
    run.spawn("dispatcher", [&] { bus.dispatch(2); });
    run.spawn("unsubscriber", [&] {
      bus.unsubscribe();
      bus.stop();
    });
    run.join();
    check(bus.holder().ran().size() == 1, "run twice or never");
  });
  EXPECT_GT(report.sleeps, 0U);
}

TEST_P(BusModel, ManyByChance) {
  Exploration exploration = named("by chance");
  exploration.by_chance = 60'000;
  expect_holds(exploration, [](Scheduler& run) {
    BusRun bus(run, mode(), 1);
    Order& other = bus.holder().order("other");
    run.spawn("publisher", [&] {
      for (int event = 1; event <= 4; ++event) {
        bus.publish(event);
      }
      bus.stop();
    });
    run.spawn("dispatcher", [&] { bus.dispatch(2); });
    run.spawn("unsubscriber", [&] { bus.unsubscribe(); });
    run.spawn("submitter", [&] { submit_and_await(bus.holder(), other); });
    run.join();
    check(bus.dispatched() == 4, "an event was not dispatched");
    check(bus.holder().ran().size() == 2, "run twice or never");
  });
}

}  // namespace
}  // namespace herald::model
