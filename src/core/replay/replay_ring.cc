// Replay, ring: takes dispatched events, keeps the last of them for those who join late.
#include "core/replay/replay_ring.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace herald::core {

ReplayRing::ReplayRing(std::size_t capacity_events, std::size_t max_block_bytes)
    : capacity_events_(capacity_events),
      max_block_bytes_(max_block_bytes),
      mask_(std::bit_ceil(capacity_events) - 1) {
  if (capacity_events != 0) {
    cells_ = std::make_unique<Event[]>(mask_ + 1);
    latest_ = std::make_unique<Event[]>(kTypes);
  }
}

// Events that lie in place, beside a ring that does so, are copied as the bytes they are.
void ReplayRing::append(std::span<const Event> run) noexcept {
  for (const Event& event : run) {
    if (block_bytes_ != 0 || EventAccess::has_block(event)) [[unlikely]] {
      keep(event);
      continue;
    }
    ++newest_;
    oldest_ += newest_ - oldest_ == capacity_events_ ? 1 : 0;
    EventAccess::slot(cells_[newest_ & mask_]) = EventAccess::slot(event);
  }
  note_latest(run);
}

void ReplayRing::keep(const Event& event) noexcept {
  Event kept = without_large_block(event);
  const std::size_t bytes = EventAccess::block_bytes(kept);
  while (events() == capacity_events_ || block_bytes_ + bytes > max_block_bytes_) {
    evict();
  }
  cells_[(newest_ + 1) & mask_].swap(kept);
  ++newest_;
  block_bytes_ += bytes;
}

void ReplayRing::evict() noexcept {
  const Event gone = std::move(cells_[oldest_ & mask_]);
  ++oldest_;
  block_bytes_ -= EventAccess::block_bytes(gone);
}

Event ReplayRing::without_large_block(const Event& event) const noexcept {
  if (EventAccess::block_bytes(event) <= max_block_bytes_) {
    return event;
  }
  detail::EventSlot head = EventAccess::slot(event);
  head.kind = detail::PayloadKind::kNone;
  return EventAccess::adopt(head);
}

// From the back: the first of a type is its latest.
void ReplayRing::note_latest(std::span<const Event> run) noexcept {
  std::uint64_t seen_types = 0;
  for (std::size_t i = run.size(); i-- > 0;) {
    const unsigned type = run[i].type_index();
    if (((seen_types >> type) & 1U) == 0) {
      seen_types |= std::uint64_t{1} << type;
      latest_[type] = without_large_block(run[i]);
    }
  }
}

std::vector<Event> ReplayRing::latest(const Filter& filter) const {
  std::vector<Event> found;
  std::copy_if(latest_.get(), latest_.get() + kTypes, std::back_inserter(found),
               [&filter](const Event& event) {
                 return event.sequence() != 0 && filter.matches(event.type_index(), event.stream());
               });
  std::sort(found.begin(), found.end(),
            [](const Event& one, const Event& other) { return one.sequence() < other.sequence(); });
  return found;
}

void ReplayRing::clear() noexcept {
  if (!is_on()) {
    return;
  }
  while (events() != 0) {
    evict();
  }
  for (std::size_t type = 0; type < kTypes; ++type) {
    latest_[type] = Event();
  }
}

std::size_t ReplayRing::size_bytes() const noexcept {
  if (!is_on()) {
    return 0;
  }
  std::size_t sum = (mask_ + 1 + kTypes) * sizeof(Event) + block_bytes_;
  for (std::size_t type = 0; type < kTypes; ++type) {
    sum += EventAccess::block_bytes(latest_[type]);
  }
  return sum;
}

}  // namespace herald::core
