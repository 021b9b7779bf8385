#include "spin_wait.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "interrupt.h"

namespace herald::cli {

SpinWait::~SpinWait() {
  if (schedstat_ >= 0) {
    close(schedstat_);
  }
}

void SpinWait::begin() noexcept {
  stalls_.clear();
  overflow_ = 0;
  if (schedstat_ < 0) {
    schedstat_ = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  }
  delay_ns_ = delay_by_others_ns();
}

std::int64_t SpinWait::delay_by_others_ns() const noexcept {
  char text[96];
  const ssize_t size = pread(schedstat_, text, sizeof text - 1, 0);
  if (size <= 0) {
    return -1;
  }
  text[size] = '\0';
  char* second = nullptr;
  static_cast<void>(std::strtoll(text, &second, 10));  // the time that the thread ran
  return std::strtoll(second, nullptr, 10);
}

Instant SpinWait::until(Instant due) noexcept {
  Instant now = std::chrono::steady_clock::now();
  while (now < due && !interrupted()) {
    const Instant before = now;
    now = std::chrono::steady_clock::now();
    if (now - before > kStall) [[unlikely]] {
      look({before, now});
      now = std::chrono::steady_clock::now();  // the look itself is no stall
    }
  }
  return now;
}

void SpinWait::look(Interval gap) noexcept {
  const std::int64_t before_ns = delay_ns_;
  delay_ns_ = delay_by_others_ns();
  const std::chrono::nanoseconds by_others(delay_ns_ - before_ns);
  if (before_ns < 0 || delay_ns_ < 0 || by_others >= gap.length() / 10) {
    return;
  }
  if (stalls_.size() < kMostStalls) {
    stalls_.push_back(gap);
  } else {
    ++overflow_;
  }
}

}  // namespace herald::cli
