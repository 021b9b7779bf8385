// Dispatch, thread: holds the dispatch right while there is work, sleeps when there is
// none.
//
// Threads: start() and stop() by the bus; the rest is its own thread.
// Invariants:
//  1. It sleeps at the doorbell, as park.h says, only if there was no event, no command, no due
//     deadline and no late joiner.
//  2. It spins for at most `spin`, then yields a few times: both are bounded.
// Synchronization: that of park.h.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "core/dispatch/dispatcher.h"
#include "herald/options.h"

namespace herald::core {

class DispatchThread {
 public:
  DispatchThread(Dispatcher& dispatcher, Doorbell& doorbell, const BusOptions& options)
      : dispatcher_(dispatcher), doorbell_(doorbell), options_(options) {}
  ~DispatchThread() { stop(); }
  DispatchThread(const DispatchThread&) = delete;
  DispatchThread& operator=(const DispatchThread&) = delete;

  /// Errors: ResourceExhausted; InvalidArgument if the processor is none that may be used.
  absl::Status start();
  /// Returns when the thread has ended: some 10 ms and one event's fan-out later, at most (with
  /// BusOptions::latency off, one round). Idempotent.
  void stop() noexcept;

 private:
  int create() noexcept;
  static void* entry(void* self) noexcept;
  void prepare() noexcept;
  void run() noexcept;
  [[nodiscard]] DispatchBudget round_budget() const noexcept;
  void idle() noexcept;
  bool spin(base::Ticks spin_ticks) noexcept;
  void park() noexcept;
  [[nodiscard]] bool has_work(base::Ticks now) const noexcept;
  // seq_cst: the doorbell's condition, [P1]: stop() stores, then loads the bell; park() arms the
  // bell, then loads this.
  [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_seq_cst); }
  // seq_cst: as above.
  void request_stop() noexcept { stopping_.store(true, std::memory_order_seq_cst); }

  Dispatcher& dispatcher_;
  Doorbell& doorbell_;
  const BusOptions& options_;
  std::atomic<bool> stopping_{false};
  bool started_ = false;
  pthread_t thread_{};
  base::Ticks now_ = 0;  // of its own: a time not long ago
};

}  // namespace herald::core
