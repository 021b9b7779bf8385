// Stage 8, sharing: tells when events that are fanned out back to back have to be measured.
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
// Bounds: kMostSharedWork.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace herald::core {

class ReadSharing {
 public:
  static constexpr std::size_t kSharedWork = 128;
  static constexpr std::size_t kMostSharedWork = 4'096;
  static constexpr std::size_t kEventWork = 16;
  static constexpr base::Ticks kFineness = 512;

  /// Before a batch; `exact` for who must end in time.
  void begin(bool exact) noexcept {
    exact_ = exact;
    work_ = 0;
  }
  /// One more event is fanned out, in so many calls. Whether it is time for a read.
  [[nodiscard]] bool is_due(std::size_t calls) noexcept {
    work_ += kEventWork + calls;
    return exact_ || work_ >= limit_;
  }
  /// The clock was read. `took`: since the last read; `latency`: by now, of the youngest event.
  void read(base::Ticks took, base::Ticks latency) noexcept {
    work_ = 0;
    if (took > latency / kFineness) {
      limit_ = kSharedWork;
    } else if (2 * took <= latency / kFineness) {
      limit_ = std::min(2 * limit_, kMostSharedWork);
    }
  }

 private:
  std::size_t limit_ = kSharedWork;
  std::size_t work_ = 0;  // since the last read
  bool exact_ = true;
};

}  // namespace herald::core
