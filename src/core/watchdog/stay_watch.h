// Watchdog: takes what each look at the dispatching thread found and when, gives reports.
//
// Threads: the sampler.
// Invariants:
//  1. A stay is as long as the time between the first and the last look that found it, less what
//     the thread waited for a processor that another one had: never longer than it was, and shorter
//     by less than the distances of two looks, and what the thread waited for just after.
//  2. A stay has at most one strike: if it was seen for slow_after.
//  3. The time between two looks counts once, for what the later one found; what was idle counts
//     for nobody.
//  4. A stay is reported once, when a look finds that it has ended: only then does the kernel know
//     all that the thread waited for (base/run_delay.h: it adds a wait when that is over).
// Bounds: a look makes at most one report.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/clock.h"
#include "core/watchdog/stay.h"

namespace herald::core {

class StayWatch {
 public:
  /// `far_pause`: the longest time between two looks in time.
  StayWatch(base::Ticks slow_after, base::Ticks far_pause) noexcept
      : slow_after_(slow_after), far_pause_(far_pause) {}

  /// After a pause: what went on in it is nobody's.
  void resume(base::Ticks now) noexcept { last_look_ = now; }

  /// `waited(thread)`: how long, in ticks, it has waited for a processor up to now, in all;
  /// negative if nobody knows. `put(report)`: whether the report found room. Returns whether a
  /// strike was put.
  template <typename Waited, typename Put>
  bool look(const Stay& stay, base::Ticks now, Waited&& waited, Put&& put) noexcept {
    const base::Ticks elapsed = now - std::exchange(last_look_, now);
    if (stay == open_.stay) {
      open_.time += stay.in_call() ? elapsed : 0;
      open_.seen = now - began_;
      return false;
    }
    const bool struck = open_.stay.in_call() && close(waited, put);
    // A sampler that was late itself knows nothing of the time before.
    open_ = {stay, stay.in_call() ? std::min(elapsed, far_pause_) : 0, 0, false};
    began_ = now;
    waited_before_ = stay.in_call() ? waited(stay.thread) : 0;
    return struck;
  }

  /// Whether the last look found a call.
  [[nodiscard]] bool finds_call() const noexcept { return open_.stay.in_call(); }
  /// And the one before had found the same.
  [[nodiscard]] bool is_long() const noexcept { return finds_call() && open_.seen != 0; }
  /// Stays that found no room.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

 private:
  template <typename Waited, typename Put>
  bool close(Waited& waited, Put& put) noexcept {
    if (open_.seen != 0) {
      const base::Ticks waited_now = waited(open_.stay.thread);
      const bool known = waited_now >= waited_before_ && waited_before_ >= 0;
      const base::Ticks wait = known ? waited_now - waited_before_ : 0;
      open_.seen = std::max<base::Ticks>(0, open_.seen - wait);
      open_.is_strike = open_.seen >= slow_after_;
    }
    const bool told = put(open_);
    lost_ += told ? 0 : 1;
    return told && open_.is_strike;
  }

  const base::Ticks slow_after_;
  const base::Ticks far_pause_;
  StayReport open_;  // of the stay that the last look found
  base::Ticks began_ = 0;
  base::Ticks waited_before_ = 0;  // up to its first look
  base::Ticks last_look_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace herald::core
