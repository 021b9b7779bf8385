// Types, subscribers and publishers of a workload, made on a bus.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "delivery_check.h"
#include "event_source.h"
#include "herald/bus.h"
#include "herald/subscription.h"
#include "slow_subscriber.h"
#include "workload.h"

namespace herald::cli {

/// Ends with the bus or before.
struct Topology {
  std::unique_ptr<SlowSubscriber> slow;  ///< Null if there is none.
  std::vector<Subscription> subscriptions;
  std::vector<std::unique_ptr<EventSource>> sources;
};

/// `slow_call`: how long the calls of a subscriber more, the first of the first type, take now and
/// then; 0: there is none. Errors: what the bus says.
absl::StatusOr<Topology> build_topology(Bus& bus, const Workload& workload, DeliveryCheck& check,
                                        std::chrono::nanoseconds slow_call);

}  // namespace herald::cli
