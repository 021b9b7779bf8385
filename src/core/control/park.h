// Control, park: how the holder of the dispatch right sleeps until somebody has work for it.
//
// Threads: the holder, which has the right again when it is back.
// Invariants:
//  1. It sleeps only after it has armed the bell and then, still holding the right, found no work.
//     An event that comes after that look rings the bell, whatever else became of it; a command is
//     run by its own thread once the right is free, or by release().
//  2. It never sleeps with the right.
// Synchronization: [P1] of base/parking.h for events; [C3] of dispatch_right.h for commands.
#pragma once

#include <cstdint>

namespace herald::core {

/// `has_work()` reads what it looks at as parking.h asks; `deadline_ns()`, on CLOCK_MONOTONIC, is
/// asked with the right held. Returns at once if there is work.
template <typename Right, typename Bell, typename HasWork, typename Deadline>
void park(Right& right, Bell& bell, HasWork has_work, Deadline deadline_ns) noexcept {
  const typename Bell::Ticket ticket = bell.prepare();
  if (has_work()) {
    return;
  }
  const std::int64_t until_ns = deadline_ns();
  right.release();
  bell.sleep(ticket, until_ns);
  right.acquire();
}

}  // namespace herald::core
