// The subscribers that count.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "herald/bus.h"
#include "herald/filter.h"
#include "herald/subscription.h"
#include "tally.h"

namespace herald::cli {

/// Many subscribers of one filter, each with a tally of its own.
/// Ownership: must outlive the bus, whose callbacks write here.
/// Bounds: 16 bytes and a bus's subscription a subscriber.
class Audience {
 public:
  /// Errors: what the bus says.
  absl::Status subscribe(Bus& bus, const Filter& filter, std::size_t count);

  /// How many did not get exactly what `reference` says. Requires: the bus is gone.
  [[nodiscard]] std::size_t count_different(const Tally& reference) const noexcept;

 private:
  std::vector<Tally> tallies_;
  std::vector<Subscription> subscriptions_;
};

}  // namespace herald::cli
