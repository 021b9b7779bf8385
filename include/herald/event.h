#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <memory_resource>
#include <string_view>
#include <type_traits>
#include <utility>

#include "herald/event_slot.h"
#include "herald/event_type.h"
#include "herald/filter.h"

namespace herald {
namespace detail {
struct EventPayload;
}

/// One event: 64 bytes, one cache line. Subscribers get it by const reference, valid for the call;
/// a copy may be kept for as long as wanted, also beyond the bus.
/// Threads: as for an int; different copies may be used by different threads, even when they share
/// a block. Cost: copying moves 64 bytes, and adds one atomic increment if the payload is a block.
class Event {
 public:
  Event() noexcept : slot_{} {}
  Event(const Event& other) noexcept : slot_(other.slot_) { retain(); }
  Event(Event&& other) noexcept : slot_(other.slot_) {
    other.slot_.kind = detail::PayloadKind::kNone;
  }
  Event& operator=(const Event& other) noexcept {
    Event copy(other);
    swap(copy);
    return *this;
  }
  Event& operator=(Event&& other) noexcept {
    Event taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Event() { release(); }

  void swap(Event& other) noexcept { std::swap(slot_, other.slot_); }

  /// Index of its type; compare with `type.index()` or ask Bus::type_name.
  [[nodiscard]] unsigned type_index() const noexcept { return slot_.type_entry & 0xFFU; }
  template <typename T>
  [[nodiscard]] bool is(const EventType<T>& type) const noexcept {
    return type_index() == type.index();
  }

  [[nodiscard]] StreamId stream() const noexcept { return slot_.stream; }

  /// Its place in the total order of its bus: dense, from 1; 0 before it is dispatched.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return slot_.sequence; }

  /// When it was published, or was due (`.at`). The epoch, if the bus does not measure latency.
  [[nodiscard]] std::chrono::steady_clock::time_point publish_time() const noexcept;
  /// The same on the wall clock, computed at each call from the age of the event.
  [[nodiscard]] std::chrono::system_clock::time_point wall_time() const noexcept;

  /// The payload if it is a T, else null. Valid as long as this copy of the event.
  template <typename T>
  [[nodiscard]] const T* get() const noexcept {
    static_assert(!std::is_same_v<T, Text>, "text is read with text()");
    return detail::holds<T>(slot_) ? object<T>() : nullptr;
  }

  /// The text of a text event, else empty. Valid as long as this copy of the event.
  [[nodiscard]] std::string_view text() const noexcept;

  /// Changes, for middleware. False, and unchanged, if the event carries another payload type or
  /// there is no memory. A new payload never shows in other copies of the event.
  [[nodiscard]] bool set_text(std::string_view text, std::pmr::memory_resource* resource =
                                                         std::pmr::new_delete_resource()) noexcept;
  template <typename T>
  [[nodiscard]] bool set(
      T payload, std::pmr::memory_resource* resource = std::pmr::new_delete_resource()) noexcept {
    Event changed;
    changed.slot_ = slot_;
    changed.slot_.kind = detail::PayloadKind::kNone;
    if (!detail::is_payload_id<T>(slot_.type_entry >> 8U) ||
        !detail::store_payload<T>(changed.slot_, std::move(payload), resource)) {
      return false;
    }
    swap(changed);
    return true;
  }
  void set_stream(StreamId stream) noexcept { slot_.stream = stream; }

 private:
  friend struct EventAccess;
  friend struct detail::EventPayload;

  // Requires: the payload is a T. Without std::launder, by the letter of C++20 needed from storage
  // to object (P3006 would drop that): GCC makes a barrier of it, and a loop over a Batch takes
  // half as long again. No compiler here looks through std::byte at what it held before.
  template <typename T>
  [[nodiscard]] const T* object() const noexcept {
    const std::byte* const storage =
        detail::kIsInline<T> ? slot_.payload : block()->data(alignof(T));
    return static_cast<const T*>(static_cast<const void*>(storage));
  }
  [[nodiscard]] bool has_block() const noexcept {
    return slot_.kind >= detail::PayloadKind::kBlockText;
  }
  [[nodiscard]] detail::Block* block() const noexcept {
    detail::Block* block = nullptr;
    std::memcpy(&block, slot_.payload, sizeof(block));
    return block;
  }
  void retain() noexcept {
    if (has_block()) {
      // Relaxed: the caller holds a reference, so the count cannot reach 0 meanwhile.
      block()->references.fetch_add(1, std::memory_order_relaxed);
    }
  }
  void release() noexcept {
    if (has_block()) {
      detail::release_block(block());
    }
    slot_.kind = detail::PayloadKind::kNone;
  }

  detail::EventSlot slot_;
};
static_assert(sizeof(Event) == 64 && alignof(Event) == 64 && std::is_standard_layout_v<Event>);

namespace detail {

/// For subscribers of one type, who get events of that type only, never without a payload (what a
/// middleware left without is dropped). So a call need not look.
struct EventPayload {
  template <typename T>
  [[nodiscard]] static ReceiveArgument<T> of(const Event& event) noexcept {
    if constexpr (std::is_same_v<T, Text>) {
      return event.text();
    } else {
      return *event.object<T>();
    }
  }
};

}  // namespace detail
}  // namespace herald
