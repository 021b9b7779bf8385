// A bus with nothing to do sleeps in the kernel: at most 2 voluntary switches and 1 ms of processor
// time of its dispatcher over 5 s, and 2 switches of its watchdog; then it wakes on the next event.
#include <dirent.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "herald/herald.h"

namespace herald {
namespace {

using namespace std::chrono_literals;

struct DispatcherThread {
  std::atomic<pid_t> id{0};
  std::atomic<pthread_t> handle{};
};

long voluntary_switches(pid_t thread_id) {
  std::ifstream status("/proc/self/task/" + std::to_string(thread_id) + "/status");
  std::string word;
  while (status >> word) {
    if (word == "voluntary_ctxt_switches:") {
      long count = 0;
      status >> count;
      return count;
    }
  }
  return -1;
}

// 0 if there is none.
pid_t thread_named(const std::string& name) {
  pid_t found = 0;
  DIR* const tasks = opendir("/proc/self/task");
  for (const dirent* task = readdir(tasks); task != nullptr; task = readdir(tasks)) {
    std::ifstream comm(std::string("/proc/self/task/") + task->d_name + "/comm");
    std::string word;
    comm >> word;
    found = word == name ? std::atoi(task->d_name) : found;
  }
  closedir(tasks);
  return found;
}

// It looks every three milliseconds until it sleeps.
void wait_until_asleep(pid_t watchdog) {
  long before = -1;
  for (long now = 0; now != before; now = voluntary_switches(watchdog)) {
    before = voluntary_switches(watchdog);
    std::this_thread::sleep_for(50ms);
  }
}

double processor_ms(pthread_t thread) {
  clockid_t clock{};
  timespec time{};
  EXPECT_EQ(pthread_getcpuclockid(thread, &clock), 0);
  EXPECT_EQ(clock_gettime(clock, &time), 0);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

void wait_until_parked(const Bus& bus) {
  while (bus.stats().parks == 0) {
    std::this_thread::yield();
  }
}

TEST(IdleBus, SleepsInTheKernelAndWakesOnTheNextEvent) {
  DispatcherThread dispatcher;
  BusOptions options;
  options.thread.on_start = [&] {
    dispatcher.handle = pthread_self();
    dispatcher.id = gettid();
  };
  Bus bus = Bus::create(options).value();
  int tokens = 0;  // read after flush(), which orders it
  auto subscription = bus.subscribe({.types = kToken}, [&](const Event&) { ++tokens; }).value();
  Publisher publisher = bus.publisher().value();
  ASSERT_EQ(publisher.publish(kToken, "before"), PublishResult::kAccepted);
  ASSERT_TRUE(bus.flush(60s).ok());
  wait_until_parked(bus);
  const pid_t watchdog = thread_named("herald-watch");
  ASSERT_NE(watchdog, 0);
  wait_until_asleep(watchdog);

  const long looks = voluntary_switches(watchdog);
  const long switches = voluntary_switches(dispatcher.id);
  const double before_ms = processor_ms(dispatcher.handle);
  ASSERT_GE(switches, 0);
  std::this_thread::sleep_for(5s);  // not to synchronize: the time over which it must do nothing
  const long switched = voluntary_switches(dispatcher.id) - switches;
  const double used_ms = processor_ms(dispatcher.handle) - before_ms;
  RecordProperty("voluntary_switches", std::to_string(switched));
  std::printf("idle for 5 s: %ld voluntary switches, %.3f ms of processor time\n", switched,
              used_ms);
  EXPECT_LE(switched, 2);
  EXPECT_LE(used_ms, 1.0);
  EXPECT_LE(voluntary_switches(watchdog) - looks, 2);

  ASSERT_EQ(publisher.publish(kToken, "after"), PublishResult::kAccepted);
  ASSERT_TRUE(bus.flush(60s).ok());
  EXPECT_EQ(tokens, 2);
}

}  // namespace
}  // namespace herald
