// Dispatch: takes batches from the lanes, sends each event through middleware,
// gives it its sequence, fans it out and measures it. Here: what others see of it.
#include "core/dispatch/dispatcher.h"
#include "core/event/event_access.h"
#include "core/lane/lane_registry.h"

namespace herald::core {

Backlog Dispatcher::backlog() const noexcept {
  Backlog left;
  if (hand_next_ < hand_end_) {
    left.add(hand_end_ - hand_next_, EventAccess::slot(hand_[hand_next_]).publish_ticks);
  }
  if (delivery_.pending() != 0) {
    left.add(delivery_.pending(), delivery_.next_publish_ticks());
  }
  for (const PublisherCore* lane : lanes_) {
    if (const std::uint64_t events = lane->lane().waiting(); events != 0) {
      left.add(events, lane->lane().first().publish_ticks);
    }
  }
  if (const auto mark = shared_.lane().mark(); mark.missing != 0) {
    left.add(mark.missing, measures_ ? shared_age_.since() : 0);
  }
  return left;
}

void Dispatcher::fill(BusStats& stats) const {
  stats.publishers.push_back(shared_.stats());
  for (const PublisherCore* lane : lanes_) {
    stats.publishers.push_back(lane->stats());
    if (lane == hand_from_) {
      stats.publishers.back().queued += hand_end_ - hand_next_;
    }
  }
  if (hand_from_ == nullptr) {
    stats.publishers.front().queued += hand_end_ - hand_next_;
  }
  stats.closed_publishers = registry_.closed_publishers();
  stats.closed_publishers.name = "closed";
  stats.total.name = "total";
  for (const PublisherStats& row : stats.publishers) {
    add(stats.total, row);
  }
  add(stats.total, stats.closed_publishers);
  delivery_.fill(stats);
  stats.discarded = discarded_;
  stats.queued = stats.total.queued + delivery_.pending();
  stats.parks = parks_;
  stats.stalls = stalls_.stats();
  stats.lane_bytes = registry_.size_bytes() + shared_.reserved_bytes();
}

}  // namespace herald::core
