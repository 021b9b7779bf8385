// The runtime, options: takes what a user asks for, says which value is out of its range.
#include "core/option_check.h"

#include <sched.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/atomics.h"

namespace herald::core {
namespace {

constexpr std::int64_t kMaxCapacityEvents = 1'048'576;
constexpr std::int64_t kMaxPublishers = 1'024;
constexpr std::int64_t kMaxBatchEvents = 4'096;
constexpr std::int64_t kMaxEmitted = 4'096;
constexpr std::int64_t kMaxReplayEvents = 1'048'576;
constexpr std::int64_t kMaxReplayBytes = std::int64_t{64} << 30;
constexpr std::int64_t kMaxSpinNs = 1'000'000'000;
constexpr std::int64_t kMinSlowNs = 100'000;
constexpr std::int64_t kMaxSlowNs = 3'600'000'000'000;

absl::Status out_of_range(const absl::AlphaNum& option, const absl::AlphaNum& value,
                          const absl::AlphaNum& allowed) {
  return absl::InvalidArgumentError(absl::StrCat(option, " is ", value, "; allowed: ", allowed));
}

absl::Status check_between(const absl::AlphaNum& option, std::uint64_t value, std::int64_t low,
                           std::int64_t high) {
  if (value < static_cast<std::uint64_t>(low) || value > static_cast<std::uint64_t>(high)) {
    return out_of_range(option, value, absl::StrCat(low, " to ", high));
  }
  return absl::OkStatus();
}

absl::Status check_not_negative(const absl::AlphaNum& option, std::chrono::nanoseconds value) {
  if (value.count() < 0) {
    return out_of_range(option, absl::StrCat(value.count(), " ns"), "0 or more");
  }
  return absl::OkStatus();
}

absl::Status check_positive(const absl::AlphaNum& option, std::chrono::nanoseconds value) {
  if (value.count() <= 0) {
    return out_of_range(option, absl::StrCat(value.count(), " ns"), "above 0");
  }
  return absl::OkStatus();
}

// An enumerator of those up to `last`.
template <typename Enum>
absl::Status check_listed(const absl::AlphaNum& option, Enum value, Enum last) {
  if (value > last) {
    return out_of_range(option, static_cast<unsigned>(value), "the enumerators in options.h");
  }
  return absl::OkStatus();
}

absl::Status check_spin(std::chrono::nanoseconds spin) {
  if (spin.count() < 0 || spin.count() > kMaxSpinNs) {
    return out_of_range("BusOptions::spin", absl::StrCat(spin.count(), " ns"),
                        absl::StrCat("0 to ", kMaxSpinNs, " ns"));
  }
  return absl::OkStatus();
}

absl::Status check_slow_after(std::chrono::nanoseconds slow_after) {
  const std::int64_t ns = slow_after.count();
  if (ns != 0 && (ns < kMinSlowNs || ns > kMaxSlowNs)) {
    return out_of_range("BusOptions::slow_after", absl::StrCat(ns, " ns"),
                        absl::StrCat("0 (off), ", kMinSlowNs, " to ", kMaxSlowNs, " ns"));
  }
  return absl::OkStatus();
}

absl::Status check_thread(const DispatcherThreadOptions& thread) {
  constexpr std::size_t kMaxNameBytes = 15;
  if (thread.name.size() > kMaxNameBytes) {
    return out_of_range("BusOptions::thread.name", absl::StrCat("\"", thread.name, "\""),
                        "at most 15 bytes");
  }
  // Which of them there are is asked when the thread is made.
  return check_between("BusOptions::thread.processor", thread.processor.value_or(0), 0,
                       CPU_SETSIZE - 1);
}

absl::Status check_kernel(Fence fence) {
  if (fence == Fence::kMembarrier && !base::NativeAtomics::membarrier_available()) {
    return absl::InvalidArgumentError(
        "BusOptions::fence is kMembarrier; this kernel refuses membarrier: allowed are kAutomatic "
        "and kSequentiallyConsistent");
  }
  return absl::OkStatus();
}

absl::StatusOr<RoomPolicy> room_policy(const std::string& where, std::size_t capacity_events,
                                       std::optional<OverflowPolicy> asked,
                                       std::optional<std::chrono::nanoseconds> max_wait,
                                       DispatchMode mode) {
  const bool manual = mode == DispatchMode::kManual;
  const OverflowPolicy overflow =
      asked.value_or(manual ? OverflowPolicy::kDropNewest : OverflowPolicy::kBlock);
  for (absl::Status status :
       {check_between(where + "capacity_events", capacity_events, 1, kMaxCapacityEvents),
        check_listed(where + "overflow", overflow, OverflowPolicy::kDropNewest),
        check_not_negative(where + "max_wait", max_wait.value_or(std::chrono::nanoseconds(0)))}) {
    if (!status.ok()) {
      return status;
    }
  }
  if (manual && overflow == OverflowPolicy::kBlock && !max_wait.has_value()) {
    return absl::InvalidArgumentError(
        where +
        "max_wait is absent; kBlock on a bus in manual mode needs one, 0 or more: nobody "
        "else may ever make room");
  }
  return RoomPolicy{overflow, max_wait};
}

}  // namespace

absl::Status check(const BusOptions& options) {
  if (options.payload_resource == nullptr) {
    return out_of_range("BusOptions::payload_resource", "null", "a memory resource");
  }
  for (absl::Status status :
       {check_listed("BusOptions::dispatch", options.dispatch, DispatchMode::kManual),
        check_listed("BusOptions::wait", options.wait, WaitStrategy::kPark),
        check_listed("BusOptions::fence", options.fence, Fence::kSequentiallyConsistent),
        check_thread(options.thread), check_kernel(options.fence), check_spin(options.spin),
        check_between("BusOptions::batch_events", options.batch_events, 1, kMaxBatchEvents),
        check_between("BusOptions::max_publishers", options.max_publishers, 1, kMaxPublishers),
        check_between("BusOptions::max_emitted_per_event", options.max_emitted_per_event, 0,
                      kMaxEmitted),
        check_between("BusOptions::replay_events", options.replay_events, 0, kMaxReplayEvents),
        check_between("BusOptions::replay_bytes", options.replay_bytes, 0, kMaxReplayBytes),
        check_positive("BusOptions::slo", options.slo), check_slow_after(options.slow_after),
        check_not_negative("BusOptions::drain_on_destroy", options.drain_on_destroy)}) {
    if (!status.ok()) {
      return status;
    }
  }
  return room_policy(options.shared_lane, options.dispatch).status();
}

absl::Status check(const PumpOptions& options) {
  if (options.max_events.has_value() && *options.max_events == 0) {
    return out_of_range("PumpOptions::max_events", 0, "1 or more");
  }
  if (options.take_new && !options.max_events.has_value() && !options.budget.has_value()) {
    return absl::InvalidArgumentError(
        "PumpOptions::take_new is set without an end; allowed: with max_events or budget");
  }
  return options.budget.has_value() ? check_positive("PumpOptions::budget", *options.budget)
                                    : absl::OkStatus();
}

absl::Status check(const MailboxOptions& options) {
  absl::Status legal = check_between("MailboxOptions::capacity_events", options.capacity_events, 1,
                                     kMaxCapacityEvents);
  return legal.ok() ? check_listed("MailboxOptions::overflow", options.overflow,
                                   MailboxOverflow::kDisconnect)
                    : legal;
}

absl::Status check(const DrainOptions& options) {
  if (options.max_events.has_value() && *options.max_events == 0) {
    return out_of_range("DrainOptions::max_events", 0, "1 or more");
  }
  return options.budget.has_value() ? check_positive("DrainOptions::budget", *options.budget)
                                    : absl::OkStatus();
}

absl::Status check(const SubscribeOptions& options) {
  if (options.strikes_allowed == 0) {
    return out_of_range("SubscribeOptions::strikes_allowed", 0, "1 or more");
  }
  return options.slow_policy <= SlowPolicy::kQuarantine
             ? absl::OkStatus()
             : check_listed("SubscribeOptions::slow_policy", options.slow_policy,
                            SlowPolicy::kQuarantine);
}

absl::Status check_timeout(const char* caller, std::chrono::nanoseconds timeout) {
  return check_not_negative(caller, timeout);
}

absl::Status check(const Filter& filter, std::uint32_t bus_id, const char* caller) {
  if (filter.types.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        caller, ": Filter::types is empty; allowed: at least one event type, or TypeMask::all()"));
  }
  if (!filter.types.fits(bus_id)) {
    return absl::InvalidArgumentError(absl::StrCat(
        caller,
        ": Filter::types has a key of another bus; allowed: built-in keys and those that "
        "this bus defined"));
  }
  return absl::OkStatus();
}

absl::Status check(const Replay& replay, std::size_t replay_events, std::uint64_t newest) {
  constexpr const char* kOption = "subscribe: SubscribeOptions::replay";
  if (replay.from > Replay::From::kLatestPerType) {
    return out_of_range(kOption, static_cast<unsigned>(replay.from), "the enumerators in replay.h");
  }
  if (replay.from != Replay::From::kNow && replay_events == 0) {
    return out_of_range(kOption, "given on a bus whose BusOptions::replay_events is 0",
                        "a bus that keeps events, or no replay");
  }
  if (replay.from == Replay::From::kLast && replay.value == 0) {
    return out_of_range(kOption, "last(0)", "1 or more events");
  }
  if (replay.from == Replay::From::kSequence && (replay.value == 0 || replay.value > newest + 1)) {
    return out_of_range(kOption, absl::StrCat("from_sequence(", replay.value, ")"),
                        absl::StrCat("1 to ", newest + 1, ", the next event"));
  }
  return absl::OkStatus();
}

absl::StatusOr<RoomPolicy> room_policy(const PublisherOptions& options, DispatchMode mode) {
  return room_policy("PublisherOptions::", options.capacity_events, options.overflow,
                     options.max_wait, mode);
}

absl::StatusOr<RoomPolicy> room_policy(const SharedLaneOptions& options, DispatchMode mode) {
  return room_policy("BusOptions::shared_lane.", options.capacity_events, options.overflow,
                     options.max_wait, mode);
}

}  // namespace herald::core
