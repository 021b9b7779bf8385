// Control, options: takes what a user asks for, says which value is out of its range.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/publisher_core.h"
#include "herald/filter.h"
#include "herald/options.h"

namespace herald::core {

/// InvalidArgument names the option, the value and the allowed range.
[[nodiscard]] absl::Status check(const BusOptions& options);
[[nodiscard]] absl::Status check(const PumpOptions& options);
absl::Status check(const SubscribeOptions& options);
[[nodiscard]] absl::Status check_timeout(const char* caller, std::chrono::nanoseconds timeout);
[[nodiscard]] absl::Status check(const Filter& filter, std::uint32_t bus_id, const char* caller);
/// The policy that the options mean on a bus of this mode.
[[nodiscard]] absl::StatusOr<RoomPolicy> room_policy(const PublisherOptions& options,
                                                     DispatchMode mode);
[[nodiscard]] absl::StatusOr<RoomPolicy> room_policy(const SharedLaneOptions& options,
                                                     DispatchMode mode);

}  // namespace herald::core
