// Watchdog: the sampler, a thread that looks now and then at where the dispatching thread
// is, and tells it who is slow.
//
// Threads: start() and stop() by the bus; the rest is its own thread.
// Invariants:
//  1. It looks as look_pace.h says; after LookPace::kRestNs in which nothing was dispatched it
//     sleeps until it is woken.
//  2. It touches nothing of the dispatcher's but the words of a stay (stay.h) and the post.
// Bounds: that of the post's ring.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "base/run_delay.h"
#include "core/control/order.h"
#include "core/watchdog/look_pace.h"
#include "core/watchdog/stay_watch.h"
#include "core/watchdog/watch_post.h"
#include "herald/options.h"

namespace herald::core {

class Dispatcher;

class Watchdog {
 public:
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
  [[nodiscard]] base::Ticks waited(std::int32_t thread) noexcept;
  void rest(WatchPost::Activity seen) noexcept;

  Dispatcher& dispatcher_;
  WatchPost& post_;
  const std::int64_t slow_after_ns_;
  Order note_;  // that the dispatching thread look at the reports
  bool started_ = false;
  pthread_t thread_{};

  // Its own thread's.
  LookPace pace_;
  StayWatch watch_;
  std::optional<base::RunDelay> delay_;
  std::int32_t delay_of_ = 0;  // which thread's
};

}  // namespace herald::core
