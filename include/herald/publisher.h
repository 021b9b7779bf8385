#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <type_traits>

#include "herald/event.h"
#include "herald/event_type.h"
#include "herald/filter.h"

namespace herald {

/// What became of one event.
enum class PublishResult : std::uint8_t {
  kAccepted,  ///< It will be delivered, or its loss is counted under a policy's name.
  kDropped,   ///< The lane was full and its policy is OverflowPolicy::kDropNewest.
  kFull,      ///< The lane was full: try_publish, max_wait ran out, or called while dispatching.
  kClosed,    ///< The publisher or the bus is closed.
  kRejected,  ///< Payload above 16 MiB, no memory for it, or a key of another bus.
};

/// What became of a batch: its first `accepted` events were accepted; `result` is what the next
/// one met, kAccepted if there was none.
struct BatchResult {
  std::size_t accepted = 0;
  PublishResult result = PublishResult::kAccepted;
};

struct PublishOptions {
  /// The stream of the event. Default 0: none.
  StreamId stream = 0;
  /// When the event was due: the anchor of its latency, so that a late publisher shows in the
  /// figures (coordinated omission). Default, the epoch: now. Costs one more clock read.
  std::chrono::steady_clock::time_point at = {};
};

namespace core {
class PublisherCore;
}

/// A handle that writes into a lane of its own. Made by Bus::publisher.
/// Threads: movable; used by one thread at a time. Different publishers never wait for each other.
/// Ownership: may outlive its bus; it then answers kClosed. Destruction closes it; what it
/// published is still delivered.
/// Ordering: a subscriber sees the accepted events of one publisher in publish order. What a thread
/// wrote before publish() is visible to every callback that gets the event.
class Publisher {
 public:
  Publisher(Publisher&& other) noexcept = default;
  Publisher& operator=(Publisher&& other) noexcept;
  ~Publisher();

  /// Publishes one event.
  /// Progress: wait-free while the lane has room. In a full lane, by PublisherOptions: spins for
  /// some 5 us, then sleeps in the kernel until `max_wait` is over (block), or returns kDropped. On
  /// the dispatching thread it never waits; on that of another bus it does, so two buses that
  /// publish into each other through blocking lanes can wait for each other: give them a
  /// `max_wait`. Cost: no lock, no allocation if the payload fits the event (32 bytes), no system
  /// call but to wake a parked dispatcher (about 2 us) or to wait.
  template <typename T>
  PublishResult publish(const EventType<T>& type, std::type_identity_t<PublishArgument<T>> payload,
                        const PublishOptions& options = {}) noexcept {
    return publish_one<T>(type, static_cast<PublishArgument<T>&&>(payload), options, true);
  }

  /// As publish, but a full lane always gives kFull at once.
  template <typename T>
  [[nodiscard]] PublishResult try_publish(const EventType<T>& type,
                                          std::type_identity_t<PublishArgument<T>> payload,
                                          const PublishOptions& options = {}) noexcept {
    return publish_one<T>(type, static_cast<PublishArgument<T>&&>(payload), options, false);
  }

  /// Publishes the payloads in order; up to 32 of them at a time share one time stamp and one
  /// announcement, so that an event costs less than in publish. A full lane is met as in publish:
  /// a blocking publisher waits (for `max_wait` at most for each 32) and accepts all, a dropping
  /// one accepts a prefix and counts the rest as dropped. Copying a payload must not throw.
  template <typename T>
  BatchResult publish_batch(const EventType<T>& type,
                            std::type_identity_t<std::span<const BatchElement<T>>> payloads,
                            const PublishOptions& options = {}) noexcept {
    BatchResult total;
    while (!payloads.empty() && total.result == PublishResult::kAccepted) {
      std::size_t taken_on = 0;
      const BatchResult chunk = publish_chunk<T>(
          type, payloads.first(std::min(payloads.size(), kChunkEvents)), options, taken_on);
      total.accepted += chunk.accepted;
      total.result = chunk.result;
      payloads = payloads.subspan(taken_on);
    }
    if (!payloads.empty()) {
      skip(payloads.size(), total.result);
    }
    return total;
  }

  /// No further events; accepted ones are still delivered. Idempotent.
  void close() noexcept;

 private:
  friend class Bus;
  friend class TokenStream;

  static constexpr std::size_t kChunkEvents = 32;

  Publisher(std::shared_ptr<core::PublisherCore> core, std::pmr::memory_resource* resource,
            std::uint32_t bus_id) noexcept;

  // Events are made where they lie in the lane. (Made elsewhere in small stores and copied at once,
  // each copy would wait until those stores are done: 10 ns an event.)
  template <typename T>
  PublishResult publish_one(const EventType<T>& type, PublishArgument<T> payload,
                            const PublishOptions& options, bool may_wait) noexcept {
    // Making a block calls the host's memory resource and payload, which may publish here, too: no
    // cell is claimed meanwhile. A handle may outlive its bus, and the bus the memory resource:
    // closed is asked first.
    if (detail::needs_block<T>(payload)) {
      return closed() ? refuse()
                      : publish_apart<T>(type, static_cast<PublishArgument<T>&&>(payload), options,
                                         may_wait);
    }
    detail::EventSlot* const cell = claim();
    if (cell == nullptr) [[unlikely]] {
      return publish_apart<T>(type, static_cast<PublishArgument<T>&&>(payload), options, may_wait);
    }
    return detail::make_slot<T>(*cell, type, static_cast<PublishArgument<T>&&>(payload),
                                options.stream, bus_id_, resource_)
               ? commit(*cell, options)
               : refuse();
  }

  // Without a cell: the lane is full, there is none, or the payload needs a block.
  template <typename T>
  [[gnu::noinline]] PublishResult publish_apart(const EventType<T>& type,
                                                PublishArgument<T> payload,
                                                const PublishOptions& options,
                                                bool may_wait) noexcept {
    detail::EventSlot slot;
    return detail::make_slot<T>(slot, type, static_cast<PublishArgument<T>&&>(payload),
                                options.stream, bus_id_, resource_)
               ? push(slot, options, may_wait)
               : refuse();
  }

  // Sets how many it took on: those before the first that cannot be made, and that one.
  template <typename T>
  BatchResult publish_chunk(const EventType<T>& type, std::span<const BatchElement<T>> payloads,
                            const PublishOptions& options, std::size_t& taken_on) noexcept {
    const bool blocks =
        std::any_of(payloads.begin(), payloads.end(),
                    [](const BatchElement<T>& payload) { return detail::needs_block<T>(payload); });
    const std::span<detail::EventSlot> cells =
        blocks ? std::span<detail::EventSlot>() : claim(payloads.size());
    detail::EventSlot apart[kChunkEvents];
    const std::span<detail::EventSlot> slots =
        cells.empty() ? std::span(apart).first(payloads.size()) : cells;
    const std::size_t made = make<T>(slots, type, payloads, options);
    BatchResult result;
    if (cells.empty()) {
      result = push(slots.first(made));
    } else if (made != 0) {
      result.result = commit(cells.first(made));
      result.accepted = result.result == PublishResult::kAccepted ? made : 0;
    }
    taken_on = made;
    if (made < slots.size() && result.result == PublishResult::kAccepted) {
      result.result = refuse();
      ++taken_on;
    }
    return result;
  }

  // The events of the first payloads, up to one that cannot be made or the end of the slots.
  template <typename T>
  std::size_t make(std::span<detail::EventSlot> slots, const EventType<T>& type,
                   std::span<const BatchElement<T>> payloads,
                   const PublishOptions& options) noexcept {
    if constexpr (!std::is_same_v<T, Text> && detail::kIsInline<T>) {
      detail::EventSlot head;
      if (!detail::make_head<T>(head, type, options.stream, bus_id_)) {
        return 0;
      }
      head.publish_ticks = stamp(options);
      detail::make_slots<T>(slots.data(), head, payloads.first(slots.size()));
      return slots.size();
    } else {
      std::size_t made = 0;
      while (made < slots.size() && !(detail::needs_block<T>(payloads[made]) && closed()) &&
             detail::make_slot<T>(slots[made], type, payloads[made], options.stream, bus_id_,
                                  resource_)) {
        ++made;
      }
      // Not before: making blocks takes its time, and may publish here, too.
      const std::int64_t time = stamp(options);
      for (detail::EventSlot& slot : slots.first(made)) {
        slot.publish_ticks = time;
      }
      return made;
    }
  }

  // Out of line, so that no queue type is visible here.
  // The next cell of the lane, or those in a row, at most `count`; none if it is full or closed.
  [[nodiscard]] detail::EventSlot* claim() noexcept;
  [[nodiscard]] std::span<detail::EventSlot> claim(std::size_t count) noexcept;
  // Publishes the first that were claimed last.
  PublishResult commit(detail::EventSlot& cell, const PublishOptions& options) noexcept;
  PublishResult commit(std::span<detail::EventSlot> cells) noexcept;  // they have their time
  // These take over the slots' payloads.
  PublishResult push(detail::EventSlot& slot, const PublishOptions& options,
                     bool may_wait) noexcept;
  BatchResult push(std::span<detail::EventSlot> slots) noexcept;  // they have their time
  // The time that an event counts from; 0: not measured.
  [[nodiscard]] std::int64_t stamp(const PublishOptions& options) const noexcept;
  PublishResult refuse() noexcept;  // one event: rejected, or closed
  [[nodiscard]] bool closed() const noexcept;
  void skip(std::size_t events, PublishResult result) noexcept;  // behind a batch's end

  std::shared_ptr<core::PublisherCore> core_;
  std::pmr::memory_resource* resource_ = nullptr;
  std::uint32_t bus_id_ = 0;
};

}  // namespace herald
