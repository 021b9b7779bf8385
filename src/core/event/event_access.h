// Event: the one door to the bytes inside an Event.
#pragma once

#include "herald/event.h"

namespace herald {

struct EventAccess {
  static detail::EventSlot& slot(Event& event) noexcept { return event.slot_; }
  static const detail::EventSlot& slot(const Event& event) noexcept { return event.slot_; }
  static bool has_block(const Event& event) noexcept { return event.has_block(); }
  /// What the event's block takes, 0 if it has none. An object's own memory is not known.
  static std::size_t block_bytes(const Event& event) noexcept {
    return event.has_block() ? sizeof(detail::Block) + event.block()->size_bytes : 0;
  }

  /// The event takes over the slot's payload.
  static Event adopt(const detail::EventSlot& slot) noexcept {
    Event event;
    event.slot_ = slot;
    return event;
  }
  /// Drops the payload; the event is then empty.
  static void clear(Event& event) noexcept { event.release(); }
};

/// Frees what a slot owns that never became an event.
inline void drop(detail::EventSlot& slot) noexcept {
  Event dropped;
  detail::copy_made(EventAccess::slot(dropped), slot);
  slot.kind = detail::PayloadKind::kNone;
}

}  // namespace herald
