// Bus::flush: returns when everything accepted before it is delivered.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "herald/bus.h"
#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::expect_refused;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::thread_bus;

constexpr Filter kTokens{.types = kToken};

class Flush : public testing::TestWithParam<DispatchMode> {
 protected:
  Bus bus_ = thread_bus({.dispatch = GetParam()});
  std::size_t calls_ = 0;
  Subscription keeper_ = bus_.subscribe(kTokens, support::count_in(calls_)).value();
};
INSTANTIATE_TEST_SUITE_P(Modes, Flush,
                         testing::Values(DispatchMode::kThread, DispatchMode::kManual),
                         [](const auto& mode) {
                           return mode.param == DispatchMode::kThread ? "Thread" : "Manual";
                         });

TEST_P(Flush, OfNothingReturns) {
  EXPECT_TRUE(bus_.flush(kLong).ok());
  EXPECT_TRUE(bus_.flush(std::chrono::nanoseconds::max()).ok());
  EXPECT_EQ(bus_.stats().dispatched, 0u);
}

TEST_P(Flush, ReturnsWhenAllLanesAreDelivered) {
  Publisher one = make_publisher(bus_);
  Publisher two = make_publisher(bus_);
  for (std::size_t round = 1; round <= 20; ++round) {
    for (int i = 0; i < 100; ++i) {
      publish_tokens(one, {"a"});
      publish_tokens(two, {"b"});
      ASSERT_EQ(bus_.publish(kToken, "c"), PublishResult::kAccepted);
    }
    ASSERT_TRUE(bus_.flush(kLong).ok());
    EXPECT_EQ(calls_, round * 300);
  }
  EXPECT_TRUE(bus_.stats().conserved());
}

TEST_P(Flush, ReturnsWhenBatchesAreDelivered) {
  std::size_t in_batches = 0;
  auto batch = bus_.subscribe_batch(
                       kTokens, [&](std::span<const Event> events) { in_batches += events.size(); })
                   .value();
  for (std::size_t i = 1; i <= 100; ++i) {
    ASSERT_EQ(bus_.publish(kToken, "text"), PublishResult::kAccepted);
    ASSERT_TRUE(bus_.flush(kLong).ok());
    EXPECT_EQ(in_batches, i);
  }
}

TEST_P(Flush, CoversPublishersThatHaveClosed) {
  for (std::size_t i = 1; i <= 100; ++i) {
    {
      Publisher publisher = make_publisher(bus_, 4);
      publish_tokens(publisher, {"a"});
    }
    ASSERT_TRUE(bus_.flush(kLong).ok());
    EXPECT_EQ(calls_, i);
  }
}

TEST_P(Flush, FromManyThreadsAtOnceReturnsToEach) {
  std::atomic<std::size_t> failed{0};
  std::vector<std::thread> threads;
  for (int who = 0; who < 4; ++who) {
    threads.emplace_back([&] {
      Publisher publisher = make_publisher(bus_, 16);
      for (int i = 0; i < 200; ++i) {
        publish_tokens(publisher, {"a"});
        failed.fetch_add(bus_.flush(kLong).ok() ? 0 : 1, std::memory_order_relaxed);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(failed, 0u);
  EXPECT_EQ(calls_, 800u);
}

TEST_P(Flush, InACallbackIsRefused) {
  absl::Status refusal;
  auto subscription =
      bus_.subscribe({.types = kInfo}, [&](const Event&) { refusal = bus_.flush(kLong); }).value();
  ASSERT_EQ(bus_.publish(kInfo, "go"), PublishResult::kAccepted);
  EXPECT_TRUE(bus_.flush(kLong).ok());
  expect_refused(refusal, absl::StatusCode::kFailedPrecondition, {"flush", "inside a callback"});
}

TEST_P(Flush, InMiddlewareIsRefused) {
  absl::Status refusal;
  auto guard = bus_.use(kTokens,
                        [&](Event&, Emitter&) {
                          refusal = bus_.flush(0ns);
                          return Verdict::kPass;
                        })
                   .value();
  ASSERT_EQ(bus_.publish(kToken, "go"), PublishResult::kAccepted);
  EXPECT_TRUE(bus_.flush(kLong).ok());
  EXPECT_EQ(refusal.code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(Flush, OfAnotherBusInACallbackIsAllowed) {
  Bus other = manual_bus();
  ASSERT_EQ(other.publish(kToken, "text"), PublishResult::kAccepted);
  absl::Status flushed = absl::UnknownError("not called");
  auto subscription =
      bus_.subscribe({.types = kInfo}, [&](const Event&) { flushed = other.flush(kLong); }).value();
  ASSERT_EQ(bus_.publish(kInfo, "go"), PublishResult::kAccepted);
  EXPECT_TRUE(bus_.flush(kLong).ok());
  EXPECT_TRUE(flushed.ok()) << flushed;
  EXPECT_EQ(other.stats().dispatched, 1u);
}

TEST_P(Flush, AfterCloseDeliversWhatWasAccepted) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(bus_.publish(kToken, "text"), PublishResult::kAccepted);
  }
  bus_.close();
  EXPECT_TRUE(bus_.flush(kLong).ok());
  EXPECT_EQ(calls_, 10u);
}

TEST_P(Flush, DoesNotWaitForLaterEvents) {
  std::atomic<bool> enough{false};
  std::thread flood([&] {
    Publisher publisher = make_publisher(bus_, 64);
    while (!enough.load(std::memory_order_relaxed)) {
      static_cast<void>(publisher.try_publish(kToken, "later"));
    }
  });
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(bus_.flush(kLong).ok());
  }
  enough.store(true, std::memory_order_relaxed);
  flood.join();
}

TEST(FlushTimeout, IsAnErrorThatLosesNothing) {
  Bus bus = thread_bus();
  std::binary_semaphore inside(0);
  std::binary_semaphore let_go(0);
  std::size_t calls = 0;
  auto subscription = bus.subscribe(kTokens,
                                    [&](const Event&) {
                                      if (++calls == 1) {
                                        inside.release();
                                        let_go.acquire();
                                      }
                                    })
                          .value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  ASSERT_EQ(bus.publish(kToken, "b"), PublishResult::kAccepted);
  inside.acquire();
  expect_refused(bus.flush(0ns), absl::StatusCode::kDeadlineExceeded, {"flush"});
  expect_refused(bus.flush(2ms), absl::StatusCode::kDeadlineExceeded, {"flush"});
  let_go.release();
  EXPECT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(calls, 2u);
}

TEST(FlushTimeout, OfZeroDeliversNothingInManualMode) {
  Bus bus = manual_bus();
  EXPECT_TRUE(bus.flush(0ns).ok()) << "there is nothing to wait for";
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  expect_refused(bus.flush(0ns), absl::StatusCode::kDeadlineExceeded, {});
  EXPECT_EQ(bus.stats().queued, 1u);
  EXPECT_TRUE(bus.flush(kLong).ok());
}

TEST(FlushTimeout, MayBeVeryLong) {
  Bus bus = manual_bus();
  for (const std::chrono::nanoseconds timeout :
       {std::chrono::nanoseconds::max(), std::chrono::nanoseconds::max() / 2,
        std::chrono::nanoseconds(24h * 365 * 100)}) {
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
    EXPECT_TRUE(bus.flush(timeout).ok());
  }
  EXPECT_EQ(bus.stats().dispatched, 3u);
}

TEST(FlushTimeout, EndsAtTheDeadlineWhileASlowCallbackRuns) {
  Bus bus = manual_bus();
  std::size_t calls = 0;
  auto subscription = bus.subscribe(kTokens,
                                    [&](const Event&) {
                                      ++calls;
                                      support::work_for(5ms);
                                    })
                          .value();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  }
  EXPECT_EQ(bus.flush(1ms).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LE(calls, 2u) << "overrun is one event's fan-out";
}

// A round of the dispatcher's thread ends by time, here in the middle of each batch, with the next
// one in hand: what comes behind a flush must not hold it up.
TEST(FlushUnderLoad, IsNotHeldUpByWhatComesBehind) {
  Bus bus = thread_bus();
  std::atomic<bool> goes_on{true};
  const auto slow = [&](const Event&) {
    const auto end = std::chrono::steady_clock::now() + 200us;
    while (std::chrono::steady_clock::now() < end) {
    }
    if (goes_on.load(std::memory_order_relaxed)) {  // Relaxed: a flag alone.
      bus.publish(kToken, "one more");
    }
  };
  const Subscription subscription = bus.subscribe(kTokens, slow).value();
  for (int i = 0; i < 300; ++i) {  // more than a batch, so that there is always another
    ASSERT_EQ(bus.publish(kToken, "x"), PublishResult::kAccepted);
  }
  EXPECT_TRUE(bus.flush(5s).ok());
  goes_on.store(false, std::memory_order_relaxed);
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_TRUE(bus.stats().conserved());
}

}  // namespace
}  // namespace herald
