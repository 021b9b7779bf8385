// Dispatch, manual mode: lends the calling thread to the dispatcher.
//
// Threads: any, outside callbacks of the same bus; one at a time dispatches, a second is told busy.
// Invariants:
//  1. A pump is told busy only by another pump or flush; for commands, which are short, it waits.
//  2. Who waits for work sleeps at the doorbell, as in dispatch_thread.h: it is armed, then
//     everything is looked at with the dispatch right held, then the thread sleeps.
//  3. Who finds another thread pumping sleeps at the turn bell. It is armed, then pumping_ is read:
//     if it is still set, that pump's leave(), or that of a later one, finds the bell armed. Only
//     pumps keep the right for long, and each ends in leave(): so somebody always rings.
//  4. A request that is not served while its caller looks with the right held is served after one
//     more publish, which rings the doorbell, or in a pump, which rings the turn bell.
// Synchronization:
//  [M1] leave() stores pumping_, then looks at the turn bell / pumped() is read after the bell is
//       armed: [P1] of base/parking.h.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/dispatch/dispatcher.h"
#include "herald/options.h"
#include "herald/stats.h"

namespace herald::core {

class ManualPump {
 public:
  ManualPump(Dispatcher& dispatcher, base::FenceMode mode, Doorbell& doorbell) noexcept
      : dispatcher_(dispatcher), doorbell_(doorbell), mode_(mode), turn_bell_(mode) {}

  /// The holder of the dispatch right.
  [[nodiscard]] const PumpStats& stats() const noexcept { return stats_; }

  /// Bus::pump, options checked.
  PumpResult pump(const PumpOptions& options) noexcept;
  /// Bus::wait: true if there is something to pump, false at `deadline_ns` on CLOCK_MONOTONIC.
  bool wait(std::int64_t deadline_ns) noexcept;
  /// What a request is to ring when it is served, for serve() to see it before the pump ends.
  [[nodiscard]] Doorbell& turn_bell() noexcept { return turn_bell_; }
  /// Dispatches, or lets others dispatch, until the request is served; false at `deadline_ns`.
  bool serve(FlushRequest& request, std::int64_t deadline_ns) noexcept;

 private:
  using Race = base::StoreThenLoad<base::NativeAtomics>;

  void run(const PumpOptions& options, base::Ticks until, PumpResult& result) noexcept;
  void conclude(const PumpOptions& options, base::Ticks start, PumpResult& result) noexcept;

  bool sleep_until_work(std::int64_t deadline_ns, const FlushRequest* awaited) noexcept;
  void sleep_until_turn(std::int64_t deadline_ns, const FlushRequest* awaited) noexcept;
  bool dispatch_once(std::int64_t deadline_ns) noexcept;
  [[nodiscard]] bool acquire_unless_pumped() noexcept;
  // [M1] the heavy side's load.
  [[nodiscard]] bool pumped() const noexcept { return Race::heavy_load(mode_, pumping_); }

  /// False if another thread pumps. Else the dispatch right is held until leave().
  [[nodiscard]] bool enter() noexcept;
  void leave() noexcept;

  Dispatcher& dispatcher_;
  Doorbell& doorbell_;
  const base::FenceMode mode_;
  Doorbell turn_bell_;
  std::atomic<bool> pumping_{false};
  PumpStats stats_;  // the holder's
};

}  // namespace herald::core
