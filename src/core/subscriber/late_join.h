// Subscriber: how far a subscriber that asked for history has come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "herald/event.h"
#include "herald/replay.h"

namespace herald::core {

/// Threads: the holder of the dispatch right, but for `replay`, which is fixed.
struct LateJoin {
  explicit LateJoin(const Replay& asked) noexcept : replay(asked) {}

  const Replay replay;
  bool waiting = false;         // at the replay desk: not live yet
  std::uint64_t ticket = 0;     // its turn there
  std::uint64_t next = 0;       // sequence of the next event to replay
  std::vector<Event> latest;    // of each type, in order of sequence; they come first
  std::size_t latest_next = 0;  // in `latest`
  std::uint64_t replayed = 0;   // events
  std::uint64_t gaps = 0;       // told
};

}  // namespace herald::core
