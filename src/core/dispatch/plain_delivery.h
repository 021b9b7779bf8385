// Dispatch, plain events: takes those that concern no middleware, fans them out where they lie,
// measures them when it is time.
//
// Threads: the holder of the dispatch right.
// Invariants: events of one simple type go in rows. A row is stamped ahead, but sequence() and
//   `next` move with each event, so whoever stops in the middle, a command or a middleware that
//   comes, finds the rest as it was: their sequences are given again.
// Bounds: a row is at most kMostInRow events.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/dispatch/delivery.h"
#include "core/event/event_access.h"

namespace herald::core {

template <typename Stop, typename Late>
void Delivery::deliver_plain(std::size_t& next, std::size_t end, Stop stop, Late late) noexcept {
  use_place(false);
  if (ready_begin_ == ready_end_) {
    ready_begin_ = next;
  }
  // Commands change subscribers and middleware, and stop() tells of them.
  const std::uint64_t watched_types = chain_.types() | mailboxes_.blocking_types();
  const std::uint64_t simple_types = table_.simple_types() & ~watched_types;
  std::size_t unmeasured = next;
  bool is_late = false;
  const auto read_clock = [&] {
    measure(batch_ + unmeasured, batch_ + next);
    unmeasured = next;
    is_late = late();
    return !is_late;
  };
  do {
    Event& event = batch_[next];
    const bool simple = ((simple_types >> event.type_index()) & 1U) != 0;
    if (simple && next + 1 < end && batch_[next + 1].type_index() == event.type_index()) {
      deliver_row(next, end, stop, read_clock);
    } else if (((watched_types >> event.type_index()) & 1U) != 0 &&
               (chain_.concerns(event) || mailboxes_.holds_up(event))) {
      break;
    } else {
      stamp(event, next++);
      sharing_.did(1, table_.deliver(event));
    }
    if (sharing_.is_due()) {
      read_clock();
    }
  } while (!is_late && next < end && !stop());
  ready_end_ = known_end_ = next;
  measure(batch_ + unmeasured, batch_ + next);
}

// Events of one simple type, until `stop()`. Asks `read_clock()` between two when it is time.
// Not inline: the loop above would keep its state in memory, 14 instructions an event in no row.
template <typename Stop, typename ReadClock>
[[gnu::noinline]] void Delivery::deliver_row(std::size_t& next, std::size_t end, Stop stop,
                                             ReadClock read_clock) noexcept {
  Event* const row = batch_ + next;
  const unsigned type = row->type_index();
  const std::size_t most = std::min(end - next, kMostInRow);
  std::size_t count = 0;
  // No batch subscriber awaits them: their flags stay 0, as they were published.
  do {
    EventAccess::slot(row[count]).sequence = sequence_ + count + 1;
    ++count;
  } while (count < most && row[count].type_index() == type);

  const std::size_t calls = table_.simple_calls(type);
  std::size_t unread = next;
  std::size_t due = next + sharing_.events_until_read(calls);
  const auto begin_next = [&] {
    ++next;
    ++sequence_;
    return true;
  };
  begin_next();
  table_.deliver_simple({row, count}, [&] {
    if (next == due) {
      unread = next;
      if (!read_clock()) {
        return false;
      }
      due = next + sharing_.events_until_read(calls);
    }
    return !stop() && begin_next();
  });
  sharing_.did(next - unread, calls);
}

}  // namespace herald::core
