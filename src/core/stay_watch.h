// Control, watchdog: takes what each look at the dispatching thread found and when, gives reports.
//
// Threads: the sampler.
// Invariants:
//  1. A stay is as long as the time between the first and the last look that found it: never longer
//     than it was, and shorter by less than the distances of two looks.
//  2. A stay has at most one strike: the moment in which it has been seen for slow_after.
//  3. The time between two looks counts once, for what the later one found; what was idle counts
//     for nobody. All of a stay's is reported in the end, unless the ring is full.
//  4. A strike that finds the ring full is told with the next report of its stay.
// Bounds: a look makes at most two reports. A stay is reported when it is seen to end, at its
//   strike, and then when it has become a quarter longer: 41 times for one of 10 s.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"
#include "core/stay.h"

namespace herald::core {

class StayWatch {
 public:
  explicit StayWatch(base::Ticks slow_after) noexcept : slow_after_(slow_after) {}

  /// After a pause: what went on in it is nobody's.
  void resume(base::Ticks now) noexcept { last_look_ = now; }

  /// `put(report)` is whether the report found room. Returns whether it was worth a look of the
  /// dispatching thread's: a strike has been put.
  template <typename Put>
  bool look(const Stay& stay, base::Ticks now, Put&& put) noexcept {
    const base::Ticks elapsed = now - last_look_;
    last_look_ = now;
    if (!(stay == open_.stay)) {
      close(put);
      open_ = {stay, 0, 0, false};
      began_ = now;
      next_report_ = slow_after_;
      // A sampler that was late itself knows nothing of the time before.
      open_.time = stay.in_call() ? std::min(elapsed, slow_after_) : 0;
      return false;
    }
    if (!stay.in_call()) {
      return false;
    }
    open_.time += elapsed;
    open_.seen = now - began_;
    if (open_.seen < next_report_) {
      return false;
    }
    open_.is_strike = open_.is_strike || next_report_ == slow_after_;
    const bool struck = open_.is_strike;
    return tell(put) && struck;
  }

  /// Reports that found no room to the end of their stay.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

 private:
  template <typename Put>
  void close(Put& put) noexcept {
    if (open_.time != 0 || open_.is_strike) {
      lost_ += tell(put) ? 0 : 1;
    }
  }

  template <typename Put>
  bool tell(Put& put) noexcept {
    next_report_ = std::max(next_report_ + 1, open_.seen + open_.seen / 4);
    if (!put(open_)) {
      return false;
    }
    open_.time = 0;
    open_.is_strike = false;
    return true;
  }

  const base::Ticks slow_after_;
  StayReport open_;  // of the stay that the last look found: what is not yet told
  base::Ticks began_ = 0;
  base::Ticks last_look_ = 0;
  base::Ticks next_report_ = 0;  // the length at which there is something to tell
  std::uint64_t lost_ = 0;
};

}  // namespace herald::core
