// Whether a row is a proof, and what to do if not.
#pragma once

#include <span>

#include "sample_log.h"
#include "verify_options.h"
#include "verify_row.h"

namespace herald::cli {

/// Sets outcome and advice of a row.
///
/// *pass*: nothing lost, p99 of all samples within the SLO, and p99.9 as well: of all samples, or,
///   unless --strict, of those that overlap no stall, if at most 5 % had to be left out for that.
/// *overloaded*: not so, and over 5 % of the samples overlap a stall; or the backlog grows.
/// *fail*: everything else, also fewer than 1,000 events. At --rate max only losses count.
void judge(VerifyRow& row, const VerifyOptions& options);

/// Whether latency rises through the whole run and ends above the SLO: events come in faster than
/// they go out. `samples` are in order of delivery.
[[nodiscard]] bool backlog_grows(std::span<const Interval> samples, std::chrono::nanoseconds slo);

inline constexpr std::size_t kMostCulprits = 3;

/// Whether a subscriber with so many strikes, of `all`, is to be named. The machine stops threads
/// too, and then strikes whoever happens to be called: so it takes some, and a good part of all.
[[nodiscard]] bool is_culprit(std::uint64_t strikes, std::uint64_t all) noexcept;

}  // namespace herald::cli
