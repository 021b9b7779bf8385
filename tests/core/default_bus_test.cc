#include "herald/default_bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using support::collect;
using support::kLong;
using support::Texts;
using testing::ElementsAre;
using testing::ExitedWithCode;
using testing::HasSubstr;
using testing::Not;

constexpr Filter kTokens{.types = kToken};

// Its first call, if this test has a process for itself.
TEST(DefaultBus, IsTheSameForManyThreadsAtOnce) {
  constexpr std::size_t kThreads = 16;
  std::array<Bus*, kThreads> found{};
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  for (Bus*& bus : found) {
    threads.emplace_back([&start, &bus] {
      start.arrive_and_wait();
      bus = &default_bus();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(found, testing::Each(&default_bus()));
}

TEST(DefaultBus, DeliversOnAThreadOfItsOwn) {
  Texts texts;
  std::thread::id thread;
  const auto collect_on_a_thread = [&](const Event& event) {
    texts.emplace_back(event.text());
    thread = std::this_thread::get_id();
  };
  auto subscription = default_bus().subscribe(kTokens, collect_on_a_thread).value();
  EXPECT_EQ(default_bus().publish(kToken, "a"), PublishResult::kAccepted);
  EXPECT_EQ(default_bus().publish(kToken, "b"), PublishResult::kAccepted);
  ASSERT_TRUE(default_bus().flush(kLong).ok());
  EXPECT_THAT(texts, ElementsAre("a", "b"));
  EXPECT_NE(thread, std::this_thread::get_id());
  EXPECT_TRUE(default_bus().stats().conserved());
}

// What happens when a process ends, each time in one of its own. An exit status of 0 also says that
// a sanitizer found neither a leak nor a race, if one was looking.
class DefaultBusDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

// Publishes one event and says whether it came.
void use_default_bus(const char* when) {
  Texts texts;
  auto subscription = default_bus().subscribe(kTokens, collect(texts)).value();
  const PublishResult result =
      default_bus().publish(kToken, "text longer than what an event holds");
  const bool came = default_bus().flush(kLong).ok() && texts.size() == 1;
  std::fprintf(stderr, "%s: %s\n", when,
               result == PublishResult::kAccepted && came ? "delivered" : "lost");
}

[[noreturn]] void use_first_at_exit() {
  std::atexit([] { use_default_bus("at exit"); });
  std::exit(0);
}

TEST_F(DefaultBusDeathTest, MayFirstBeUsedAtExit) {
  EXPECT_EXIT(use_first_at_exit(), ExitedWithCode(0), "at exit: delivered");
}

struct UsesDefaultBusAtItsEnd {
  ~UsesDefaultBusAtItsEnd() { use_default_bus("destructor"); }
};

// Static objects go in reverse order: a bus that were one of them would be gone by then.
[[noreturn]] void use_in_a_destructor_older_than_the_bus() {
  static const UsesDefaultBusAtItsEnd older;
  std::atexit([] { use_default_bus("at exit"); });
  use_default_bus("before");
  std::exit(0);
}

TEST_F(DefaultBusDeathTest, OutlivesStaticObjectsOlderThanItself) {
  EXPECT_EXIT(use_in_a_destructor_older_than_the_bus(), ExitedWithCode(0),
              "before: delivered\nat exit: delivered\ndestructor: delivered");
}

// A callback that never returns, and an event behind it.
[[noreturn]] void exit_during_a_callback() {
  static std::binary_semaphore entered(0);
  static std::binary_semaphore never(0);
  const auto block = [](const Event& event) {
    std::fprintf(stderr, "%s\n", std::string(event.text()).c_str());
    entered.release();
    never.acquire();
  };
  static auto* const subscription =
      new Subscription(default_bus().subscribe(kTokens, block).value());
  static_cast<void>(subscription);
  default_bus().publish(kToken, "entered");
  default_bus().publish(kToken, "behind it");
  entered.acquire();
  std::exit(0);
}

TEST_F(DefaultBusDeathTest, ExitWaitsForNothing) {
  EXPECT_EXIT(
      exit_during_a_callback(), ExitedWithCode(0),
      testing::AllOf(HasSubstr("entered"), Not(HasSubstr("behind it")), Not(HasSubstr("herald:"))));
}

// Holds each event until it is asked for its deadline, which never comes by itself.
struct HoldsBack {
  Event held;
  Verdict operator()(Event& event, Emitter& emitter) {
    held = std::move(event);
    emitter.wake_at(std::chrono::steady_clock::now() + std::chrono::hours(1));
    return Verdict::kHold;
  }
  void on_deadline(Emitter& emitter) { emitter.resume(std::move(held)); }
};

[[noreturn]] void drain_at_exit() {
  static std::size_t calls = 0;
  static const Subscription guard = default_bus().use(kTokens, HoldsBack()).value();
  static const Subscription subscription =
      default_bus().subscribe(kTokens, support::count_in(calls)).value();
  std::atexit([] {
    const bool complete = default_bus().drain(kLong)->complete;
    std::fprintf(stderr, "%s: %zu\n", complete ? "complete" : "incomplete", calls);
  });
  default_bus().publish(kToken, "a");
  std::exit(0);
}

TEST_F(DefaultBusDeathTest, DrainAtExitLosesNothing) {
  EXPECT_EXIT(drain_at_exit(), ExitedWithCode(0), "^complete: 1");
}

}  // namespace
}  // namespace herald
