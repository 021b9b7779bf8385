// What `herald stream` is asked to do.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "herald/options.h"
#include "token_source.h"
#include "transcript.h"

namespace herald::cli {

/// The options as they stand on the command line. Defaults are the program's.
struct StreamArguments {
  std::string file = "-";
  bool openai = false;
  std::string rate = "200";
  std::string subscribers = "1000";
  std::string coalesce;
  std::string slo = "1ms";
  std::string wait = "adaptive";
  std::string events = "text";
  bool json = false;
};

/// The same, understood and within bounds.
struct StreamOptions {
  std::string file;  ///< "-": standard input.
  TokenSource::Format format = TokenSource::Format::kText;
  std::optional<double> rate;   ///< Tokens a second; absent: as many as go.
  std::size_t subscribers = 1;  ///< With the one that writes.
  std::optional<std::chrono::nanoseconds> coalesce;
  std::chrono::nanoseconds slo{};
  WaitStrategy wait = WaitStrategy::kAdaptive;
  Transcript::Form form = Transcript::Form::kText;
  bool json = false;
};

/// Errors: InvalidArgument names option, value and what is allowed.
absl::StatusOr<StreamOptions> parse(const StreamArguments& arguments);

}  // namespace herald::cli
