// Lane, shared publisher: takes events from any thread, stamps them, puts them into the shared
// lane or says why not.
//
// Threads: any.
// Invariant: attempts = accepted + dropped + full + closed + rejected, whenever no publish runs.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/lane/promised_places.h"
#include "core/lane/publisher_core.h"
#include "core/lane/shared_lane.h"
#include "core/lane/shared_queue.h"
#include "herald/options.h"
#include "herald/publisher.h"

namespace herald::core {

class SharedPublisher {
 public:
  using Lane = SharedLane<base::NativeAtomics, SharedQueue>;

  SharedPublisher(Runtime& runtime, const SharedLaneOptions& options, const RoomPolicy& policy,
                  base::FenceMode mode, Doorbell& doorbell)
      : runtime_(runtime),
        policy_(policy),
        reserved_bytes_(options.capacity_events * sizeof(detail::EventSlot)),
        lane_(SharedQueue(options.capacity_events), options.capacity_events, mode, doorbell),
        promised_(options.capacity_events) {}

  PublishResult publish(detail::EventSlot& slot, const PublishOptions& options) noexcept;
  // As those of PublisherCore.
  [[nodiscard]] EndPlace promise_place() noexcept;
  [[nodiscard]] PublishResult keep_place() noexcept;
  void give_place_up(EndPlace place) noexcept;
  /// Never dropped nor full: takes a kept place. Then its promise is left.
  PublishResult publish_to_kept_place(detail::EventSlot& slot) noexcept;
  PublishResult refuse() noexcept;

  [[nodiscard]] Lane& lane() noexcept { return lane_; }
  [[nodiscard]] const Lane& lane() const noexcept { return lane_; }
  [[nodiscard]] PublisherStats stats() const;
  [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_bytes_; }

  std::uint64_t discarded = 0;  // the holder's

 private:
  PublishResult publish_without_room(detail::EventSlot& slot) noexcept;
  [[nodiscard]] bool wait_for_room(std::int64_t& deadline_ns) noexcept;
  PublishResult settle(PushResult result, detail::EventSlot& slot) noexcept;

  // Relaxed: statistics, exact when the publishers rest.
  static void count(std::atomic<std::uint64_t>& counter) noexcept {
    counter.fetch_add(1, std::memory_order_relaxed);
  }

  Runtime& runtime_;
  const RoomPolicy policy_;
  const std::size_t reserved_bytes_;
  Lane lane_;
  PromisedPlaces<base::NativeAtomics> promised_;
  alignas(base::kFalseSharingBytes) std::atomic<std::uint64_t> attempts_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> full_{0};
  std::atomic<std::uint64_t> closed_{0};
  std::atomic<std::uint64_t> rejected_{0};
  std::atomic<std::uint64_t> waits_{0};
};

}  // namespace herald::core
