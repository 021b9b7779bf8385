// The public face: what the numbers of a bus say together.
#include "herald/stats.h"

#include <algorithm>

namespace herald {

bool BusStats::conserved() const noexcept {
  const auto lane_conserved = [](const PublisherStats& row) {
    return row.attempts == row.accepted + row.dropped + row.full + row.closed + row.rejected;
  };
  const auto offers_conserved = [](const SubscriptionStats& row) {
    return row.offered == row.delivered;
  };
  return total.accepted + emitted == dispatched + middleware_dropped + held + discarded + queued &&
         std::all_of(publishers.begin(), publishers.end(), lane_conserved) &&
         lane_conserved(closed_publishers) && lane_conserved(total) &&
         std::all_of(subscriptions.begin(), subscriptions.end(), offers_conserved);
}

bool LatencyReport::within_slo() const noexcept {
  constexpr double kPercent = 99.0;
  return !all.delivery.empty() && all.delivery.percentile(kPercent) <= slo;
}

}  // namespace herald
