// Lane, shared publisher: takes events from any thread, stamps them, puts them into the shared
// lane or says why not.
#include "core/lane/shared_publisher.h"

#include "base/clock.h"
#include "core/event/event_access.h"
#include "core/runtime.h"

namespace herald::core {

PublishResult SharedPublisher::publish(detail::EventSlot& slot,
                                       const PublishOptions& options) noexcept {
  count(attempts_);
  slot.publish_ticks = runtime_.stamp(options);
  const PushResult result = lane_.push(slot);
  if (result == PushResult::kAccepted) [[likely]] {
    return PublishResult::kAccepted;
  }
  return result == PushResult::kNoCredit ? publish_without_room(slot) : settle(result, slot);
}

PublishResult SharedPublisher::publish_without_room(detail::EventSlot& slot) noexcept {
  if (policy_.overflow == OverflowPolicy::kDropNewest) {
    drop(slot);
    count(dropped_);
    return PublishResult::kDropped;
  }
  PushResult result = PushResult::kNoCredit;
  std::int64_t deadline_ns = 0;
  while (result == PushResult::kNoCredit && wait_for_room(deadline_ns)) {
    result = lane_.push(slot);
  }
  return settle(result, slot);
}

PublishResult SharedPublisher::publish_to_kept_place(detail::EventSlot& slot) noexcept {
  count(attempts_);
  slot.publish_ticks = runtime_.stamp({});
  return settle(lane_.push_to_kept_place(slot), slot);
}

EndPlace SharedPublisher::promise_place() noexcept {
  if (!promised_.add()) {
    return EndPlace::kNone;
  }
  return lane_.keep_place() ? EndPlace::kKept : EndPlace::kPromised;
}

// The room first: whoever is promised the place then may find it.
void SharedPublisher::give_place_up(EndPlace place) noexcept {
  if (place == EndPlace::kKept) {
    lane_.give_place_up();
  }
  if (place != EndPlace::kNone) {
    promised_.remove();
  }
}

PublishResult SharedPublisher::keep_place() noexcept {
  std::int64_t deadline_ns = 0;
  while (!lane_.keep_place()) {
    if (runtime_.closed()) {
      return PublishResult::kClosed;
    }
    const bool drops = policy_.overflow == OverflowPolicy::kDropNewest;
    if (drops || !wait_for_room(deadline_ns)) {
      count(attempts_);
      count(drops ? dropped_ : full_);
      return drops ? PublishResult::kDropped : PublishResult::kFull;
    }
  }
  return PublishResult::kAccepted;
}

// Waits for room once. `deadline_ns` is 0 before the first wait of a publish. False: give up.
bool SharedPublisher::wait_for_room(std::int64_t& deadline_ns) noexcept {
  if (runtime_.is_waited_for_here()) {
    return false;  // The one who makes room is us.
  }
  if (deadline_ns == 0) {
    count(waits_);
    deadline_ns = policy_.max_wait.has_value() ? base::Clock::monotonic_deadline(*policy_.max_wait)
                                               : base::NativeAtomics::kNoDeadline;
  }
  return lane_.wait_for_room(deadline_ns);
}

PublishResult SharedPublisher::settle(PushResult result, detail::EventSlot& slot) noexcept {
  switch (result) {
    case PushResult::kAccepted:
      return PublishResult::kAccepted;
    case PushResult::kNoCredit:
      drop(slot);
      count(full_);
      return PublishResult::kFull;
    case PushResult::kNoMemory:
      drop(slot);
      count(rejected_);
      return PublishResult::kRejected;
    case PushResult::kSealed:
    case PushResult::kRefused:
      break;
  }
  drop(slot);
  count(closed_);
  return PublishResult::kClosed;
}

PublishResult SharedPublisher::refuse() noexcept {
  count(attempts_);
  const bool closed = runtime_.closed();
  count(closed ? closed_ : rejected_);
  return closed ? PublishResult::kClosed : PublishResult::kRejected;
}

PublisherStats SharedPublisher::stats() const {
  const auto get = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);  // Relaxed: a statistic.
  };
  PublisherStats row;
  row.name = "shared";
  row.attempts = get(attempts_);
  row.accepted = lane_.accepted();
  row.dropped = get(dropped_);
  row.full = get(full_);
  row.closed = get(closed_);
  row.rejected = get(rejected_);
  row.discarded = discarded;
  const std::uint64_t drained = lane_.drained();
  row.queued = row.accepted > drained ? row.accepted - drained : 0;
  row.waits = get(waits_);
  row.capacity_events = lane_.capacity();
  return row;
}

}  // namespace herald::core
