// Types, subscribers and publishers of a workload, made on a bus.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "delivery_check.h"
#include "event_source.h"
#include "herald/bus.h"
#include "herald/subscription.h"
#include "workload.h"

namespace herald::cli {

/// Ends with the bus or before.
struct Topology {
  std::vector<Subscription> subscriptions;
  std::vector<std::unique_ptr<EventSource>> sources;
};

/// Errors: what the bus says.
absl::StatusOr<Topology> build_topology(Bus& bus, const Workload& workload, DeliveryCheck& check);

}  // namespace herald::cli
