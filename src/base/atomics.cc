#include "base/atomics.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

#include "base/assert.h"

namespace herald::base {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t) &&
                  std::atomic<std::uint32_t>::is_always_lock_free,
              "the kernel reads the futex word as plain memory");

long membarrier_call(int command) noexcept { return syscall(SYS_membarrier, command, 0, 0); }

bool register_membarrier() noexcept {
  const long commands = membarrier_call(MEMBARRIER_CMD_QUERY);
  return commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 &&
         membarrier_call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

}  // namespace

bool NativeAtomics::membarrier_available() noexcept {
  static const bool available = register_membarrier();
  return available;
}

void NativeAtomics::membarrier() noexcept {
  const long result = membarrier_call(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  HERALD_ASSERT(result == 0, "the kernel took membarrier back after it was registered");
}

bool NativeAtomics::futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                               std::int64_t deadline_ns) noexcept {
  timespec deadline{};
  const timespec* until = nullptr;
  if (deadline_ns != kNoDeadline) {
    constexpr std::int64_t kNsPerSecond = 1'000'000'000;
    const std::int64_t ns = deadline_ns < 0 ? 0 : deadline_ns;
    deadline.tv_sec = static_cast<time_t>(ns / kNsPerSecond);
    deadline.tv_nsec = static_cast<long>(ns % kNsPerSecond);
    until = &deadline;
  }
  // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time, so a signal cannot prolong the sleep.
  const long result = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                              until, nullptr, FUTEX_BITSET_MATCH_ANY);
  return !(result == -1 && errno == ETIMEDOUT);
}

void NativeAtomics::futex_wake_all(const std::atomic<std::uint32_t>& word) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, nullptr, nullptr, 0);
}

void NativeAtomics::yield() noexcept { sched_yield(); }

}  // namespace herald::base
