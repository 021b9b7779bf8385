#include "base/clock.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace herald::base {
namespace {

using std::chrono::nanoseconds;

#if defined(__x86_64__)

// The processor promises one rate through all its power states (invariant TSC)...
bool processor_has_invariant_tsc() noexcept {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(0x80000007U, &a, &b, &c, &d) != 0 && (d & (1U << 8)) != 0;
}

// ... and the kernel, which watches it against other timers and across processors, builds its own
// clock on it. Where it does not, neither do we.
bool kernel_trusts_tsc() {
  std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  std::string name;
  file >> name;
  return name == "tsc" || name == "kvm-clock" || name == "hyperv_clocksource_tsc_page";
}

struct Pair {
  std::int64_t ticks;
  std::int64_t ns;
};

// Reads both clocks as nearly at once as the machine allows: the tightest of some tries.
Pair read_both() noexcept {
  constexpr int kTries = 16;
  Pair best{};
  std::int64_t best_width = INT64_MAX;
  for (int i = 0; i < kTries; ++i) {
    const auto before = static_cast<std::int64_t>(__rdtsc());
    const std::int64_t ns = Clock::monotonic_ns();
    const auto after = static_cast<std::int64_t>(__rdtsc());
    if (after - before < best_width) {
      best_width = after - before;
      best = {before + (after - before) / 2, ns};
    }
  }
  return best;
}

double measure_ns_per_tick() noexcept {
  constexpr std::int64_t kWindowNs = 2'000'000;
  const Pair start = read_both();
  while (Clock::monotonic_ns() - start.ns < kWindowNs) {
  }
  const Pair end = read_both();
  return static_cast<double>(end.ns - start.ns) / static_cast<double>(end.ticks - start.ticks);
}

#endif

}  // namespace

void Clock::calibrate() noexcept {
#if defined(__x86_64__)
  static const bool done = [] {
    if (!processor_has_invariant_tsc() || !kernel_trusts_tsc()) {
      return true;
    }
    const double ns_per_tick = measure_ns_per_tick();
    if (!(ns_per_tick > 0.05 && ns_per_tick < 100.0)) {  // 10 MHz to 20 GHz, else it lies
      return true;
    }
    ns_per_tick_q32_ = std::llround(std::ldexp(ns_per_tick, 32));
    ticks_per_ns_q32_ = std::llround(std::ldexp(1.0 / ns_per_tick, 32));
    uses_tsc_ = true;
    return true;
  }();
  static_cast<void>(done);
#endif
}

std::int64_t Clock::monotonic_ns() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

std::int64_t Clock::monotonic_deadline(nanoseconds timeout) noexcept {
  const std::int64_t now_ns = monotonic_ns();
  const std::int64_t wait_ns = std::max<std::int64_t>(timeout.count(), 0);
  return wait_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + wait_ns;
}

Ticks Clock::from_steady(std::chrono::steady_clock::time_point time) noexcept {
  // Half the range on each side: the difference to now cannot overflow.
  const std::int64_t ns =
      std::clamp<std::int64_t>(nanoseconds(time.time_since_epoch()).count(), -kFarTicks, kFarTicks);
  return uses_tsc_ ? now() + to_ticks(ns - monotonic_ns()) : ns;
}

std::chrono::steady_clock::time_point Clock::to_steady(Ticks time) noexcept {
  const std::int64_t age_ns = to_ns(now() - time);
  return std::chrono::steady_clock::time_point(nanoseconds(monotonic_ns() - age_ns));
}

std::chrono::system_clock::time_point Clock::to_wall(Ticks time) noexcept {
  const nanoseconds age(to_ns(now() - time));
  return std::chrono::system_clock::now() -
         std::chrono::duration_cast<std::chrono::system_clock::duration>(age);
}

}  // namespace herald::base
