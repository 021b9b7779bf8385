// Subscriber, slowness: what is known of the time that the calls of one subscriber or middleware
// take.
//
// Threads: the holder of the dispatch right.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "herald/subscription.h"

namespace herald::core {

struct Slowness {
  base::Ticks time = 0;     // of the dispatching thread, as looks found it
  base::Ticks longest = 0;  // a stay
  std::uint32_t strikes = 0;
  bool quarantined = false;

  /// `watched`: the time of all.
  void describe(base::Ticks watched, SubscriptionStats& row) const noexcept {
    row.share = watched == 0 ? 0 : static_cast<double>(time) / static_cast<double>(watched);
    row.longest_stay = std::chrono::nanoseconds(base::Clock::to_ns(longest));
    row.strikes = strikes;
    row.quarantined = quarantined;
  }
};

}  // namespace herald::core
