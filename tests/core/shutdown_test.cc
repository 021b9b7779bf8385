// The end of a bus: close, drain, destruction, and what is said about what was lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
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
using testing::HasSubstr;

constexpr Filter kTokens{.types = kToken};

// What a bus says on standard error when it is destroyed.
std::string last_words(std::optional<Bus>& bus) {
  testing::internal::CaptureStderr();
  bus.reset();
  return testing::internal::GetCapturedStderr();
}

// Close.

TEST(Close, IsIdempotent) {
  for (const DispatchMode mode : {DispatchMode::kThread, DispatchMode::kManual}) {
    Bus bus = thread_bus({.dispatch = mode});
    Publisher publisher = make_publisher(bus);
    publish_tokens(publisher, {"a"});
    bus.close();
    bus.close();
    EXPECT_EQ(publisher.publish(kToken, "b"), PublishResult::kClosed);
    EXPECT_TRUE(bus.flush(kLong).ok());
    EXPECT_EQ(bus.stats().dispatched, 1u);
  }
}

TEST(Close, InACallbackStopsNewEventsAndDeliversTheRest) {
  for (const DispatchMode mode : {DispatchMode::kThread, DispatchMode::kManual}) {
    Bus bus = thread_bus({.dispatch = mode});
    Publisher publisher = make_publisher(bus);
    std::size_t calls = 0;
    std::vector<PublishResult> results;
    auto subscription =
        bus.subscribe(kTokens,
                      [&](const Event&) {
                        ++calls;
                        bus.close();
                        results.push_back(publisher.publish(kToken, "late"));
                        results.push_back(bus.publish(kToken, "late"));
                        EXPECT_FALSE(bus.publisher().ok());
                        EXPECT_FALSE(bus.subscribe(kTokens, [](const Event&) {}).ok());
                      })
            .value();
    ASSERT_EQ(publisher.publish_batch(kToken, std::vector<std::string_view>{"a", "b"}).accepted,
              2u);
    ASSERT_TRUE(bus.flush(kLong).ok());
    EXPECT_EQ(calls, 2u);
    EXPECT_THAT(results, testing::Each(PublishResult::kClosed));
    EXPECT_TRUE(bus.stats().conserved());
  }
}

TEST(Close, FromManyThreadsLosesNothing) {
  for (int round = 0; round < 50; ++round) {
    Bus bus = thread_bus();
    std::atomic<std::uint64_t> accepted{0};
    std::vector<std::thread> threads;
    for (int who = 0; who < 3; ++who) {
      threads.emplace_back([&] {
        absl::StatusOr<Publisher> publisher = bus.publisher({.capacity_events = 8});
        for (int i = 0; publisher.ok() && i < 1'000; ++i) {
          const PublishResult result =
              i % 2 == 0 ? publisher->publish(kToken, "text") : bus.publish(kToken, "text");
          accepted.fetch_add(result == PublishResult::kAccepted ? 1 : 0, std::memory_order_relaxed);
          if (result == PublishResult::kClosed) {
            break;
          }
        }
      });
    }
    std::thread closers[2] = {std::thread([&] { bus.close(); }), std::thread([&] { bus.close(); })};
    for (std::thread& thread : threads) {
      thread.join();
    }
    closers[0].join();
    closers[1].join();
    ASSERT_TRUE(bus.flush(kLong).ok());
    ASSERT_EQ(bus.stats().dispatched, accepted);
    ASSERT_TRUE(bus.stats().conserved());
  }
}

TEST(Close, LetsSubscribersLeave) {
  Bus bus = manual_bus();
  const auto state = std::make_shared<int>();
  auto subscription = bus.subscribe(kTokens, [state](const Event&) {}).value();
  bus.close();
  subscription.unsubscribe();
  EXPECT_EQ(state.use_count(), 1);
}

// Drain.

TEST(Drain, DeliversEverythingAndSaysSo) {
  for (const DispatchMode mode : {DispatchMode::kThread, DispatchMode::kManual}) {
    Bus bus = thread_bus({.dispatch = mode});
    Publisher publisher = make_publisher(bus);
    publish_tokens(publisher, {"a", "b"});
    ASSERT_EQ(bus.publish(kToken, "c"), PublishResult::kAccepted);
    const DrainReport report = bus.drain(kLong).value();
    EXPECT_TRUE(report.complete);
    EXPECT_EQ(report.undelivered, 0u);
    EXPECT_TRUE(report.incomplete.empty());
    EXPECT_EQ(publisher.publish(kToken, "d"), PublishResult::kClosed);
    EXPECT_EQ(bus.stats().dispatched, 3u);
    EXPECT_TRUE(bus.drain(kLong).value().complete) << "idempotent";
  }
}

TEST(Drain, InACallbackIsRefusedAndClosesNothing) {
  Bus bus = manual_bus();
  absl::Status refusal;
  auto subscription =
      bus.subscribe(kTokens, [&](const Event&) { refusal = bus.drain(kLong).status(); }).value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  bus.pump();
  expect_refused(refusal, absl::StatusCode::kFailedPrecondition, {"drain", "inside a callback"});
  EXPECT_EQ(bus.publish(kToken, "b"), PublishResult::kAccepted);
}

TEST(Drain, OutOfTimeSaysWhoseEventsAreLeft) {
  Bus bus = manual_bus();
  Publisher one = make_publisher(bus, {.name = "one"});
  Publisher two = make_publisher(bus, {.name = "two"});
  const Publisher idle = make_publisher(bus, {.name = "idle"});
  publish_tokens(one, {"a", "b"});
  publish_tokens(two, {"c"});
  ASSERT_EQ(bus.publish(kToken, "d"), PublishResult::kAccepted);
  const DrainReport report = bus.drain(0ns).value();
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(report.undelivered, 4u);
  std::vector<std::string> left;
  for (const PublisherStats& row : report.incomplete) {
    left.push_back(row.name + ' ' + std::to_string(row.queued));
  }
  EXPECT_THAT(left, testing::UnorderedElementsAre("one 2", "two 1", "shared 1"));
  EXPECT_TRUE(bus.drain(kLong).value().complete) << "nothing is lost by giving up";
}

TEST(Drain, NamesThePublisherOfEventsThatWereTakenAndNotDispatched) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus, {.name = "p"});
  publish_tokens(publisher, {"a", "b", "c"});
  ASSERT_EQ(bus.pump({.max_events = 1}).events, 1u);
  const DrainReport report = bus.drain(0ns).value();
  EXPECT_EQ(report.undelivered, 2u);
  std::uint64_t left = 0;
  for (const PublisherStats& row : report.incomplete) {
    left += row.queued;
  }
  EXPECT_EQ(left, 2u);
}

TEST(Drain, KeepsItsTimeWhileACallbackRuns) {
  for (const DispatchMode mode : {DispatchMode::kThread, DispatchMode::kManual}) {
    Bus bus = thread_bus({.dispatch = mode});
    std::binary_semaphore running(0);
    std::binary_semaphore drained(0);
    bool was_in_time = false;
    auto subscription = bus.subscribe(kTokens,
                                      [&](const Event&) {
                                        running.release();
                                        was_in_time = drained.try_acquire_for(10s);
                                      })
                            .value();
    ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
    std::jthread pumper;
    if (mode == DispatchMode::kManual) {
      pumper = std::jthread([&] { bus.pump(); });
    }
    running.acquire();
    const DrainReport report = bus.drain(1ms).value();
    drained.release();
    EXPECT_FALSE(report.counted);
    EXPECT_FALSE(report.complete);
    const DrainReport end = bus.drain(kLong).value();
    EXPECT_TRUE(was_in_time);
    EXPECT_TRUE(end.counted && end.complete);
  }
}

TEST(Drain, CountsWhatMiddlewareKeeps) {
  Bus bus = manual_bus();
  auto guard = bus.use(kTokens,
                       [held = std::vector<Event>()](Event& event, Emitter&) mutable {
                         held.push_back(std::move(event));
                         return Verdict::kHold;
                       })
                   .value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  const DrainReport report = bus.drain(kLong).value();
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(report.undelivered, 1u);
}

// Destruction.

TEST(Destruction, DeliversWhatWasAccepted) {
  for (const DispatchMode mode : {DispatchMode::kThread, DispatchMode::kManual}) {
    std::size_t calls = 0;
    std::optional<Bus> bus(thread_bus({.dispatch = mode}));
    auto subscription = bus->subscribe(kTokens, support::count_in(calls)).value();
    Publisher publisher = make_publisher(*bus);
    for (int i = 0; i < 1'000; ++i) {
      publish_tokens(publisher, {"a"});
    }
    EXPECT_EQ(last_words(bus), "");
    EXPECT_EQ(calls, 1'000u);
  }
}

TEST(Destruction, SaysWhatWasLostForEachPublisher) {
  std::size_t calls = 0;
  std::optional<Bus> bus(manual_bus({.drain_on_destroy = 0ns}));
  auto subscription = bus->subscribe(kTokens, support::count_in(calls)).value();
  Publisher one = make_publisher(*bus, {.name = "one"});
  Publisher two = make_publisher(*bus, {.name = "two"});
  const Publisher idle = make_publisher(*bus, {.name = "idle"});
  publish_tokens(one, {"a", "b"});
  publish_tokens(two, {"c"});
  ASSERT_EQ(bus->publish(kToken, "d"), PublishResult::kAccepted);
  const std::string said = last_words(bus);
  EXPECT_THAT(said, HasSubstr("4 accepted events"));
  EXPECT_THAT(said, HasSubstr("\"one\" 2"));
  EXPECT_THAT(said, HasSubstr("\"two\" 1"));
  EXPECT_THAT(said, HasSubstr("\"shared\" 1"));
  EXPECT_THAT(said, testing::Not(HasSubstr("idle")));
  EXPECT_EQ(calls, 0u);
}

TEST(Destruction, NamesThePublisherOfEventsThatWereTakenAndNotDispatched) {
  std::optional<Bus> bus(manual_bus({.drain_on_destroy = 0ns}));
  Publisher publisher = make_publisher(*bus, {.name = "p"});
  for (int i = 0; i < 10; ++i) {
    publish_tokens(publisher, {"a"});
  }
  ASSERT_EQ(bus->pump({.max_events = 3}).events, 3u);
  const std::string said = last_words(bus);
  EXPECT_THAT(said, HasSubstr("7 accepted events"));
  EXPECT_THAT(said, HasSubstr("\"p\" 7"));
}

TEST(Destruction, NumbersAPublisherWithoutAName) {
  std::optional<Bus> bus(manual_bus({.drain_on_destroy = 0ns}));
  const Publisher named = make_publisher(*bus, {.name = "p"});
  Publisher publisher = make_publisher(*bus);
  publish_tokens(publisher, {"a"});
  EXPECT_THAT(last_words(bus), HasSubstr("undelivered: publisher #2 1\n"));
}

TEST(Destruction, NamesThePublisherThatHasClosedSince) {
  std::optional<Bus> bus(manual_bus({.drain_on_destroy = 0ns}));
  {
    Publisher publisher = make_publisher(*bus, {.name = "gone"});
    publish_tokens(publisher, {"a"});
  }
  EXPECT_THAT(last_words(bus), HasSubstr("\"gone\" 1"));
}

TEST(Destruction, SaysWhatMiddlewareStillHeld) {
  std::optional<Bus> bus(manual_bus());
  std::vector<Event> held;
  const auto hold = bus->use(kTokens,
                             [&](Event& event, Emitter&) {
                               held.push_back(std::move(event));
                               return Verdict::kHold;
                             })
                        .value();
  ASSERT_EQ(bus->publish(kToken, "a"), PublishResult::kAccepted);
  ASSERT_EQ(bus->publish(kToken, "b"), PublishResult::kAccepted);
  const DrainReport report = bus->drain(kLong).value();
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(report.undelivered, 2u);
  EXPECT_EQ(report.held, 2u);
  EXPECT_THAT(last_words(bus), HasSubstr("2 events held by middleware"));
}

TEST(Destruction, OfAnIdleBusSaysNothing) {
  for (const DispatchMode mode : {DispatchMode::kThread, DispatchMode::kManual}) {
    std::optional<Bus> bus(thread_bus({.dispatch = mode}));
    EXPECT_EQ(last_words(bus), "");
  }
}

TEST(Destruction, HandlesMayGoInAnyOrder) {
  for (int order = 0; order < 6; ++order) {
    std::optional<Bus> bus(thread_bus());
    std::optional<Publisher> publisher = make_publisher(*bus);
    std::optional<Subscription> subscription = bus->subscribe(kTokens, [](const Event&) {}).value();
    std::optional<Subscription> guard =
        bus->use(kTokens, [](Event&, Emitter&) { return Verdict::kPass; }).value();
    publish_tokens(*publisher, {"a"});
    const auto drop_handles = [&](int which) {
      if (which % 2 == 0) {
        publisher.reset();
        subscription.reset();
        guard.reset();
      } else {
        guard.reset();
        subscription.reset();
        publisher.reset();
      }
    };
    if (order < 2) {
      drop_handles(order);
    }
    bus.reset();
    if (order < 4) {
      drop_handles(order);
      continue;
    }
    EXPECT_EQ(publisher->publish(kToken, "b"), PublishResult::kClosed);
    Publisher other = std::move(*publisher);
    EXPECT_EQ(other.publish(kToken, "b"), PublishResult::kClosed);
  }
}

TEST(Destruction, MayHappenWhileAPublisherPublishes) {
  for (int round = 0; round < 50; ++round) {
    std::optional<Bus> bus(thread_bus());
    std::atomic<std::uint64_t> delivered{0};
    auto subscription =
        bus->subscribe(kTokens,
                       [&](const Event&) { delivered.fetch_add(1, std::memory_order_relaxed); })
            .value();
    std::uint64_t accepted = 0;
    std::binary_semaphore started(0);
    std::thread thread([&accepted, &started, publisher = make_publisher(*bus, 8)]() mutable {
      started.release();
      while (publisher.publish(kToken, "text") == PublishResult::kAccepted) {
        ++accepted;
      }
    });
    started.acquire();
    bus.reset();
    thread.join();
    ASSERT_EQ(delivered.load(std::memory_order_relaxed), accepted);
  }
}

TEST(Destruction, ACallableMayHoldAPublisherOfItsBus) {
  const auto state = std::make_shared<int>();
  {
    std::optional<Bus> bus(manual_bus());
    auto publisher = std::make_shared<Publisher>(make_publisher(*bus));
    auto subscription = bus->subscribe(kTokens,
                                       [publisher, state](const Event& event) {
                                         if (event.text() == "a") {
                                           publish_tokens(*publisher, {"b"});
                                         }
                                       })
                            .value();
    publish_tokens(*publisher, {"a"});
    bus->pump();
    publisher.reset();
    EXPECT_EQ(last_words(bus), "");
    EXPECT_EQ(state.use_count(), 1);
  }
}

// A payload that uses a handle of its own bus when it is destroyed.
TEST(Destruction, AnUndeliveredPayloadMayHoldASubscription) {
  std::optional<Bus> bus(manual_bus({.drain_on_destroy = 0ns}));
  const auto type = bus->define<std::unique_ptr<Subscription>>("owner").value();
  const auto state = std::make_shared<int>();
  for (int i = 0; i < 2; ++i) {
    auto owned =
        std::make_unique<Subscription>(bus->subscribe(kTokens, [state](const Event&) {}).value());
    ASSERT_EQ(bus->publish(type, std::move(owned)), PublishResult::kAccepted);
  }
  EXPECT_THAT(last_words(bus), HasSubstr("2 accepted"));
  EXPECT_EQ(state.use_count(), 1);
}

TEST(Destruction, LeavesNothingOfTheUsersInHandles) {
  for (const DispatchMode mode : {DispatchMode::kThread, DispatchMode::kManual}) {
    const auto state = std::make_shared<int>();
    std::optional<Bus> bus(thread_bus({.dispatch = mode,
                                       .thread = {.on_start = [state] {}},
                                       .on_error = [state](const CallbackError&) {}}));
    const Publisher publisher = make_publisher(*bus);
    const auto subscription = bus->subscribe(kTokens, [state](const Event&) {}).value();
    bus.reset();
    EXPECT_EQ(state.use_count(), 1);
  }
}

TEST(Destruction, AssignmentEndsTheOverwrittenBus) {
  std::size_t calls = 0;
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  auto subscription = bus.subscribe(kTokens, support::count_in(calls)).value();
  publish_tokens(publisher, {"a"});
  bus = manual_bus();
  EXPECT_EQ(calls, 1u) << "drained";
  EXPECT_EQ(publisher.publish(kToken, "b"), PublishResult::kClosed);
  Bus& alias = bus;
  bus = std::move(alias);
  EXPECT_EQ(bus.publish(kToken, "c"), PublishResult::kAccepted);
  Bus moved = std::move(bus);
  EXPECT_EQ(moved.pump().events, 1u);
}

TEST(Destruction, DefaultBusHasADispatcherThread) {
  std::size_t calls = 0;
  {
    Bus bus;
    auto subscription = bus.subscribe(kTokens, support::count_in(calls)).value();
    EXPECT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
    ASSERT_TRUE(bus.flush(kLong).ok());
    EXPECT_EQ(bus.pump().status, PumpResult::Status::kRefused);
  }
  EXPECT_EQ(calls, 1u);
}

void destroy_in_a_callback() {
  std::optional<Bus> bus(manual_bus());
  auto subscription = bus->subscribe(kTokens, [&](const Event&) { bus.reset(); }).value();
  bus->publish(kToken, "a");
  bus->pump();
}

void destroy_in_middleware() {
  std::optional<Bus> bus(manual_bus());
  auto guard = bus->use(kTokens,
                        [&](Event&, Emitter&) {
                          bus.reset();
                          return Verdict::kPass;
                        })
                   .value();
  bus->publish(kToken, "a");
  bus->pump();
}

TEST(DestructionDeathTest, InACallbackEndsTheProcessWithAMessage) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // The default bus may have left its threads.
  EXPECT_DEATH(destroy_in_a_callback(), "a bus was destroyed inside one of its own callbacks");
  EXPECT_DEATH(destroy_in_middleware(), "a bus was destroyed inside one of its own callbacks");
}

}  // namespace
}  // namespace herald
