#include "verify_options.h"

#include <algorithm>

#include "absl/status/status.h"
#include "machine.h"
#include "option_parse.h"
#include "quantity.h"

namespace herald::cli {
namespace {

using namespace std::chrono_literals;

constexpr Range<std::uint64_t> kSubscribers{1, 100'000};
constexpr std::size_t kMostRows = 32;
constexpr Range<std::uint64_t> kPublishers{1, 1'024};
constexpr Range<std::uint64_t> kTypes{1, 59};  // 64 with the five built-in ones
constexpr Range<double> kRate{1, 100'000'000};
constexpr Range<double> kSelectivity{0, 1};
constexpr Range<std::uint64_t> kPayloadBytes{16, 4'096};  // from the stamp's size on
constexpr Range<std::chrono::nanoseconds> kDuration{10ms, 1h};
constexpr Range<std::chrono::nanoseconds> kSlo{1ns, 1h};
// From what the watchdog is sure to see, up to nearly all the time between two sleeps.
constexpr Range<std::chrono::nanoseconds> kSlowSubscriber{5ms, 90ms};

void take_rate(const std::string& text, VerifyOptions& options, absl::Status& status) {
  if (text == "auto") {
    options.rate_kind = RateKind::kAutomatic;
  } else if (text == "max") {
    options.rate_kind = RateKind::kMaximum;
  } else {
    options.rate_kind = RateKind::kFixed;
    const auto rate = parse_number("--rate", text, kRate);
    if (!rate.ok()) {
      status.Update(absl::InvalidArgumentError(std::string(rate.status().message()) +
                                               " (events per second), or max, or auto"));
      return;
    }
    options.rate = *rate;
  }
}

void take_pin(const std::string& text, VerifyOptions& options, absl::Status& status) {
  if (text == "any") {
    return;
  }
  constexpr Range<std::uint64_t> kProcessors{0, 1'023};
  const auto processors = parse_counts("--pin", text, kProcessors, 1'024);
  if (!processors.ok()) {
    status.Update(
        absl::InvalidArgumentError(std::string(processors.status().message()) + ", or any"));
    return;
  }
  const std::vector<unsigned> usable = usable_processors();
  for (const std::uint64_t processor : *processors) {
    if (std::find(usable.begin(), usable.end(), processor) == usable.end()) {
      std::string allowed;
      for (const unsigned each : usable) {
        allowed += (allowed.empty() ? "" : ", ") + std::to_string(each);
      }
      status.Update(absl::InvalidArgumentError("--pin '" + text + "': there is no processor " +
                                               std::to_string(processor) + " to use; allowed are " +
                                               allowed));
    }
    options.pin.push_back(static_cast<unsigned>(processor));
  }
}

void take_slow_subscriber(const std::string& text, VerifyOptions& options, absl::Status& status) {
  if (text != "none") {
    take(parse_duration("--slow-subscriber", text, kSlowSubscriber), options.slow_subscriber,
         status);
  }
}

}  // namespace

std::optional<double> VerifyOptions::rate_for(std::uint64_t subscribers_in_row) const {
  constexpr double kAutomaticRate = 100'000;
  constexpr double kDeliveriesPerSecond = 2e8;  // what one dispatcher does with time to spare
  switch (rate_kind) {
    case RateKind::kFixed:
      return rate;
    case RateKind::kMaximum:
      return std::nullopt;
    case RateKind::kAutomatic:
      break;
  }
  return std::min(kAutomaticRate, kDeliveriesPerSecond / static_cast<double>(subscribers_in_row));
}

absl::StatusOr<VerifyOptions> parse(const VerifyArguments& arguments) {
  VerifyOptions options;
  absl::Status status;
  take(parse_counts("--subscribers", arguments.subscribers, kSubscribers, kMostRows),
       options.subscribers, status);
  take(parse_count("--publishers", arguments.publishers, kPublishers), options.publishers, status);
  take_rate(arguments.rate, options, status);
  take(parse_duration("--duration", arguments.duration, kDuration), options.duration, status);
  take(parse_count("--types", arguments.types, kTypes), options.types, status);
  take(parse_number("--selectivity", arguments.selectivity, kSelectivity), options.selectivity,
       status);
  take(parse_count("--payload", arguments.payload, kPayloadBytes), options.payload_bytes, status);
  take(parse_duration("--slo", arguments.slo, kSlo), options.slo, status);
  take(parse_wait("--wait", arguments.wait), options.wait, status);
  take_pin(arguments.pin, options, status);
  take_slow_subscriber(arguments.slow_subscriber, options, status);
  options.json = arguments.json;
  options.plot = arguments.plot;
  options.strict = arguments.strict;
  if (!status.ok()) {
    return status;
  }
  return options;
}

}  // namespace herald::cli
