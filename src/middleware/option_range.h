// How the options of a middleware are refused: with name, value and allowed range.
#pragma once

#include <chrono>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace herald::middleware {

[[nodiscard]] inline absl::Status out_of_range(const absl::AlphaNum& option,
                                               const absl::AlphaNum& value,
                                               const absl::AlphaNum& allowed) {
  return absl::InvalidArgumentError(absl::StrCat(option, " is ", value, "; allowed: ", allowed));
}

[[nodiscard]] inline absl::Status check_between(const absl::AlphaNum& option, std::uint64_t value,
                                                std::uint64_t low, std::uint64_t high) {
  return value < low || value > high ? out_of_range(option, value, absl::StrCat(low, " to ", high))
                                     : absl::OkStatus();
}

[[nodiscard]] inline absl::Status check_between(const absl::AlphaNum& option,
                                                std::chrono::nanoseconds value,
                                                std::chrono::nanoseconds low,
                                                std::chrono::nanoseconds high) {
  return value < low || value > high
             ? out_of_range(option, absl::StrCat(value.count(), " ns"),
                            absl::StrCat(low.count(), " to ", high.count(), " ns"))
             : absl::OkStatus();
}

}  // namespace herald::middleware
