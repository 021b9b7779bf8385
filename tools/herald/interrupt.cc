#include "interrupt.h"

#include <atomic>
#include <csignal>

namespace herald::cli {
namespace {

std::atomic<bool> came{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch it");

}  // namespace

void catch_interrupt() noexcept {
  struct sigaction action = {};
  // Relaxed: a flag alone, it publishes nothing; whoever polls it sees it soon enough.
  action.sa_handler = [](int) { came.store(true, std::memory_order_relaxed); };
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() noexcept {
  return came.load(std::memory_order_relaxed);  // relaxed: as above
}

}  // namespace herald::cli
