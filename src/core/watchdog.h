// Control, watchdog: the sampler, a thread that looks now and then at where the dispatching thread
// is, and tells it who is slow.
//
// Threads: start() and stop() by the bus; the rest is its own thread.
// Invariants:
//  1. It looks every kLooks-th part of slow_after, but not more often than kShortestPauseNs; while
//     nothing is dispatched, once in slow_after; after kRestNs of that it sleeps until it is woken.
//  2. It touches nothing of the dispatcher's but the words of a stay (stay.h) and the post.
// Bounds: that of the post's ring.
#pragma once

#include <pthread.h>

#include <cstdint>

#include "absl/status/status.h"
#include "core/dispatcher.h"
#include "core/order.h"
#include "core/stay_watch.h"
#include "core/watch_post.h"
#include "herald/options.h"

namespace herald::core {

class Watchdog {
 public:
  static constexpr std::int64_t kLooks = 4;
  static constexpr std::int64_t kShortestPauseNs = 100'000;
  static constexpr std::int64_t kRestNs = 10'000'000;

  Watchdog(Dispatcher& dispatcher, WatchPost& post, const BusOptions& options);
  ~Watchdog() { stop(); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Does nothing if slow_after is 0. Errors: ResourceExhausted.
  absl::Status start();
  /// Returns when the thread has ended, at once. Idempotent.
  void stop() noexcept;

 private:
  static void* entry(void* self) noexcept;
  void run() noexcept;
  void look(base::Ticks now) noexcept;
  void rest(WatchPost::Activity seen) noexcept;

  Dispatcher& dispatcher_;
  WatchPost& post_;
  const std::int64_t slow_after_ns_;
  Order note_;  // that the dispatching thread look at the reports
  bool started_ = false;
  pthread_t thread_{};
  StayWatch watch_;  // its own thread's
};

}  // namespace herald::core
