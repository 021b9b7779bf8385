// What `herald verify` is asked to do.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "herald/options.h"

namespace herald::cli {

/// The options as they stand on the command line. Defaults are the program's.
struct VerifyArguments {
  std::string subscribers = "1,100,1000,10000";
  std::string publishers = "1";
  std::string rate = "auto";
  std::string duration = "3s";
  std::string types = "8";
  std::string selectivity = "1";
  std::string payload = "16";
  std::string slo = "1ms";
  std::string wait = "adaptive";
  std::string pin = "any";
  std::string slow_subscriber = "none";
  bool json = false;
  bool plot = false;
  bool strict = false;
};

enum class RateKind : std::uint8_t { kFixed, kAutomatic, kMaximum };

/// The same, understood and within bounds.
struct VerifyOptions {
  std::vector<std::uint64_t> subscribers;  ///< One row each.
  std::size_t publishers = 1;
  RateKind rate_kind = RateKind::kAutomatic;
  double rate = 0;  ///< Events a second in all; kFixed only.
  std::chrono::nanoseconds duration{};
  std::size_t types = 1;
  double selectivity = 1;
  std::size_t payload_bytes = 16;
  std::chrono::nanoseconds slo{};
  WaitStrategy wait = WaitStrategy::kAdaptive;
  std::vector<unsigned> pin;                    ///< Dispatcher, then publishers. Empty: anywhere.
  std::chrono::nanoseconds slow_subscriber{0};  ///< How long it sleeps; 0: there is none.
  bool json = false;
  bool plot = false;
  bool strict = false;

  /// The rate of a row; absent for an unlimited one.
  [[nodiscard]] std::optional<double> rate_for(std::uint64_t subscribers_in_row) const;
};

/// Errors: InvalidArgument names option, value and what is allowed.
absl::StatusOr<VerifyOptions> parse(const VerifyArguments& arguments);

}  // namespace herald::cli
