// Threads that the test can wait for until they sleep.
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "support/buses.h"

namespace herald::support {

/// proc(5): the state of a thread of this process, the third field of stat, behind the name in
/// brackets; '?' if there is none.
[[nodiscard]] inline char state_of(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string stat;
  std::getline(file, stat);
  const std::size_t name_end = stat.rfind(')');
  return name_end + 2 < stat.size() ? stat[name_end + 2] : '?';
}

/// Whether `sleeps()` holds within kLong: looked at every millisecond, twice the same.
template <typename Sleeps>
[[nodiscard]] bool await_sleep(Sleeps sleeps) {
  const auto end = std::chrono::steady_clock::now() + kLong;
  int looks = 0;
  while (looks < 2 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    looks = sleeps() ? looks + 1 : 0;
  }
  return looks == 2;
}

class Sleeper {
 public:
  template <typename Body>
  explicit Sleeper(Body body)
      : thread_([this, body = std::move(body)] {
          id_.store(gettid(), std::memory_order_relaxed);
          body();
          ended_.store(true, std::memory_order_relaxed);
        }) {}

  /// Whether it sleeps in the kernel, or is over, within kLong.
  [[nodiscard]] bool await_sleep() const {
    return support::await_sleep([this] {
      return ended_.load(std::memory_order_relaxed) ||
             state_of(id_.load(std::memory_order_relaxed)) == 'S';
    });
  }
  [[nodiscard]] bool is_here() const { return thread_.get_id() == std::this_thread::get_id(); }
  void join() { thread_.join(); }

 private:
  // Relaxed: the thread is only watched.
  std::atomic<pid_t> id_{0};
  std::atomic<bool> ended_{false};
  std::jthread thread_;
};

}  // namespace herald::support
