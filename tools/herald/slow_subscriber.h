// A subscriber that holds the dispatcher up: ten times a second it sleeps in its call.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

#include "herald/event.h"

namespace herald::cli {

/// Threads: the dispatching one, until it is unsubscribed.
class SlowSubscriber {
 public:
  static constexpr const char* kName = "slow";
  static constexpr std::chrono::milliseconds kInterval{100};

  explicit SlowSubscriber(std::chrono::nanoseconds sleep) noexcept : sleep_(sleep) {}

  void called(const Event&) {
    ++calls_;
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_) {
      next_ = now + kInterval;
      std::this_thread::sleep_for(sleep_);
    }
  }
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }

 private:
  const std::chrono::nanoseconds sleep_;
  std::chrono::steady_clock::time_point next_{};
  std::uint64_t calls_ = 0;
};

}  // namespace herald::cli
