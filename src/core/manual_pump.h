// Control, manual mode: lends the calling thread to the dispatcher.
//
// Threads: any, outside callbacks of the same bus; one at a time dispatches, a second is told busy.
// Invariant: a pump is told busy only by another pump or flush; for commands, which are short, it
//   waits.
// Synchronization: sleeping as in dispatch_thread.h: the doorbell is armed, then everything is
//   looked at with the dispatch right held, then the thread sleeps.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/dispatcher.h"
#include "herald/options.h"
#include "herald/stats.h"

namespace herald::core {

class ManualPump {
 public:
  ManualPump(Dispatcher& dispatcher, Doorbell& doorbell) noexcept
      : dispatcher_(dispatcher), doorbell_(doorbell) {}

  /// Bus::pump, options checked.
  PumpResult pump(const PumpOptions& options) noexcept;
  /// Bus::wait: true if there is something to pump, false at `deadline_ns` on CLOCK_MONOTONIC.
  bool wait(std::int64_t deadline_ns) noexcept;
  /// Dispatches until the request is served; false at `deadline_ns`.
  bool serve(FlushRequest& request, std::int64_t deadline_ns) noexcept;

 private:
  bool sleep_until_work(std::int64_t deadline_ns) noexcept;
  bool dispatch_once(std::int64_t deadline_ns) noexcept;

  /// False if another thread pumps. Else the dispatch right is held until leave().
  [[nodiscard]] bool enter() noexcept;
  void leave() noexcept;

  Dispatcher& dispatcher_;
  Doorbell& doorbell_;
  std::atomic<bool> pumping_{false};
};

}  // namespace herald::core
