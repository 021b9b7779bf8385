// Lane, pace: tells the dispatcher when to look into a lane again.
//
// A publisher that writes as fast as cache lines travel is slowed down by each look, which takes
// the line that it is writing away for an event or two. Looking seldom lets both sides work on
// lines of their own, at 2 to 4 times the rate.
//
// Threads: the holder of the dispatch right.
// Invariants:
//  1. There is a pause only after kFastLooks looks in a row that found events closer together than
//     kFastNs: sparse traffic never waits, nor does the first event after quiet.
//  2. A look that found enough needs no pause before the next: kEnoughEvents, or an eighth of the
//     lane, so that no publisher of a small lane waits for room because of a pause.
//  3. Events come densely after kDenseLooks looks in a row as in 1: then a look asks the lane for
//     its count, which tells of many, and leaves the line alone that the publisher writes to next.
//  4. A lane is slow if more than kSlowNs passed between its last two looks: then a publisher that
//     sleeps for room is better woken for any.
// Bounds: a pause lasts kPauseNs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace herald::core {

class DrainPace {
 public:
  static constexpr std::int64_t kPauseNs = 1'500;
  static constexpr std::int64_t kFastNs = 250;  // between two events
  static constexpr unsigned kFastLooks = 16;
  static constexpr unsigned kDenseLooks = 2;
  static constexpr std::size_t kEnoughEvents = 128;
  static constexpr std::int64_t kSlowNs = 500'000;

  /// Of a lane of so many events.
  explicit DrainPace(std::size_t capacity_events = 0) noexcept
      : enough_(std::min(kEnoughEvents, capacity_events / 8)) {}

  /// Whether a pause may be under way.
  [[nodiscard]] bool is_paused() const noexcept { return next_look_ != 0; }
  [[nodiscard]] bool may_look(base::Ticks now) const noexcept { return now >= next_look_; }

  [[nodiscard]] bool is_dense() const noexcept { return fast_looks_ >= kDenseLooks; }
  [[nodiscard]] bool is_slow() const noexcept { return slow_; }

  /// A look found `count` events, at least one, and they are dispatched by `now`.
  void looked(base::Ticks now, std::size_t count) noexcept {
    const bool fast = now - last_ < static_cast<base::Ticks>(count) * fast_ticks_;
    slow_ = now - last_ > slow_ticks_;
    last_ = now;
    fast_looks_ = fast ? fast_looks_ + 1 : 0;
    next_look_ = fast_looks_ > kFastLooks && count < enough_ ? now + pause_ticks_ : 0;
  }

 private:
  std::size_t enough_;
  base::Ticks pause_ticks_ = base::Clock::to_ticks(kPauseNs);
  base::Ticks fast_ticks_ = base::Clock::to_ticks(kFastNs);
  base::Ticks slow_ticks_ = base::Clock::to_ticks(kSlowNs);
  base::Ticks last_ = 0;
  base::Ticks next_look_ = 0;  // 0: at once
  unsigned fast_looks_ = 0;    // in a row
  bool slow_ = false;
};

}  // namespace herald::core
