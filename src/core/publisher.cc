// The public face: takes calls on a Publisher, gives them to its lane.
#include "herald/publisher.h"

#include <utility>

#include "core/event/event_access.h"
#include "core/lane/publisher_core.h"
#include "core/runtime.h"

namespace herald {

Publisher::Publisher(std::shared_ptr<core::PublisherCore> core, std::pmr::memory_resource* resource,
                     std::uint32_t bus_id) noexcept
    : core_(std::move(core)), resource_(resource), bus_id_(bus_id) {}

Publisher& Publisher::operator=(Publisher&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
    resource_ = other.resource_;
    bus_id_ = other.bus_id_;
  }
  return *this;
}

Publisher::~Publisher() { close(); }

void Publisher::close() noexcept {
  if (core_ != nullptr) {
    core_->close();
    core_.reset();
  }
}

detail::EventSlot* Publisher::claim() noexcept {
  return core_ == nullptr ? nullptr : core_->lane().claim();
}

std::span<detail::EventSlot> Publisher::claim(std::size_t count) noexcept {
  return core_ == nullptr ? std::span<detail::EventSlot>() : core_->lane().claim(count);
}

PublishResult Publisher::commit(detail::EventSlot& cell, const PublishOptions& options) noexcept {
  return core_->commit(cell, options);
}

PublishResult Publisher::commit(std::span<detail::EventSlot> cells) noexcept {
  return core_->commit(cells);
}

PublishResult Publisher::push(detail::EventSlot& slot, const PublishOptions& options,
                              bool may_wait) noexcept {
  if (core_ == nullptr) {
    drop(slot);
    return PublishResult::kClosed;
  }
  return core_->publish(slot, options, may_wait);
}

BatchResult Publisher::push(std::span<detail::EventSlot> slots) noexcept {
  if (core_ == nullptr) {
    for (detail::EventSlot& slot : slots) {
      drop(slot);
    }
    return {0, PublishResult::kClosed};
  }
  return core_->publish(slots);
}

std::int64_t Publisher::stamp(const PublishOptions& options) const noexcept {
  return core_ == nullptr ? 0 : core_->runtime().stamp(options);
}

PublishResult Publisher::refuse() noexcept {
  return core_ == nullptr ? PublishResult::kClosed : core_->refuse();
}

bool Publisher::closed() const noexcept { return core_ == nullptr || core_->lane().sealed(); }

void Publisher::skip(std::size_t events, PublishResult result) noexcept {
  if (core_ != nullptr) {
    core_->skip(events, result);
  }
}

}  // namespace herald
