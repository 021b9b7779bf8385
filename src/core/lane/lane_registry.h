// Lane, registry: takes publisher options, gives lanes, new or used before; at most 1,024.
//
// Threads: open(), seal_all() and the sums take a lock (control plane); give_back() is the holder's
//   and lock-free.
// Invariants: a lane is in use from open() until the holder gives it back, when its publisher has
//   closed and its events are taken. Lanes live as long as the bus; a closed publisher's numbers
//   are in one common row.
// Synchronization: [G1] a lane is pushed to the free list with release / taken with acquire.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "core/lane/publisher_core.h"

namespace herald::core {

class LaneRegistry {
 public:
  LaneRegistry(Runtime& runtime, std::size_t max_publishers, base::FenceMode mode,
               Doorbell& doorbell)
      : runtime_(runtime), max_publishers_(max_publishers), mode_(mode), doorbell_(doorbell) {}

  /// Errors: ResourceExhausted, FailedPrecondition (sealed).
  absl::StatusOr<PublisherCore*> open(PublisherOptions options, const RoomPolicy& policy);
  /// By the holder: the lane is drained and its publisher gone.
  void give_back(PublisherCore& lane) noexcept;
  /// Seals all lanes and makes no more. One at a time.
  void seal_all() noexcept;

  /// By the holder.
  [[nodiscard]] const PublisherStats& closed_publishers() const noexcept { return closed_; }
  [[nodiscard]] std::size_t size_bytes() const noexcept {
    return size_bytes_.load(std::memory_order_relaxed);  // Relaxed: a statistic.
  }

 private:
  [[nodiscard]] PublisherCore* first_free() noexcept;
  // [G1] acquire: pairs with give_back().
  [[nodiscard]] PublisherCore* take_given_back() noexcept {
    return given_back_.exchange(nullptr, std::memory_order_acquire);
  }

  Runtime& runtime_;
  const std::size_t max_publishers_;
  const base::FenceMode mode_;
  Doorbell& doorbell_;

  std::mutex mutex_;  // open() and seal_all()
  bool sealed_ = false;
  std::vector<std::unique_ptr<PublisherCore>> lanes_;
  PublisherCore* free_ = nullptr;
  std::atomic<std::size_t> size_bytes_{0};

  std::atomic<PublisherCore*> given_back_{nullptr};
  PublisherStats closed_;  // the holder's
};

}  // namespace herald::core
