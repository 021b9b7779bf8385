#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "herald/event_type.h"

namespace herald {

/// The words for the ends of a stream, as they stand in JSON and on every wire: the one table.
inline constexpr std::array<std::pair<FinishReason, std::string_view>, 5> kFinishReasons{{
    {FinishReason::kStop, "stop"},
    {FinishReason::kLength, "length"},
    {FinishReason::kToolCalls, "tool_calls"},
    {FinishReason::kContentFilter, "content_filter"},
    {FinishReason::kCancelled, "cancelled"},
}};

[[nodiscard]] constexpr std::string_view name_of(FinishReason reason) noexcept {
  for (const auto& [known, name] : kFinishReasons) {
    if (known == reason) {
      return name;
    }
  }
  return "unknown";
}

[[nodiscard]] constexpr std::optional<FinishReason> find_finish_reason(
    std::string_view name) noexcept {
  for (const auto& [reason, known] : kFinishReasons) {
    if (known == name) {
      return reason;
    }
  }
  return std::nullopt;
}

/// Values of Error::code that Herald itself sends; programs add their own.
namespace error_code {
inline constexpr std::string_view kAbandoned = "abandoned";  ///< The producer went without an end.
inline constexpr std::string_view kTruncated = "truncated";  ///< The source stopped in the middle.
inline constexpr std::string_view kUpstream = "upstream";    ///< The source reported an error.
inline constexpr std::string_view kMalformed =
    "malformed";  ///< The source could not be understood.
}  // namespace error_code

}  // namespace herald
