// The runtime, options: takes what a user asks for, says which value is out of its range.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/lane/publisher_core.h"
#include "herald/filter.h"
#include "herald/mailbox.h"
#include "herald/options.h"

namespace herald::core {

/// InvalidArgument names the option, the value and the allowed range.
[[nodiscard]] absl::Status check(const BusOptions& options);
[[nodiscard]] absl::Status check(const PumpOptions& options);
[[nodiscard]] absl::Status check(const MailboxOptions& options);
[[nodiscard]] absl::Status check(const DrainOptions& options);
[[nodiscard]] absl::Status check(const SubscribeOptions& options);
[[nodiscard]] absl::Status check_timeout(const char* caller, std::chrono::nanoseconds timeout);
[[nodiscard]] absl::Status check(const Filter& filter, std::uint32_t bus_id, const char* caller);
/// `newest`: the last sequence of the bus, of which only kSequence needs to know.
[[nodiscard]] absl::Status check(const Replay& replay, std::size_t replay_events,
                                 std::uint64_t newest);
/// The policy that the options mean on a bus of this mode.
[[nodiscard]] absl::StatusOr<RoomPolicy> room_policy(const PublisherOptions& options,
                                                     DispatchMode mode);
[[nodiscard]] absl::StatusOr<RoomPolicy> room_policy(const SharedLaneOptions& options,
                                                     DispatchMode mode);

}  // namespace herald::core
