// What one row of `herald verify` found.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delivery_check.h"
#include "latencies.h"
#include "stalled_time.h"

namespace herald::cli {

enum class Outcome : std::uint8_t { kPass, kFail, kOverloaded, kInterrupted };

[[nodiscard]] std::string_view name_of(Outcome outcome) noexcept;

/// Who held the dispatcher up.
struct Culprit {
  std::string name;
  double share = 0;  ///< Of the time in callbacks, 0 to 1.
  std::chrono::nanoseconds longest_stay{0};
  std::uint64_t strikes = 0;  ///< Calls that were seen for BusOptions::slow_after.
};

struct VerifyRow {
  std::uint64_t subscribers = 0;
  std::size_t publishers = 0;
  std::size_t matching = 0;  ///< Subscribers of each event.

  std::optional<double> rate_asked;  ///< Events a second; absent: as many as go.
  double rate = 0;                   ///< Reached.
  std::uint64_t events = 0;
  std::uint64_t deliveries = 0;
  double seconds = 0;
  std::uint64_t unpublished = 0;  ///< Due, and given up because the publishers were too far behind.
  std::uint64_t undelivered = 0;  ///< Still queued when patience ended.

  Latencies all;
  Latencies unstalled;          ///< Without the samples that overlap a stall.
  std::uint64_t stride = 1;     ///< One in so many events is a sample.
  std::uint64_t unsampled = 0;  ///< Samples for which there was no room.
  bool backlog_grows = false;
  StalledTime stalls;
  std::uint64_t stalls_unrecorded = 0;     ///< Stalls beyond what the logs hold.
  std::uint64_t involuntary_switches = 0;  ///< Less those that the bus's watchdog may have caused.

  Faults faults;
  std::vector<std::string> contradictions;  ///< Where the bus's own books do not agree with ours.
  std::uint64_t allocations = 0;
  std::vector<Culprit> culprits;  ///< Worst first, the warm-up included.

  bool interrupted = false;
  Outcome outcome = Outcome::kFail;
  std::vector<std::string> advice;  ///< What to do next, unless it passed.

  /// Share of the samples, 0 to 1, that overlap a stall.
  [[nodiscard]] double stalled_share() const noexcept;
};

}  // namespace herald::cli
