// Latency, sharing: tells when events that are fanned out back to back have to be measured.
//
// A read of the clock takes as long as five calls or more. So a busy thread lets several events
// share one, and errs towards longer: by what it does between two reads.
//
// Threads: the holder of the dispatch right.
// Invariants: between two reads lies
//  1. one event, if the caller asked for exact times;
//  2. else kSharedWork, where a call counts 1 and an event kEventWork, and the event that goes
//     beyond: 8 events to nobody, 3 to 32 subscribers;
//  3. or, in a backlog, more, as long as the last stretch took at most 1 / kFineness of the latency
//     that its youngest event had. One that took longer leads back to kSharedWork at once.
// Bounds: kMostSharedWork, where somebody reads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace herald::core {

class ReadSharing {
 public:
  static constexpr std::int64_t kSharedWork = 128;
  static constexpr std::int64_t kMostSharedWork = 4'096;
  static constexpr std::size_t kEventWork = 16;
  static constexpr base::Ticks kFineness = 512;

  /// `reads`: false where nobody reads the clock, and it is never time for it unless exactly.
  explicit ReadSharing(bool reads) noexcept : limit_(reads ? kSharedWork : INT64_MAX) {}

  /// Before a batch; `exact` for who must end in time.
  void begin(bool exact) noexcept {
    exact_ = exact;
    left_ = exact ? 0 : limit_;
  }
  /// After how many events of so many calls each it is time for a read: at least one.
  [[nodiscard]] std::size_t events_until_read(std::size_t calls) const noexcept {
    const auto each = static_cast<std::int64_t>(kEventWork + calls);
    return left_ <= each ? 1 : static_cast<std::size_t>((left_ - 1) / each + 1);
  }
  /// So many more events are fanned out, in so many calls each.
  void did(std::size_t events, std::size_t calls) noexcept {
    left_ -= static_cast<std::int64_t>(events * (kEventWork + calls));
  }
  [[nodiscard]] bool is_due() const noexcept { return left_ <= 0; }
  /// The clock was read. `took`: since the last read; `latency`: by now, of the youngest event.
  void read(base::Ticks took, base::Ticks latency) noexcept {
    if (exact_) {
      return;
    }
    if (took > latency / kFineness) {
      limit_ = kSharedWork;
    } else if (2 * took <= latency / kFineness) {
      limit_ = std::min(2 * limit_, kMostSharedWork);
    }
    left_ = limit_;
  }

 private:
  std::int64_t limit_;
  std::int64_t left_ = 0;  // work until the next read
  bool exact_ = true;
};

}  // namespace herald::core
