// Lane, publisher: takes an event, stamps it, puts it into its lane or says why not.
#include "core/lane/publisher_core.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/cpu_pause.h"
#include "core/event/event_access.h"
#include "core/runtime.h"

namespace herald::core {

PublisherCore::PublisherCore(Runtime& runtime, base::FenceMode mode, Doorbell& doorbell)
    : runtime_(runtime), lane_(EventRing(), 0, mode, doorbell) {}

void PublisherCore::open(PublisherOptions options, const RoomPolicy& policy) {
  lane_.ring().reserve(options.capacity_events);
  // A thread that dispatches goes on until all is taken: one wake-up for many places is cheaper.
  // Who pumps may stop after any event.
  const bool pumped = runtime_.options().dispatch == DispatchMode::kManual;
  wake_room = pumped ? 1 : std::max<std::size_t>(options.capacity_events / 8, 1);
  lane_.reopen(options.capacity_events);
  lane_.wake_for(wake_room);
  name_ = std::move(options.name);
  policy_ = policy;
  is_closing = false;
  discarded = 0;
  promised_ = 0;
  for (base::SingleWriterCounter* counter :
       {&attempts_, &dropped_, &full_, &closed_, &rejected_, &waits_}) {
    counter->reset();
  }
}

PublishResult PublisherCore::commit(detail::EventSlot& cell,
                                    const PublishOptions& options) noexcept {
  attempts_.add(1);
  cell.publish_ticks = runtime_.stamp(options);
  const PushResult result = lane_.commit(1);
  if (result == PushResult::kAccepted) [[likely]] {
    return PublishResult::kAccepted;
  }
  drop(cell);
  return count(result, 1);
}

PublishResult PublisherCore::commit(std::span<detail::EventSlot> cells) noexcept {
  attempts_.add(cells.size());
  const PushResult result = lane_.commit(cells.size());
  if (result == PushResult::kAccepted) [[likely]] {
    return PublishResult::kAccepted;
  }
  std::for_each(cells.begin(), cells.end(), drop);
  return count(result, cells.size());
}

PublishResult PublisherCore::publish(detail::EventSlot& slot, const PublishOptions& options,
                                     bool may_wait) noexcept {
  attempts_.add(1);
  slot.publish_ticks = runtime_.stamp(options);
  const PushResult result = lane_.push(&slot, 1);
  if (result == PushResult::kAccepted) [[likely]] {
    return PublishResult::kAccepted;
  }
  if (result == PushResult::kNoCredit) {
    return publish_without_room(slot, may_wait);
  }
  drop(slot);
  return count(result, 1);
}

PublishResult PublisherCore::publish_without_room(detail::EventSlot& slot, bool may_wait) noexcept {
  if (may_wait && policy_.overflow == OverflowPolicy::kDropNewest) {
    drop(slot);
    return count(PublishResult::kDropped, 1);
  }
  PushResult result = PushResult::kNoCredit;
  std::int64_t deadline_ns = 0;
  while (result == PushResult::kNoCredit && may_wait && wait_for_room(deadline_ns)) {
    result = lane_.push(&slot, 1);
  }
  if (result != PushResult::kAccepted) {
    drop(slot);
  }
  return count(result, 1);
}

BatchResult PublisherCore::publish(std::span<detail::EventSlot> slots) noexcept {
  attempts_.add(slots.size());
  const bool may_wait = policy_.overflow == OverflowPolicy::kBlock;
  BatchResult total;
  std::int64_t deadline_ns = 0;
  PushResult result = PushResult::kAccepted;
  while (total.accepted < slots.size()) {
    total.accepted += push_some(slots.subspan(total.accepted), result);
    const bool full = result == PushResult::kNoCredit;
    if (result != PushResult::kAccepted && !(full && may_wait && wait_for_room(deadline_ns))) {
      break;
    }
  }
  const std::span<detail::EventSlot> rest = slots.subspan(total.accepted);
  if (!rest.empty()) {
    std::for_each(rest.begin(), rest.end(), drop);
    const bool dropping = result == PushResult::kNoCredit && !may_wait;
    total.result =
        dropping ? count(PublishResult::kDropped, rest.size()) : count(result, rest.size());
  }
  return total;
}

// Pushes as many as fit, at once.
std::size_t PublisherCore::push_some(std::span<detail::EventSlot> slots,
                                     PushResult& result) noexcept {
  const std::size_t fitting = std::min(slots.size(), std::max<std::size_t>(lane_.room(), 1));
  result = lane_.push(slots.data(), fitting);
  return result == PushResult::kAccepted ? fitting : 0;
}

EndPlace PublisherCore::promise_place() noexcept {
  if (promised_ + 1 >= lane_.capacity()) {
    return EndPlace::kNone;
  }
  ++promised_;
  return lane_.keep_place() ? EndPlace::kKept : EndPlace::kPromised;
}

// It may be of an earlier publisher, which its stream has outlived.
void PublisherCore::give_place_up(EndPlace place) noexcept {
  if (place == EndPlace::kKept) {
    lane_.give_place_up();
  }
  if (place != EndPlace::kNone && promised_ != 0) {
    --promised_;
  }
}

PublishResult PublisherCore::keep_place() noexcept {
  std::int64_t deadline_ns = 0;
  while (!lane_.keep_place()) {
    if (lane_.sealed()) {
      return PublishResult::kClosed;
    }
    const bool drops = policy_.overflow == OverflowPolicy::kDropNewest;
    if (drops || !wait_for_room(deadline_ns)) {
      attempts_.add(1);
      return count(drops ? PublishResult::kDropped : PublishResult::kFull, 1);
    }
  }
  return PublishResult::kAccepted;
}

PublishResult PublisherCore::refuse() noexcept {
  attempts_.add(1);
  return count(lane_.sealed() ? PublishResult::kClosed : PublishResult::kRejected, 1);
}

void PublisherCore::skip(std::size_t events, PublishResult result) noexcept {
  attempts_.add(events);
  count(result, events);
}

void PublisherCore::close() noexcept {
  lane_.finish();
  runtime_.retire(*this);
}

PublishResult PublisherCore::count(PushResult result, std::size_t events) noexcept {
  switch (result) {
    case PushResult::kAccepted:
      return PublishResult::kAccepted;
    case PushResult::kNoCredit:
      return count(PublishResult::kFull, events);
    case PushResult::kNoMemory:
      return count(PublishResult::kRejected, events);
    case PushResult::kSealed:
    case PushResult::kRefused:
      break;
  }
  return count(PublishResult::kClosed, events);
}

PublishResult PublisherCore::count(PublishResult result, std::size_t events) noexcept {
  switch (result) {
    case PublishResult::kAccepted:
      break;
    case PublishResult::kDropped:
      dropped_.add(events);
      break;
    case PublishResult::kFull:
      full_.add(events);
      break;
    case PublishResult::kClosed:
      closed_.add(events);
      break;
    case PublishResult::kRejected:
      rejected_.add(events);
      break;
  }
  return result;
}

// A dispatcher that keeps up makes room within this time: cheaper than a sleep and a wake-up.
bool PublisherCore::spin_for_room() noexcept {
  constexpr int kSpins = 512;  // some 5 us
  for (int i = 0; i < kSpins && !lane_.sealed(); ++i) {
    if (lane_.room() != 0) {
      return true;
    }
    base::cpu_pause();
  }
  return false;
}

// Waits for room once. `deadline_ns` is 0 before the first wait of a publish. False: give up.
bool PublisherCore::wait_for_room(std::int64_t& deadline_ns) noexcept {
  if (runtime_.is_waited_for_here()) {
    return false;  // The one who makes room is us.
  }
  if (deadline_ns == 0) {
    deadline_ns = policy_.max_wait.has_value() ? base::Clock::monotonic_deadline(*policy_.max_wait)
                                               : base::NativeAtomics::kNoDeadline;
  }
  if (spin_for_room()) {
    return true;
  }
  waits_.add(1);
  return lane_.wait_for_room(deadline_ns) || lane_.room() != 0;
}

PublisherStats PublisherCore::stats() const {
  PublisherStats row;
  row.name = name_;
  row.attempts = attempts_.get();
  row.accepted = lane_.accepted();
  row.dropped = dropped_.get();
  row.full = full_.get();
  row.closed = closed_.get();
  row.rejected = rejected_.get();
  row.discarded = discarded;
  const std::uint64_t drained = lane_.drained();
  row.queued = row.accepted > drained ? row.accepted - drained : 0;
  row.waits = waits_.get();
  row.capacity_events = lane_.capacity();
  return row;
}

void add(PublisherStats& sum, const PublisherStats& row) noexcept {
  sum.attempts += row.attempts;
  sum.accepted += row.accepted;
  sum.dropped += row.dropped;
  sum.full += row.full;
  sum.closed += row.closed;
  sum.rejected += row.rejected;
  sum.queued += row.queued;
  sum.discarded += row.discarded;
  sum.waits += row.waits;
  sum.capacity_events += row.capacity_events;
}

}  // namespace herald::core
