#include "verdict.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "quantity.h"

namespace herald::cli {
namespace {

constexpr double kMostLeftOut = 0.05;
constexpr double kMostSwitchesPerSecond = 20;
constexpr std::uint64_t kFewestEvents = 1'000;  // below it p99.9 is just the longest

bool sound(const VerifyRow& row) { return !row.faults.any() && row.contradictions.empty(); }

bool too_many_left_out(const VerifyRow& row) { return row.stalled_share() > kMostLeftOut; }

bool overloaded(const VerifyRow& row) {
  return row.backlog_grows || row.unpublished > 0 || row.undelivered > 0;
}

bool meets_slo(const VerifyRow& row, const VerifyOptions& options) {
  if (row.all.count() < kFewestEvents || row.all.percentile(99) > options.slo) {
    return false;
  }
  if (row.all.percentile(99.9) <= options.slo) {
    return true;
  }
  return !options.strict && !too_many_left_out(row) && row.unstalled.count() > 0 &&
         row.unstalled.percentile(99.9) <= options.slo;
}

Outcome outcome_of(const VerifyRow& row, const VerifyOptions& options) {
  if (row.interrupted) {
    return Outcome::kInterrupted;
  }
  if (!sound(row)) {
    return Outcome::kFail;
  }
  if (!row.rate_asked.has_value()) {
    return row.undelivered > 0 ? Outcome::kOverloaded : Outcome::kPass;
  }
  if (overloaded(row)) {
    return Outcome::kOverloaded;
  }
  if (meets_slo(row, options)) {
    return Outcome::kPass;
  }
  return too_many_left_out(row) ? Outcome::kOverloaded : Outcome::kFail;
}

/// Two digits that count, so that the advice does not look more exact than it is.
std::uint64_t rounded(double value) {
  double unit = 1;
  while (value / unit >= 100) {
    unit *= 10;
  }
  return static_cast<std::uint64_t>(static_cast<std::uint64_t>(value / unit) *
                                    static_cast<std::uint64_t>(unit));
}

void advise_on_losses(VerifyRow& row) {
  if (row.undelivered > 0) {
    row.advice.push_back(format_count(row.undelivered) +
                         " events were not delivered in time: lower --rate or --subscribers");
  }
  if (row.faults.any() || !row.contradictions.empty()) {
    row.advice.push_back("a broken promise of Herald: please report it with the output of --json");
  }
}

/// More comes in than goes out.
void advise_on_backlog(VerifyRow& row) {
  const auto reachable = std::max<std::uint64_t>(1, rounded(0.7 * row.rate));
  row.advice.push_back("events come faster than one dispatcher delivers them (" +
                       format_count(row.matching) + " calls each): try --rate " +
                       format_count(reachable) + ", or fewer --subscribers");
}

/// It goes out in time on the whole, but late.
void advise_on_lateness(VerifyRow& row, const VerifyOptions& options) {
  const auto typical = row.all.percentile(50);
  if (row.all.count() < kFewestEvents) {
    row.advice.push_back("a p99.9 needs at least " + format_count(kFewestEvents) +
                         " events: a longer --duration or a higher --rate");
  } else if (too_many_left_out(row)) {
    row.advice.push_back("the machine stalls too often to tell: try a quieter one, or --pin");
  } else if (typical > options.slo / 2) {
    row.advice.push_back("half of all events take over " + format_duration(typical) +
                         ": fewer --subscribers, a lower --rate, or a longer --slo");
  } else if (options.strict && row.unstalled.percentile(99.9) <= options.slo) {
    row.advice.push_back("only stalls of the machine break it: without --strict they are excused");
  } else if (row.advice.empty()) {
    row.advice.push_back(
        "the tail is too long: look at --plot, then try --wait spin, --pin, a lower --rate");
  }
}

void advise_on_culprits(VerifyRow& row) {
  if (!row.culprits.empty()) {
    row.advice.push_back(row.culprits.front().name +
                         " holds up all others: its calls must be shorter, or not on the "
                         "dispatching thread");
  }
}

void advise_on_switches(VerifyRow& row) {
  if (static_cast<double>(row.involuntary_switches) > kMostSwitchesPerSecond * row.seconds) {
    row.advice.push_back("other programs or the kernel took the processors from Herald " +
                         format_count(row.involuntary_switches) +
                         " times: end them, or give it some of its own with --pin");
  }
}

}  // namespace

void judge(VerifyRow& row, const VerifyOptions& options) {
  row.outcome = outcome_of(row, options);
  if (row.outcome == Outcome::kPass || row.outcome == Outcome::kInterrupted) {
    return;
  }
  advise_on_losses(row);
  if (!row.rate_asked.has_value() || !sound(row)) {
    return;
  }
  advise_on_culprits(row);
  advise_on_switches(row);
  if (overloaded(row)) {
    advise_on_backlog(row);
  } else {
    advise_on_lateness(row, options);
  }
}

bool is_culprit(std::uint64_t strikes, std::uint64_t all) noexcept {
  constexpr std::uint64_t kFewestStrikes = 3;
  constexpr std::uint64_t kLeastPart = 4;
  return strikes >= kFewestStrikes && strikes * kLeastPart >= all;
}

bool backlog_grows(std::span<const Interval> samples, std::chrono::nanoseconds slo) {
  constexpr std::size_t kParts = 5;
  const std::size_t part = samples.size() / kParts;
  if (part < kParts) {
    return false;  // too few to tell
  }
  std::array<std::chrono::nanoseconds, kParts> medians{};
  std::vector<std::chrono::nanoseconds> lengths(part);
  for (std::size_t i = 0; i < kParts; ++i) {
    const std::span<const Interval> stretch = samples.subspan(i * part, part);
    std::transform(stretch.begin(), stretch.end(), lengths.begin(),
                   [](const Interval& sample) { return sample.length(); });
    const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(part / 2);
    std::nth_element(lengths.begin(), middle, lengths.end());
    medians[i] = *middle;
  }
  const bool rises =
      std::adjacent_find(medians.begin(), medians.end(), std::greater_equal<>()) == medians.end();
  return rises && medians.back() > slo;
}

}  // namespace herald::cli
