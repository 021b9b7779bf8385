// Lane, registry: takes publisher options, gives lanes, new or used before; at most 1,024.
#include "core/lane/lane_registry.h"

#include <new>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/exceptions.h"

namespace herald::core {

absl::StatusOr<PublisherCore*> LaneRegistry::open(PublisherOptions options,
                                                  const RoomPolicy& policy) {
  const std::scoped_lock lock(mutex_);
  if (sealed_) {
    return absl::FailedPreconditionError("publisher: the bus is closed");
  }
  HERALD_TRY {
    PublisherCore* lane = first_free();
    if (lane == nullptr && lanes_.size() < max_publishers_) {
      lanes_.push_back(std::make_unique<PublisherCore>(runtime_, mode_, doorbell_));
      lane = lanes_.back().get();
      free_ = lane;
    }
    if (lane != nullptr) {
      const std::size_t before = lane->reserved_bytes();
      lane->open(std::move(options), policy);  // may throw: then it stays free
      free_ = lane->next_free;
      size_bytes_.store(size_bytes() + lane->reserved_bytes() - before,
                        std::memory_order_relaxed);  // Relaxed: a statistic.
      return lane;
    }
  }
  HERALD_CATCH_ALL { return absl::ResourceExhaustedError("publisher: no memory for its lane"); }
  return absl::ResourceExhaustedError(absl::StrCat(
      "publisher: ", max_publishers_, " are open or still have events to dispatch; allowed: ",
      max_publishers_, " (BusOptions::max_publishers, at most 1024)"));
}

PublisherCore* LaneRegistry::first_free() noexcept {
  if (free_ == nullptr) {
    free_ = take_given_back();
  }
  return free_;
}

void LaneRegistry::give_back(PublisherCore& lane) noexcept {
  PublisherStats row = lane.stats();
  row.capacity_events = 0;
  add(closed_, row);
  // [G1] release: pairs with take_given_back(). Lock-free; only the holder pushes and only the
  // whole list is taken, so no ABA.
  lane.next_free = given_back_.load(std::memory_order_relaxed);
  while (!given_back_.compare_exchange_weak(lane.next_free, &lane, std::memory_order_release,
                                            std::memory_order_relaxed)) {
  }
}

void LaneRegistry::seal_all() noexcept {
  const std::scoped_lock lock(mutex_);
  sealed_ = true;
  for (const auto& lane : lanes_) {
    lane->lane().seal();
  }
}

}  // namespace herald::core
