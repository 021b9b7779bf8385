// Who may unsubscribe whom from where: {itself, a sibling, one that runs on another mailbox, from
// another thread, two at once, in the destructor of a callable} x {callback, mailbox, middleware}.
// The documented result (herald/subscription.h): kDone, and no call afterwards; it is kPending in
// one row alone, where waiting could be for ever.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>

#include "support/buses.h"
#include "support/executors.h"
#include "support/sleeper.h"

namespace herald {
namespace {

using support::BusyMailbox;
using support::executor;
using support::kLong;

enum class Where { kCallback, kMailbox, kMiddleware };

std::string name_of(const testing::TestParamInfo<Where>& where) {
  switch (where.param) {
    case Where::kCallback:
      return "Callback";
    case Where::kMailbox:
      return "Mailbox";
    default:
      return "Middleware";
  }
}

class UnsubscribeMatrix : public testing::TestWithParam<Where> {
 protected:
  /// Calls `body` for each event of run(), at the place of this row.
  Subscription add(std::function<void()> body) {
    const Filter filter{.types = kInfo};
    switch (GetParam()) {
      case Where::kCallback:
        return bus_.subscribe(filter, [body = std::move(body)](const Event&) { body(); }).value();
      case Where::kMailbox:
        return bus_
            .subscribe(filter, [body = std::move(body)](const Event&) { body(); },
                       {.deliver_on = mailbox_})
            .value();
      default:
        return bus_
            .use(filter,
                 [body = std::move(body)](Event&, Emitter&) {
                   body();
                   return Verdict::kPass;
                 })
            .value();
    }
  }
  /// One event, up to the return of its last call.
  void run() {
    ASSERT_EQ(bus_.publish(kInfo, "go"), PublishResult::kAccepted);
    ASSERT_TRUE(bus_.flush(kLong).ok());
    mailbox_.drain();
  }

  Bus bus_ = support::thread_bus();
  Mailbox mailbox_ = executor(bus_);
};

INSTANTIATE_TEST_SUITE_P(Places, UnsubscribeMatrix,
                         testing::Values(Where::kCallback, Where::kMailbox, Where::kMiddleware),
                         name_of);

TEST_P(UnsubscribeMatrix, ItselfIsDoneAndItsCallGoesOn) {
  std::size_t calls = 0;
  std::optional<Unsubscribed> result;
  const auto alive = std::make_shared<int>(0);
  Subscription self;
  self = add([&, alive] {
    ++calls;
    result = self.unsubscribe();
    EXPECT_GT(alive.use_count(), 1);  // the callable outlives its call
  });
  run();
  run();
  EXPECT_EQ(result, Unsubscribed::kDone);
  EXPECT_EQ(calls, 1u);
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_P(UnsubscribeMatrix, ASiblingIsDoneAndNeverCalled) {
  std::size_t calls = 0;
  std::optional<Unsubscribed> result;
  Subscription sibling;
  Subscription first = add([&] {
    if (sibling.active()) {
      result = sibling.unsubscribe();
    }
  });
  sibling = add([&] { ++calls; });
  run();
  run();
  EXPECT_EQ(result, Unsubscribed::kDone);
  EXPECT_EQ(calls, 0u);
}

TEST_P(UnsubscribeMatrix, OneThatRunsOnAnotherMailboxIsPending) {
  BusyMailbox busy(bus_);
  busy.begin(bus_);
  std::optional<Unsubscribed> result;
  Subscription leaver = add([&] { result = busy.subscription.unsubscribe(); });
  run();
  EXPECT_EQ(result, Unsubscribed::kPending);
  EXPECT_FALSE(busy.watched.expired());
  busy.let_go();
  EXPECT_TRUE(support::eventually([&] { return busy.watched.expired(); }));
}

TEST_P(UnsubscribeMatrix, FromAnotherThreadItWaitsForTheCall) {
  std::binary_semaphore entered{0};
  std::binary_semaphore let_go{0};
  std::atomic<bool> ended{false};
  std::size_t calls = 0;
  Subscription subscription = add([&] {
    ++calls;
    entered.release();
    let_go.acquire();
    ended.store(true, std::memory_order_relaxed);
  });
  std::jthread runner([this] { run(); });
  entered.acquire();
  support::Sleeper leaver([&] {
    EXPECT_EQ(subscription.unsubscribe(), Unsubscribed::kDone);
    EXPECT_TRUE(ended.load(std::memory_order_relaxed));
  });
  ASSERT_TRUE(leaver.await_sleep());
  let_go.release();
  leaver.join();
  runner.join();
  run();
  EXPECT_EQ(calls, 1u);
}

TEST_P(UnsubscribeMatrix, TwoAtOnceAreBothDone) {
  std::binary_semaphore entered{0};
  std::binary_semaphore let_go{0};
  std::size_t calls = 0;
  Subscription first = add([&] {
    ++calls;
    entered.release();
    let_go.acquire();
  });
  Subscription second = add([&] { ++calls; });
  std::jthread runner([this] { run(); });
  entered.acquire();
  std::optional<Unsubscribed> results[2];
  {
    std::jthread one([&] { results[0] = first.unsubscribe(); });
    std::jthread two([&] { results[1] = second.unsubscribe(); });
    let_go.release();
  }
  EXPECT_EQ(results[0], Unsubscribed::kDone);
  EXPECT_EQ(results[1], Unsubscribed::kDone);
  runner.join();
  const std::size_t calls_then = calls;
  run();
  EXPECT_EQ(calls, calls_then);
}

// A callable owns the handle of a sibling, and is destroyed by its own unsubscribe().
TEST_P(UnsubscribeMatrix, InADestructorItIsDone) {
  std::size_t calls = 0;
  auto owned = std::make_shared<Subscription>();
  Subscription owner;
  owner = add([&, owned] { owner.unsubscribe(); });
  *owned = add([&] { ++calls; });
  const std::weak_ptr<Subscription> watched = owned;
  owned.reset();
  run();
  EXPECT_TRUE(watched.expired());
  const std::size_t calls_then = calls;
  run();
  EXPECT_EQ(calls, calls_then);
}

}  // namespace
}  // namespace herald
