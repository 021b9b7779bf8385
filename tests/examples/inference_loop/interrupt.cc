#include "interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace inference_loop {
namespace {

constexpr int kStatusInterrupted = 130;

sigset_t interrupt_only() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void block_interrupt() noexcept {
  const sigset_t set = interrupt_only();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

InterruptWatch::InterruptWatch(std::function<void()> action)
    : thread_([this, kept = std::move(action)] { watch(kept); }) {}

InterruptWatch::~InterruptWatch() {
  // Relaxed: the signal comes after it, and the kernel orders the two.
  leaving_.store(true, std::memory_order_relaxed);
  pthread_kill(thread_.native_handle(), SIGINT);
  thread_.join();
}

bool InterruptWatch::came() const noexcept {
  return came_.load(std::memory_order_relaxed);  // relaxed: a flag alone
}

void InterruptWatch::watch(const std::function<void()>& action) {
  const sigset_t set = interrupt_only();
  int signal = 0;
  while (sigwait(&set, &signal) == 0 && !leaving_.load(std::memory_order_relaxed)) {
    if (came()) {
      _exit(kStatusInterrupted);
    }
    came_.store(true, std::memory_order_relaxed);  // relaxed: as above
    action();
  }
}

}  // namespace inference_loop
