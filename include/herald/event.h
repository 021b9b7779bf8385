#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "herald/event_type.h"
#include "herald/filter.h"

namespace herald {
namespace detail {

inline constexpr std::size_t kPayloadLimitBytes = std::size_t{16} << 20;

/// The head of a payload too large for the event: one allocation, shared by all copies of the
/// event, freed by whoever drops the last one, on any thread.
struct Block {
  std::atomic<std::uint32_t> references{1};
  std::uint32_t size_bytes = 0;
  std::uint32_t align_bytes = 0;
  void (*destroy)(void* object) noexcept = nullptr;  ///< Null: nothing to destroy.
  std::pmr::memory_resource* resource = nullptr;

  [[nodiscard]] std::byte* data() noexcept;
};

/// Null if the resource has no memory or the size is above kPayloadLimitBytes.
[[nodiscard]] Block* allocate_block(std::pmr::memory_resource* resource, std::size_t size_bytes,
                                    std::size_t align_bytes) noexcept;
void release_block(Block* block) noexcept;

enum class PayloadKind : std::uint8_t {
  kNone,
  kInlineText,
  kInlineObject,
  kBlockText,
  kBlockObject
};

/// The 64 bytes of an event, as they lie in lanes. Plain memory: it owns its block by convention.
struct alignas(64) EventSlot {
  std::int64_t publish_ticks;  ///< 0: not measured.
  std::uint64_t sequence;
  std::uint64_t stream;
  std::uint32_t type_entry;  ///< Payload id in the upper 24 bits, type index in the lower 8.
  PayloadKind kind;
  std::uint8_t size_bytes;  ///< Of an inline payload.
  std::uint16_t flags;
  alignas(kInlineBytes) std::byte payload[kInlineBytes];
};
static_assert(sizeof(EventSlot) == 64 && alignof(EventSlot) == 64);
static_assert(offsetof(EventSlot, sequence) == 8 && offsetof(EventSlot, stream) == 16);
static_assert(offsetof(EventSlot, type_entry) == 24 && offsetof(EventSlot, kind) == 28);
static_assert(offsetof(EventSlot, payload) == 32 && std::is_trivially_copyable_v<EventSlot>);

/// Puts `text` into the slot. False if there is no memory or it is too long; the slot is then
/// empty.
[[nodiscard]] bool store_text(EventSlot& slot, std::string_view text,
                              std::pmr::memory_resource* resource) noexcept;

/// The same for an object: it is copied (inline) or moved (into a block).
template <typename T>
[[nodiscard]] bool store_object(EventSlot& slot, PublishArgument<T> object,
                                std::pmr::memory_resource* resource) noexcept {
  if constexpr (kIsInline<T>) {
    static_cast<void>(resource);
    ::new (static_cast<void*>(slot.payload)) T(object);
    slot.kind = PayloadKind::kInlineObject;
    slot.size_bytes = static_cast<std::uint8_t>(sizeof(T));
    return true;
  } else {
    static_assert(std::is_nothrow_move_constructible_v<T>, "a payload must move without throwing");
    static_assert(sizeof(T) <= kPayloadLimitBytes, "a payload is at most 16 MiB");
    slot.kind = PayloadKind::kNone;
    Block* block = allocate_block(resource, sizeof(T), alignof(T));
    if (block == nullptr) {
      return false;
    }
    ::new (static_cast<void*>(block->data())) T(std::move(object));
    if constexpr (!std::is_trivially_destructible_v<T>) {
      block->destroy = [](void* made) noexcept { std::launder(static_cast<T*>(made))->~T(); };
    }
    ::new (static_cast<void*>(slot.payload)) Block*(block);
    slot.kind = PayloadKind::kBlockObject;
    return true;
  }
}

template <typename T>
[[nodiscard]] bool store_payload(EventSlot& slot, PublishArgument<T> payload,
                                 std::pmr::memory_resource* resource) noexcept {
  if constexpr (std::is_same_v<T, Text>) {
    return store_text(slot, payload, resource);
  } else {
    return store_object<T>(slot, static_cast<PublishArgument<T>&&>(payload), resource);
  }
}

/// Whether the payload needs a block, that is, memory of the host's.
template <typename T>
[[nodiscard]] constexpr bool needs_block(
    const std::remove_reference_t<PublishArgument<T>>& payload) noexcept {
  if constexpr (std::is_same_v<T, Text>) {
    return payload.size() > kInlineBytes;
  } else {
    static_cast<void>(payload);
    return !kIsInline<T>;
  }
}

/// A whole new event. False if `type` is a key of another bus, or as in store_payload.
template <typename T>
[[nodiscard]] bool make_slot(EventSlot& slot, const EventType<T>& type, PublishArgument<T> payload,
                             StreamId stream, std::uint32_t bus_id,
                             std::pmr::memory_resource* resource) noexcept {
  const std::uint32_t key_bus_id = KeyAccess::bus_id(type);
  if (key_bus_id != 0 && key_bus_id != bus_id) [[unlikely]] {
    return false;
  }
  slot.sequence = 0;
  slot.stream = stream;
  slot.type_entry = KeyAccess::entry(type);
  slot.flags = 0;
  return store_payload<T>(slot, static_cast<PublishArgument<T>&&>(payload), resource);
}

}  // namespace detail

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
    if ((slot_.type_entry >> 8U) != detail::payload_id<T>()) {
      return nullptr;
    }
    if constexpr (detail::kIsInline<T>) {
      return slot_.kind == detail::PayloadKind::kInlineObject
                 ? std::launder(reinterpret_cast<const T*>(slot_.payload))
                 : nullptr;
    } else {
      return has_block() ? std::launder(reinterpret_cast<const T*>(block()->data())) : nullptr;
    }
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
    if ((slot_.type_entry >> 8U) != detail::payload_id<T>() ||
        !detail::store_payload<T>(changed.slot_, std::move(payload), resource)) {
      return false;
    }
    swap(changed);
    return true;
  }
  void set_stream(StreamId stream) noexcept { slot_.stream = stream; }

 private:
  friend struct EventAccess;

  [[nodiscard]] bool has_block() const noexcept {
    return slot_.kind >= detail::PayloadKind::kBlockText;
  }
  [[nodiscard]] detail::Block* block() const noexcept {
    return *std::launder(reinterpret_cast<detail::Block* const*>(slot_.payload));
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

}  // namespace herald
