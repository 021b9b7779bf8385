// Stage 2, age of the shared lane: how long the events in it have waited at most.
//
// Its queue shows nothing before it is taken. So a moment is noted, and the events that were there
// then are counted down: once all of them are out, those inside have come after that moment.
//
// Threads: the holder of the dispatch right.
// Invariants: everything in the lane was accepted after since().
// Bounds: one moment at a time; the next is noted at the first note() after it has passed.
#pragma once

#include <cstdint>
#include <span>

#include "base/clock.h"
#include "core/shared_publisher.h"
#include "herald/event.h"

namespace herald::core {

class SharedAge {
 public:
  using Mark = SharedPublisher::Lane::Mark;

  /// The state of the lane at `now`.
  void note(base::Ticks now, const Mark& mark) noexcept {
    if (mark.missing == 0) {
      since_ = now;
      missing_ = 0;
    } else if (missing_ == 0) {
      noted_ = now;
      limit_ = mark.limit;
      missing_ = mark.missing;
    }
  }
  /// These have left; each still has its ticket as sequence. Nothing means: all have.
  void left(std::span<const Event> events) noexcept {
    if (missing_ == 0) {
      return;
    }
    for (const Event& event : events) {
      missing_ -= event.sequence() < limit_ ? 1 : 0;
    }
    if (events.empty() || missing_ == 0) {
      since_ = noted_;
      missing_ = 0;
    }
  }
  [[nodiscard]] base::Ticks since() const noexcept { return since_; }

 private:
  base::Ticks since_ = base::Clock::now();
  base::Ticks noted_ = 0;
  std::uint64_t limit_ = 0;
  std::uint64_t missing_ = 0;  // of the tickets below limit_
};

}  // namespace herald::core
