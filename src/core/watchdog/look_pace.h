// Watchdog, pace: takes what the sampler's looks find, says when it looks again.
//
// Each look takes some processor from whoever has it, for 10 to 20 us on a virtual machine: where
// all processors are busy, an event that is due just then is late by that. So looks are few until
// one finds a call, and close for as long as they find the same.
//
// Threads: the sampler.
// Invariants:
//  1. A far look comes kFarPauses times slow_after after the last. If it finds a call, a close one
//     follows, and more while they find that call again: kCloseLooks in slow_after, or as many as
//     kShortestPauseNs allows, at least one.
//  2. So a call of (kFarPauses + 1) times slow_after and a close pause is seen for slow_after, less
//     what the sampler was late; one of twice slow_after in about one of kFarPauses cases.
//  3. After a look that found nothing dispatched since the last, a pause is no longer than kRestNs,
//     so that rest is noticed.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/watchdog/stay_watch.h"

namespace herald::core {

class LookPace {
 public:
  static constexpr std::int64_t kFarPauses = 3;
  static constexpr std::int64_t kCloseLooks = 8;
  static constexpr std::int64_t kShortestPauseNs = 100'000;
  // More than a frame of 60 a second: no pump of such has to wake the sampler.
  static constexpr std::int64_t kRestNs = 20'000'000;

  explicit LookPace(std::int64_t slow_after_ns) noexcept
      : slow_after_ns_(slow_after_ns),
        close_looks_(std::clamp(slow_after_ns / kShortestPauseNs, kOneLook, kCloseLooks)) {}

  /// The longest pause while events are dispatched.
  [[nodiscard]] std::int64_t far_pause_ns() const noexcept { return kFarPauses * slow_after_ns_; }

  /// After a look of `watch`: how long until the next. `quiet`: nothing was dispatched since the
  /// last.
  [[nodiscard]] std::int64_t next_pause_ns(const StayWatch& watch, bool quiet) noexcept {
    is_close_ = watch.is_long() || (watch.finds_call() && !is_close_);
    if (is_close_) {
      return (slow_after_ns_ + close_looks_ - 1) / close_looks_;  // so many make slow_after
    }
    return quiet ? std::min(far_pause_ns(), kRestNs) : far_pause_ns();
  }

 private:
  static constexpr std::int64_t kOneLook = 1;

  const std::int64_t slow_after_ns_;
  const std::int64_t close_looks_;  // in slow_after
  bool is_close_ = false;           // the next look
};

}  // namespace herald::core
