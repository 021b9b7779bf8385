#include "base/run_delay.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "support/buses.h"

namespace herald::base {
namespace {

using namespace std::chrono_literals;

void stay_on_this_processor() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(sched_getcpu(), &set);
  ASSERT_EQ(pthread_setaffinity_np(pthread_self(), sizeof(set), &set), 0);
}

// Two threads that both want one processor: what one has, the other waits for.
TEST(RunDelay, GrowsByWhatAnotherThreadTakes) {
  std::thread([] {
    stay_on_this_processor();
    const RunDelay delay;
    if (!delay.known()) {
      GTEST_SKIP() << "this kernel has no schedstat: there is no delay to read";
    }
    std::atomic<bool> done{false};
    const std::int64_t before = delay.read_ns();
    std::thread rival([&done] {
      while (!done.load(std::memory_order_relaxed)) {
      }
    });
    EXPECT_TRUE(support::eventually([&] { return delay.read_ns() - before > 10'000'000; }));
    done.store(true, std::memory_order_relaxed);
    rival.join();
  }).join();
}

TEST(RunDelay, IsTheThreadsOwn) {
  std::int64_t of_new_thread = -1;
  std::thread([&] { of_new_thread = RunDelay().read_ns(); }).join();
  EXPECT_GE(of_new_thread, 0);
  EXPECT_LT(of_new_thread, std::chrono::nanoseconds(10s).count());
}

TEST(RunDelay, OfAnotherThreadIsWhatThatOneReads) {
  const pid_t here = gettid();
  std::thread([here] {
    const RunDelay of_other(here);
    EXPECT_EQ(of_other.known(), RunDelay().known());
  }).join();
  // It waits between the two reads at most for longer.
  const std::int64_t before = RunDelay().read_ns();
  const std::int64_t by_number = RunDelay(here).read_ns();
  EXPECT_LE(before, by_number);
  EXPECT_LE(by_number, RunDelay().read_ns());
}

TEST(RunDelay, OfNoThreadIsUnknown) {
  const RunDelay delay(-1);
  EXPECT_FALSE(delay.known());
  EXPECT_EQ(delay.read_ns(), RunDelay::kUnknown);
}

}  // namespace
}  // namespace herald::base
