// Dispatch, age of the shared lane: since when its events have waited at most.
//
// Its queue shows nothing before it is taken. So a moment is noted, and the events that were there
// then are counted down: once all of them are out, those inside have come after that moment.
//
// Threads: the holder of the dispatch right.
// Invariants:
//  1. Everything in the lane was accepted after since().
//  2. One moment at a time: the next is noted at the first note() after it is over. It is over when
//     its events are out, and given up when those still missing may all have been lost: then no
//     event would ever come for them. Only a ticket that had led to nothing at the moment can be.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/clock.h"
#include "core/lane/shared_publisher.h"
#include "herald/event.h"

namespace herald::core {

class SharedAge {
 public:
  using Mark = SharedPublisher::Lane::Mark;

  /// The state of the lane at `now`; `arrived`, from before `mark`.
  void note(base::Ticks now, std::uint64_t arrived, const Mark& mark) noexcept {
    if (mark.missing == 0) {
      since_ = now;
      moment_.missing = 0;
    } else if (moment_.missing <= std::min(mark.lost - moment_.lost, on_their_way_)) {
      noted_ = now;
      moment_ = mark;
      on_their_way_ = mark.limit - arrived;
    }
  }
  /// These have left; each still has its ticket as sequence. Nothing means: all have.
  void left(std::span<const Event> events) noexcept {
    if (moment_.missing == 0) {
      return;
    }
    for (const Event& event : events) {
      moment_.missing -= event.sequence() < moment_.limit ? 1 : 0;
    }
    if (events.empty() || moment_.missing == 0) {
      since_ = noted_;
      moment_.missing = 0;
    }
  }
  [[nodiscard]] base::Ticks since() const noexcept { return since_; }

 private:
  base::Ticks since_ = base::Clock::now();
  base::Ticks noted_ = 0;
  Mark moment_{};                   // at noted_; what was missing then and still is
  std::uint64_t on_their_way_ = 0;  // then; most of the time none
};

}  // namespace herald::core
