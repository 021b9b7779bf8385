// Watchdog: where the dispatching thread is, in words that its sampler reads.
//
// Threads: the holder of the dispatch right writes; the sampler reads, at any time.
// Invariants:
//  1. Within one call of a callback none of the words changes, and the same words do not come
//     again: a turn ends before the place of an event is used again. So two equal looks at
//     somebody's call are looks at one stay. (Between two fan-outs to one list, some ns, the last
//     subscriber still stands there.)
//  2. Words of different moments may be read together. Such a stay is never seen twice, and may
//     count for a wrong subscriber of the same moment.
//  3. A stay names a place in a list only while `layout` is that of the lists: it is read first,
//     so what is read after it is not older.
// Synchronization:
//  [W1] a count is stored with release / watched with acquire, layout and turn before the list:
//       what is read of the list is not older than they are.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace herald::core {

struct FanOutOwners;

/// A count of the holder's that others may watch: costs the holder plain moves.
class WatchedCount {
 public:
  // [W1] release: pairs with watch(). Relaxed load: the holder's own.
  std::uint64_t operator++() noexcept {
    const std::uint64_t next = value_.load(std::memory_order_relaxed) + 1;
    value_.store(next, std::memory_order_release);
    return next;
  }
  /// The holder's.
  [[nodiscard]] operator std::uint64_t() const noexcept {
    return value_.load(std::memory_order_relaxed);  // Relaxed: its own.
  }
  // [W1] acquire: pairs with the increment.
  [[nodiscard]] std::uint64_t watch() const noexcept {
    return value_.load(std::memory_order_acquire);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// One call of a callback, as far as the sampler can tell it from others.
struct Stay {
  std::uint64_t layout = 0;            // changes when entries of lists or of the chain move
  std::uint64_t turn = 0;              // a batch, or less of it
  const void* argument = nullptr;      // of the fan-out: only its address counts
  const FanOutOwners* list = nullptr;  // not to be touched by the sampler
  std::size_t index = 0;               // in the list
  std::int32_t thread = 0;             // the dispatching one, as the kernel numbers it
  std::uint64_t link = 0;              // of a middleware: which visit, and where in the chain

  /// Whether a callback was running.
  [[nodiscard]] bool in_call() const noexcept { return list != nullptr || link != 0; }
  friend bool operator==(const Stay&, const Stay&) = default;
};

/// What the sampler has to tell of a stay when it is over.
struct StayReport {
  Stay stay;
  base::Ticks time = 0;    // of the dispatching thread, to count for this stay
  base::Ticks seen = 0;    // from the first look at the stay to the last: never more than it took
  bool is_strike = false;  // it was seen for slow_after
};

}  // namespace herald::core
