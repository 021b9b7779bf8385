// Dispatch, backlog: what waits to be dispatched, and since when.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace herald::core {

struct Backlog {
  std::uint64_t events = 0;
  base::Ticks oldest_ticks = base::Clock::kNever;  // publish time; never if no time is known

  /// More events, which have waited since `ticks`; 0 if that is not known.
  void add(std::uint64_t count, base::Ticks ticks) noexcept {
    events += count;
    oldest_ticks = ticks == 0 ? oldest_ticks : std::min(oldest_ticks, ticks);
  }
};

}  // namespace herald::core
