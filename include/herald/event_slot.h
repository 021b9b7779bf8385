#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "herald/event_type.h"
#include "herald/filter.h"
#include "herald/payload_id.h"

namespace herald::detail {

inline constexpr std::size_t kPayloadLimitBytes = std::size_t{16} << 20;

/// The head of a payload too large for the event: one allocation, shared by all copies of the
/// event, freed by whoever drops the last one, on any thread.
struct Block {
  std::atomic<std::uint32_t> references{1};
  std::uint32_t size_bytes = 0;
  std::uint32_t align_bytes = 0;
  void (*destroy)(void* object) noexcept = nullptr;  ///< Null: nothing to destroy.
  std::pmr::memory_resource* resource = nullptr;

  /// How far behind the head a payload of this alignment, a power of two, begins.
  [[nodiscard]] static constexpr std::size_t data_offset(std::size_t align_bytes) noexcept;
  [[nodiscard]] std::byte* data() noexcept { return data(align_bytes); }
  /// The same where the alignment is known: `known_bytes` is align_bytes.
  [[nodiscard]] std::byte* data(std::size_t known_bytes) noexcept {
    return reinterpret_cast<std::byte*>(this) + data_offset(known_bytes);
  }
};

constexpr std::size_t Block::data_offset(std::size_t align_bytes) noexcept {
  return (sizeof(Block) + align_bytes - 1) & ~(align_bytes - 1);
}

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
  std::uint64_t sequence;  ///< Of the dispatcher. Publishers leave it alone: lanes use the place.
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

/// Copies what a publisher makes but the payload: all in front of it but the sequence.
inline void copy_head(EventSlot& to, const EventSlot& from) noexcept {
  std::memcpy(&to.publish_ticks, &from.publish_ticks, sizeof(to.publish_ticks));
  constexpr std::size_t kStream = offsetof(EventSlot, stream);
  std::memcpy(reinterpret_cast<std::byte*>(&to) + kStream,
              reinterpret_cast<const std::byte*>(&from) + kStream,
              offsetof(EventSlot, payload) - kStream);
}
/// Copies all that a publisher makes. No reference to a block is added.
inline void copy_made(EventSlot& to, const EventSlot& from) noexcept {
  copy_head(to, from);
  std::memcpy(to.payload, from.payload, sizeof(to.payload));
}

/// How an object of type T lies in a slot.
template <typename T>
inline constexpr PayloadKind kObjectKind =
    kIsInline<T> ? PayloadKind::kInlineObject : PayloadKind::kBlockObject;

/// Whether the payload is a T. Its id and its kind lie side by side: one comparison tells both.
template <typename T>
[[nodiscard]] bool holds(const EventSlot& slot) noexcept {
  static_assert(std::endian::native == std::endian::little, "the id is the upper 24 bits");
  std::uint32_t id_and_kind = 0;
  std::memcpy(&id_and_kind,
              reinterpret_cast<const std::byte*>(&slot) + offsetof(EventSlot, type_entry) + 1,
              sizeof(id_and_kind));
  constexpr std::uint32_t kKind = static_cast<std::uint32_t>(kObjectKind<T>) << 24U;
  if (id_and_kind == (kKind | kPayloadId<T>)) [[likely]] {
    return true;
  }
  return id_and_kind == (kKind | payload_id<T>());
}

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
      block->destroy = [](void* made) noexcept { static_cast<T*>(made)->~T(); };
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

/// All of a new event but its time, sequence and payload. False if `type` is a key of another bus.
template <typename T>
[[nodiscard]] bool make_head(EventSlot& slot, const EventType<T>& type, StreamId stream,
                             std::uint32_t bus_id) noexcept {
  const std::uint32_t key_bus_id = KeyAccess::bus_id(type);
  if (key_bus_id != 0 && key_bus_id != bus_id) [[unlikely]] {
    return false;
  }
  slot.stream = stream;
  slot.type_entry = KeyAccess::entry(type);
  slot.flags = 0;
  return true;
}

/// All but its time and its sequence. False as in make_head or store_payload.
template <typename T>
[[nodiscard]] bool make_slot(EventSlot& slot, const EventType<T>& type, PublishArgument<T> payload,
                             StreamId stream, std::uint32_t bus_id,
                             std::pmr::memory_resource* resource) noexcept {
  return make_head<T>(slot, type, stream, bus_id) &&
         store_payload<T>(slot, static_cast<PublishArgument<T>&&>(payload), resource);
}

/// Whole events that differ in their payloads alone, objects that lie in them: the rest is that of
/// `head`, made by make_head and with its time. Requires: as many slots as payloads.
template <typename T>
void make_slots(EventSlot* slots, EventSlot& head, std::span<const T> payloads) noexcept {
  static_assert(kIsInline<T>);
  head.kind = PayloadKind::kInlineObject;
  head.size_bytes = static_cast<std::uint8_t>(sizeof(T));
  for (const T& payload : payloads) {
    copy_head(*slots, head);
    ::new (static_cast<void*>(slots->payload)) T(payload);
    ++slots;
  }
}

}  // namespace herald::detail
