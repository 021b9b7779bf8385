// Fan-out while subscribers remove each other: calls, and the numbers about them, against a model.
#include "core/fan_out/fan_out_list.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using support::manual_bus;

// At its `call`-th call a subscriber removes these, and then perhaps throws.
struct Script {
  std::size_t call = 1;
  std::vector<std::size_t> victims;
  bool throws = false;
};

class RemovingSubscribers {
 public:
  explicit RemovingSubscribers(const std::vector<Script>& scripts)
      : scripts_(scripts),
        calls_(scripts.size()),
        expected_(scripts.size()),
        active_(scripts.size(), true),
        subscriptions_(scripts.size()) {
    for (std::size_t i = 0; i < scripts.size(); ++i) {
      subscriptions_[i] =
          bus_.subscribe({.types = kToken}, [this, i](const Event&) { called(i); }).value();
    }
  }

  // One event after the other, as a row.
  void fan_out(int events) {
    for (int event = 0; event < events; ++event) {
      RC_ASSERT(bus_.publish(kToken, "text") == PublishResult::kAccepted);
    }
    bus_.pump();
    for (int event = 0; event < events; ++event) {
      expect_one();
    }
  }
  void expect_one() {
    for (std::size_t i = 0; i < scripts_.size(); ++i) {
      if (active_[i] && ++expected_[i] == scripts_[i].call) {
        exceptions_ += scripts_[i].throws ? 1 : 0;
        for (const std::size_t victim : scripts_[i].victims) {
          active_[victim % active_.size()] = false;
        }
      }
    }
  }
  void check() {
    RC_ASSERT(calls_ == expected_);
    std::uint64_t deliveries = 0;
    for (std::size_t i = 0; i < scripts_.size(); ++i) {
      RC_ASSERT(subscriptions_[i].active() == active_[i]);
      RC_ASSERT(subscriptions_[i].stats().offered == expected_[i]);
      RC_ASSERT(subscriptions_[i].stats().delivered == expected_[i]);
      deliveries += expected_[i];
    }
    RC_ASSERT(bus_.stats().deliveries == deliveries);
    RC_ASSERT(bus_.stats().exceptions == exceptions_);
    RC_ASSERT(bus_.stats().conserved());
  }

 private:
  void called(std::size_t i) {
    if (++calls_[i] == scripts_[i].call) {
      for (const std::size_t victim : scripts_[i].victims) {
        subscriptions_[victim % subscriptions_.size()].unsubscribe();
      }
      if (scripts_[i].throws) {
        throw i;
      }
    }
  }

  Bus bus_ = manual_bus();
  const std::vector<Script> scripts_;
  std::vector<std::size_t> calls_;
  std::vector<std::size_t> expected_;
  std::vector<bool> active_;
  std::uint64_t exceptions_ = 0;
  std::vector<Subscription> subscriptions_;
};

RC_GTEST_PROP(FanOutList, RemovalsAndExceptionsKeepCallsAndCountsRight, ()) {
  const auto any_script = rc::gen::build<Script>(
      rc::gen::set(&Script::call, rc::gen::inRange<std::size_t>(1, 4)),
      rc::gen::set(&Script::victims, rc::gen::container<std::vector<std::size_t>>(
                                         rc::gen::inRange<std::size_t>(0, 20))),
      rc::gen::set(&Script::throws));
  const auto scripts = *rc::gen::nonEmpty(rc::gen::container<std::vector<Script>>(any_script));
  RemovingSubscribers subscribers(scripts);
  for (const int events : {1, 3, 2}) {
    subscribers.fan_out(events);
  }
  subscribers.check();
}

}  // namespace
}  // namespace herald
