#include "spin_wait.h"

#include <sys/resource.h>

#include "interrupt.h"

namespace herald::cli {
namespace {

long involuntary_switches_of_thread() noexcept {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

}  // namespace

void SpinWait::begin() noexcept {
  stalls_.clear();
  overflow_ = 0;
  switches_ = involuntary_switches_of_thread();
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
  const long switches = involuntary_switches_of_thread();
  const bool preempted = switches != switches_;
  switches_ = switches;
  if (preempted) {
    return;
  }
  if (stalls_.size() < kMostStalls) {
    stalls_.push_back(gap);
  } else {
    ++overflow_;
  }
}

}  // namespace herald::cli
