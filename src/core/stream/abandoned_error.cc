// Stream, abandoned: the event that ends a stream whose producer went without an end.
#include "core/stream/abandoned_error.h"

#include <cstddef>
#include <memory_resource>
#include <new>
#include <string>

#include "base/assert.h"
#include "core/event/event_access.h"
#include "herald/stream_end.h"

namespace herald::core {
namespace {

// The payload lies in memory_, and its strings are so short that they have room in themselves.
class AbandonedError {
 public:
  AbandonedError() noexcept {
    detail::EventSlot slot{};
    const bool fits = detail::make_slot<Error>(
        slot, kError, {std::string(error_code::kAbandoned), "producer left", true}, 0, 0,
        &resource_);
    HERALD_ASSERT(fits, "there is too little memory for the end of abandoned streams");
    event_ = EventAccess::adopt(slot);
  }
  [[nodiscard]] const Event& event() const noexcept { return event_; }

 private:
  alignas(std::max_align_t) std::byte memory_[256];
  std::pmr::monotonic_buffer_resource resource_{memory_, sizeof(memory_),
                                                std::pmr::null_memory_resource()};
  Event event_;
};

}  // namespace

const Event& abandoned_error() noexcept {
  alignas(AbandonedError) static std::byte place[sizeof(AbandonedError)];
  static const auto* const made = ::new (static_cast<void*>(place)) AbandonedError;
  return made->event();
}

}  // namespace herald::core
