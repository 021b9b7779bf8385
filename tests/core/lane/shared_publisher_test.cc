#include "core/lane/shared_publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::eventually;
using support::kLong;
using support::manual_bus;
using support::row_of;
using support::Texts;
using support::thread_bus;
using testing::ElementsAre;

BusOptions with_shared_lane(SharedLaneOptions options) { return {.shared_lane = options}; }

class SharedPublisherCapacity : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Events, SharedPublisherCapacity,
                         testing::Values(1, 2, 31, 32, 33, 255, 256, 257, 16'384));

TEST_P(SharedPublisherCapacity, IsExact) {
  const std::size_t capacity = GetParam();
  Bus bus = manual_bus(with_shared_lane({.capacity_events = capacity}));
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < capacity; ++i) {
      ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted) << i;
    }
    ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kDropped);
    ASSERT_EQ(bus.pump().events, capacity);
  }
  EXPECT_EQ(row_of(bus, "shared").capacity_events, capacity);
  EXPECT_EQ(row_of(bus, "shared").dropped, 5u);
  EXPECT_TRUE(bus.stats().conserved());
}

TEST_P(SharedPublisherCapacity, IsExactForManyThreads) {
  constexpr std::size_t kThreads = 4;
  const std::size_t capacity = GetParam();
  Bus bus = manual_bus(with_shared_lane({.capacity_events = capacity}));
  std::array<std::size_t, kThreads> accepted{};
  std::vector<std::thread> threads;
  for (std::size_t& own : accepted) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < capacity; ++i) {
        own += bus.publish(kToken, "text") == PublishResult::kAccepted ? 1 : 0;
      }
    });
  }
  std::size_t sum = 0;
  for (std::size_t who = 0; who < kThreads; ++who) {
    threads[who].join();
    sum += accepted[who];
  }
  EXPECT_EQ(sum, capacity);
  EXPECT_EQ(bus.pump().events, capacity);
  EXPECT_EQ(bus.stats().total.attempts, kThreads * capacity);
  EXPECT_TRUE(bus.stats().conserved());
}

TEST(SharedPublisher, KeepsTheOrderOfEachThread) {
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kEvents = 2'000;
  Bus bus = thread_bus(with_shared_lane({.capacity_events = 64}));
  const auto number = bus.define<std::uint64_t>("number").value();
  std::map<StreamId, std::uint64_t> next;
  std::size_t out_of_order = 0;
  auto subscription = bus.subscribe(number,
                                    [&](std::uint64_t value, const Event& event) {
                                      out_of_order += next[event.stream()]++ == value ? 0 : 1;
                                    })
                          .value();
  std::vector<std::thread> threads;
  for (std::uint64_t who = 1; who <= kThreads; ++who) {
    threads.emplace_back([&bus, number, who] {
      for (std::uint64_t i = 0; i < kEvents; ++i) {
        ASSERT_EQ(bus.publish(number, i, {.stream = who}), PublishResult::kAccepted);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(out_of_order, 0u);
  for (std::uint64_t who = 1; who <= kThreads; ++who) {
    EXPECT_EQ(next[who], kEvents);
  }
}

TEST(SharedPublisher, ShortLivedThreadsLoseNothing) {
  Bus bus = manual_bus(with_shared_lane({.capacity_events = 2}));
  Texts seen;
  auto subscription = bus.subscribe({.types = kToken}, support::collect(seen)).value();
  Texts expected;
  for (int i = 0; i < 200; ++i) {
    std::thread([&] {
      EXPECT_EQ(bus.publish(kToken, std::to_string(i)), PublishResult::kAccepted);
    }).join();
    expected.push_back(std::to_string(i));
    if (i % 2 == 1) {
      bus.pump();
    }
  }
  EXPECT_EQ(seen, expected);
}

TEST(SharedPublisher, BlockGivesUpAfterMaxWait) {
  Bus bus = manual_bus(with_shared_lane(
      {.capacity_events = 1, .overflow = OverflowPolicy::kBlock, .max_wait = 2ms}));
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(bus.publish(kToken, "b"), PublishResult::kFull);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 2ms);
  EXPECT_EQ(row_of(bus, "shared").full, 1u);
  EXPECT_EQ(row_of(bus, "shared").waits, 1u);
}

// Two threads publish into a full shared lane and wait.
class WaitingPublishes {
 public:
  explicit WaitingPublishes(Bus& bus)
      : threads_{std::thread([this, &bus] { results_[0] = bus.publish(kToken, "waiting"); }),
                 std::thread([this, &bus] { results_[1] = bus.publish(kToken, "waiting"); })} {
    EXPECT_TRUE(eventually([&] { return row_of(bus, "shared").waits == 2; }));
  }
  std::array<PublishResult, 2> results() {
    threads_[0].join();
    threads_[1].join();
    return results_;
  }

 private:
  std::array<PublishResult, 2> results_{};
  std::array<std::thread, 2> threads_;
};

BusOptions with_waiting_shared_lane(std::chrono::nanoseconds max_wait) {
  return with_shared_lane(
      {.capacity_events = 1, .overflow = OverflowPolicy::kBlock, .max_wait = max_wait});
}

TEST(SharedPublisher, BlockWaitsForRoom) {
  for (const std::chrono::nanoseconds max_wait :
       {std::chrono::nanoseconds(kLong), std::chrono::nanoseconds::max()}) {
    Bus bus = manual_bus(with_waiting_shared_lane(max_wait));
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
    WaitingPublishes waiting(bus);
    std::uint64_t events = 0;
    EXPECT_TRUE(eventually([&] { return (events += bus.pump().events) == 3; }));
    EXPECT_THAT(waiting.results(), ElementsAre(PublishResult::kAccepted, PublishResult::kAccepted));
  }
}

TEST(SharedPublisher, CloseWakesAllThatWait) {
  Bus bus = manual_bus(with_waiting_shared_lane(kLong));
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  WaitingPublishes waiting(bus);
  bus.close();
  EXPECT_THAT(waiting.results(), ElementsAre(PublishResult::kClosed, PublishResult::kClosed));
  EXPECT_EQ(bus.pump().events, 1u);
  EXPECT_TRUE(bus.stats().conserved());
}

TEST(SharedPublisher, BlocksByDefaultWithADispatcherThread) {
  Bus bus = thread_bus(with_shared_lane({.capacity_events = 1}));
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  }
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(bus.stats().dispatched, 1'000u);
}

TEST(SharedPublisher, InACallbackAFullLaneIsFullAtOnce) {
  Bus bus = thread_bus(with_shared_lane({.capacity_events = 2}));
  std::vector<PublishResult> results;
  auto subscription = bus.subscribe({.types = kInfo},
                                    [&](const Event&) {
                                      for (int i = 0; i < 3; ++i) {
                                        results.push_back(bus.publish(kToken, "text"));
                                      }
                                    })
                          .value();
  ASSERT_EQ(bus.publish(kInfo, "go"), PublishResult::kAccepted);
  ASSERT_TRUE(bus.flush(kLong).ok());
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_THAT(results, ElementsAre(PublishResult::kAccepted, PublishResult::kAccepted,
                                   PublishResult::kFull));
  EXPECT_EQ(bus.stats().dispatched, 3u);
}

TEST(SharedPublisher, AfterCloseIsClosed) {
  Bus bus = manual_bus();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  bus.close();
  EXPECT_EQ(bus.publish(kToken, "b"), PublishResult::kClosed);
  EXPECT_EQ(row_of(bus, "shared").closed, 1u);
  EXPECT_EQ(bus.pump().events, 1u);
}

}  // namespace
}  // namespace herald
