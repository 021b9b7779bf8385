// Watchdog: the sampler, a thread that looks now and then at where the dispatching thread
// is, and tells it who is slow.
//
// Threads: start() and stop() by the bus; the rest is its own thread.
// Invariants:
//  1. It looks every kLooks-th part of slow_after, and while it finds one call again and again,
//     every kCloseLooks-th, but not more often than kShortestPauseNs; while nothing is dispatched,
//     once in slow_after; after kRestNs of that it sleeps until it is woken.
//  2. It touches nothing of the dispatcher's but the words of a stay (stay.h) and the post.
// Bounds: that of the post's ring.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "base/run_delay.h"
#include "core/control/order.h"
#include "core/watchdog/stay_watch.h"
#include "core/watchdog/watch_post.h"
#include "herald/options.h"

namespace herald::core {

class Dispatcher;

class Watchdog {
 public:
  static constexpr std::int64_t kLooks = 2;
  static constexpr std::int64_t kCloseLooks = 8;
  static constexpr std::int64_t kShortestPauseNs = 100'000;
  // More than a frame of 60 a second: no pump of such has to wake it.
  static constexpr std::int64_t kRestNs = 20'000'000;

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
  [[nodiscard]] std::int64_t pause_ns(bool quiet) const noexcept;
  [[nodiscard]] base::Ticks waited(std::int32_t thread) noexcept;
  void rest(WatchPost::Activity seen) noexcept;

  Dispatcher& dispatcher_;
  WatchPost& post_;
  const std::int64_t slow_after_ns_;
  Order note_;  // that the dispatching thread look at the reports
  bool started_ = false;
  pthread_t thread_{};

  // Its own thread's.
  StayWatch watch_;
  std::optional<base::RunDelay> delay_;
  std::int32_t delay_of_ = 0;  // which thread's
};

}  // namespace herald::core
