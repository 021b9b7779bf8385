// Event: takes payload bytes, keeps them inline or in one shared block.
#include "herald/event.h"

#include <cstring>

#include "base/clock.h"
#include "base/exceptions.h"
#include "herald/callback.h"

namespace herald {
namespace detail {

PayloadId next_payload_id() noexcept {
  constexpr PayloadId kFirst = 6;  // behind the built-in ones
  static std::atomic<PayloadId> next{kFirst};
  return next.fetch_add(1, std::memory_order_relaxed);  // Relaxed: only uniqueness matters.
}

namespace {

std::size_t whole_align(std::size_t align_bytes) noexcept {
  return align_bytes > alignof(Block) ? align_bytes : alignof(Block);
}

}  // namespace

Block* allocate_block(std::pmr::memory_resource* resource, std::size_t size_bytes,
                      std::size_t align_bytes) noexcept {
  if (size_bytes > kPayloadLimitBytes) {
    return nullptr;
  }
  void* memory = nullptr;
  HERALD_TRY {
    memory =
        resource->allocate(Block::data_offset(align_bytes) + size_bytes, whole_align(align_bytes));
  }
  HERALD_CATCH_ALL { return nullptr; }
  auto* block = ::new (memory) Block;
  block->size_bytes = static_cast<std::uint32_t>(size_bytes);
  block->align_bytes = static_cast<std::uint32_t>(align_bytes);
  block->resource = resource;
  return block;
}

void release_block(Block* block) noexcept {
  // Release: our reads of the payload are over. Acquire, for the last: so are everybody's. [E1]
  // pairs with itself in the other holders' threads.
  if (block->references.fetch_sub(1, std::memory_order_acq_rel) != 1) {  // [E1]
    return;
  }
  if (block->destroy != nullptr) {
    block->destroy(block->data());
  }
  const std::size_t size_bytes = Block::data_offset(block->align_bytes) + block->size_bytes;
  const std::size_t align_bytes = whole_align(block->align_bytes);
  std::pmr::memory_resource* resource = block->resource;
  block->~Block();
  resource->deallocate(block, size_bytes, align_bytes);
}

bool store_text(EventSlot& slot, std::string_view text,
                std::pmr::memory_resource* resource) noexcept {
  slot.kind = PayloadKind::kNone;
  if (text.size() <= kInlineBytes) {
    slot.size_bytes = static_cast<std::uint8_t>(text.size());
    if (!text.empty()) {
      std::memcpy(slot.payload, text.data(), text.size());
    }
    slot.kind = PayloadKind::kInlineText;
    return true;
  }
  Block* block = allocate_block(resource, text.size(), 1);
  if (block == nullptr) {
    return false;
  }
  std::memcpy(block->data(), text.data(), text.size());
  ::new (static_cast<void*>(slot.payload)) Block*(block);
  slot.kind = PayloadKind::kBlockText;
  return true;
}

}  // namespace detail

std::chrono::steady_clock::time_point Event::publish_time() const noexcept {
  return slot_.publish_ticks == 0 ? std::chrono::steady_clock::time_point{}
                                  : base::Clock::to_steady(slot_.publish_ticks);
}

std::chrono::system_clock::time_point Event::wall_time() const noexcept {
  return slot_.publish_ticks == 0 ? std::chrono::system_clock::time_point{}
                                  : base::Clock::to_wall(slot_.publish_ticks);
}

std::string_view Event::text() const noexcept {
  switch (slot_.kind) {
    case detail::PayloadKind::kInlineText:
      return {reinterpret_cast<const char*>(slot_.payload), slot_.size_bytes};
    case detail::PayloadKind::kBlockText:
      return {reinterpret_cast<const char*>(block()->data()), block()->size_bytes};
    default:
      return {};
  }
}

bool Event::set_text(std::string_view text, std::pmr::memory_resource* resource) noexcept {
  Event changed;
  changed.slot_ = slot_;
  changed.slot_.kind = detail::PayloadKind::kNone;
  if ((slot_.type_entry >> 8U) != detail::payload_id<Text>() ||
      !detail::store_text(changed.slot_, text, resource)) {
    return false;
  }
  swap(changed);
  return true;
}

}  // namespace herald
