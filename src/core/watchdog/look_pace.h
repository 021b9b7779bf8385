// Watchdog, pace: takes what the sampler's looks find, says when it looks again.
//
// Each look takes some processor from whoever has it, for 10 to 20 us on a virtual machine: where
// all processors are busy, an event that is due just then is late by that. So looks are few until
// one finds a call, and close for as long as they find the same.
//
// Threads: the sampler.
// Invariants:
//  1. A far look comes kFarPauses times slow_after after the last. If it finds a call, a close one
//     follows, and more while they find that call again: each kCloseLooks-th part of slow_after,
//     but not more often than kShortestPauseNs.
//  2. So a call of (kFarPauses + 1) times slow_after and a close pause is seen for slow_after, less
//     what the sampler was late.
//  3. While nothing is dispatched a pause is no longer than kRestNs, so that rest is noticed.
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

  explicit LookPace(std::int64_t slow_after_ns) noexcept : slow_after_ns_(slow_after_ns) {}

  /// The longest pause while events are dispatched.
  [[nodiscard]] std::int64_t far_pause_ns() const noexcept { return kFarPauses * slow_after_ns_; }

  /// After a look of `watch`: how long until the next. `quiet`: nothing was dispatched since the
  /// last.
  std::int64_t pause_ns(const StayWatch& watch, bool quiet) noexcept {
    is_close_ = watch.is_long() || (watch.finds_call() && !is_close_);
    if (is_close_) {
      return std::max(kShortestPauseNs, slow_after_ns_ / kCloseLooks);
    }
    return quiet ? std::min(far_pause_ns(), kRestNs) : far_pause_ns();
  }

 private:
  const std::int64_t slow_after_ns_;
  bool is_close_ = false;  // the next look
};

}  // namespace herald::core
