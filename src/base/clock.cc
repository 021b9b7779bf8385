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

struct Pair {
  Ticks ticks;
  std::int64_t ns;
};

std::int64_t system_ns() noexcept {
  return nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Reads both clocks at one moment: a thread may be stopped between two reads, so the tightest of
// some tries counts, or the first that is at most `tight_ticks` wide.
Pair read_both(Ticks (*read_ticks)() noexcept, std::int64_t (*read_ns)() noexcept,
               Ticks tight_ticks) noexcept {
  constexpr int kTries = 16;
  Pair best{};
  Ticks best_width = INT64_MAX;
  for (int i = 0; i < kTries && best_width > tight_ticks; ++i) {
    const Ticks before = read_ticks();
    const std::int64_t ns = read_ns();
    const Ticks width = read_ticks() - before;
    if (width < best_width) {
      best_width = width;
      best = {before + width / 2, ns};
    }
  }
  return best;
}

// For conversions: off by some 0.1 us.
Pair now_both(std::int64_t (*read_ns)() noexcept) noexcept {
  constexpr std::int64_t kTightNs = 200;
  return read_both(&Clock::now, read_ns, Clock::to_ticks(kTightNs));
}

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

Ticks read_tsc() noexcept { return static_cast<Ticks>(__rdtsc()); }

double measure_ns_per_tick() noexcept {
  constexpr std::int64_t kWindowNs = 2'000'000;
  const Pair start = read_both(&read_tsc, &Clock::monotonic_ns, 0);
  while (Clock::monotonic_ns() - start.ns < kWindowNs) {
  }
  const Pair end = read_both(&read_tsc, &Clock::monotonic_ns, 0);
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
  if (!uses_tsc_) {
    return ns;
  }
  const Pair both = now_both(&monotonic_ns);
  return both.ticks + to_ticks(ns - both.ns);
}

std::chrono::steady_clock::time_point Clock::to_steady(Ticks time) noexcept {
  if (!uses_tsc_) {
    return std::chrono::steady_clock::time_point(nanoseconds(time));
  }
  const Pair both = now_both(&monotonic_ns);
  return std::chrono::steady_clock::time_point(nanoseconds(both.ns - to_ns(both.ticks - time)));
}

std::chrono::system_clock::time_point Clock::to_wall(Ticks time) noexcept {
  const Pair both = now_both(&system_ns);
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          nanoseconds(both.ns - to_ns(both.ticks - time))));
}

}  // namespace herald::base
