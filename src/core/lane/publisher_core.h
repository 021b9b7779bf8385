// Lane, publisher: takes an event, stamps it, puts it into its lane or says why not.
//
// Threads: one publisher at a time; what is the dispatcher's is marked; counters may be read by
//   any.
// Invariant: attempts = accepted + dropped + full + closed + rejected, whenever no publish runs.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/cache_line.h"
#include "base/single_writer_counter.h"
#include "core/control/order.h"
#include "core/lane/drain_pace.h"
#include "core/lane/event_ring.h"
#include "core/lane/lane.h"
#include "core/lane/promised_places.h"
#include "herald/options.h"
#include "herald/publisher.h"
#include "herald/stats.h"

namespace herald::core {

class Runtime;
using Doorbell = base::ParkingSpot<base::NativeAtomics>;
using PublisherLane = Lane<base::NativeAtomics, EventRing>;

/// What to do without room, fixed for the life of a publisher.
struct RoomPolicy {
  OverflowPolicy overflow = OverflowPolicy::kBlock;
  std::optional<std::chrono::nanoseconds> max_wait;
};

/// Everything behind one Publisher handle; reused for the next one when closed and drained.
class PublisherCore {
 public:
  PublisherCore(Runtime& runtime, base::FenceMode mode, Doorbell& doorbell);
  PublisherCore(const PublisherCore&) = delete;
  PublisherCore& operator=(const PublisherCore&) = delete;

  /// Before a handle is made. Throws std::bad_alloc.
  void open(PublisherOptions options, const RoomPolicy& policy);

  // Publisher.

  /// The first of the cells that lane().claim() gave.
  PublishResult commit(detail::EventSlot& cell, const PublishOptions& options) noexcept;
  /// The same for several, which have their time.
  PublishResult commit(std::span<detail::EventSlot> cells) noexcept;
  PublishResult publish(detail::EventSlot& slot, const PublishOptions& options,
                        bool may_wait) noexcept;
  BatchResult publish(std::span<detail::EventSlot> slots) noexcept;
  /// Promises a place in the lane to an event that is to come, and keeps it if there is room. kNone
  /// if it were the last.
  [[nodiscard]] EndPlace promise_place() noexcept;
  /// Keeps a promised place; waits for room as publish() does. kClosed if the lane is sealed; else
  /// counted as one event that met no room.
  [[nodiscard]] PublishResult keep_place() noexcept;
  void give_place_up(EndPlace place) noexcept;
  PublishResult refuse() noexcept;
  void skip(std::size_t events, PublishResult result) noexcept;
  void close() noexcept;

  // Any thread.

  [[nodiscard]] Runtime& runtime() noexcept { return runtime_; }
  [[nodiscard]] PublisherLane& lane() noexcept { return lane_; }
  [[nodiscard]] const PublisherLane& lane() const noexcept { return lane_; }
  [[nodiscard]] PublisherStats stats() const;
  [[nodiscard]] std::size_t reserved_bytes() noexcept { return lane_.ring().reserved_bytes(); }

  Order opening;
  Order closing;
  PublisherCore* next_free = nullptr;  // while it is free

  // The holder's; the first line has what each batch of a dispatcher thread needs.
  alignas(base::kFalseSharingBytes) DrainPace pace;
  std::size_t wake_room = 1;  // where the lane is not slow
  PublisherLane::Count pump_limit = 0;
  PublisherLane::Count flush_limit = 0;
  bool is_closing = false;
  std::uint64_t discarded = 0;

 private:
  PublishResult publish_without_room(detail::EventSlot& slot, bool may_wait) noexcept;
  std::size_t push_some(std::span<detail::EventSlot> slots, PushResult& result) noexcept;
  PublishResult count(PushResult result, std::size_t events) noexcept;
  PublishResult count(PublishResult result, std::size_t events) noexcept;
  [[nodiscard]] bool spin_for_room() noexcept;
  [[nodiscard]] bool wait_for_room(std::int64_t& deadline_ns) noexcept;

  alignas(base::kFalseSharingBytes) Runtime& runtime_;
  PublisherLane lane_;
  std::string name_;
  RoomPolicy policy_;
  std::size_t promised_ = 0;  // places of the lane, fewer than it has
  // Written by the publisher.
  alignas(base::kFalseSharingBytes) base::SingleWriterCounter attempts_;
  base::SingleWriterCounter dropped_;
  base::SingleWriterCounter full_;
  base::SingleWriterCounter closed_;
  base::SingleWriterCounter rejected_;
  base::SingleWriterCounter waits_;
};

static_assert(sizeof(DrainPace) + sizeof(std::size_t) <= base::kCacheLineBytes,
              "a batch of a dispatcher thread needs more than one line");

/// Adds every count of `row` to `sum`.
void add(PublisherStats& sum, const PublisherStats& row) noexcept;

}  // namespace herald::core
