// Numbers and durations as people write and read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace herald::cli {

/// Bounds that include both ends.
template <typename T>
struct Range {
  T lowest;
  T highest;
};

// Parsing. `option` is the name that an error names, together with the text and what is allowed.
// Errors: InvalidArgument.

/// Digits only: "1000".
absl::StatusOr<std::uint64_t> parse_count(std::string_view option, std::string_view text,
                                          Range<std::uint64_t> allowed);
/// "1,100,1000": 1 to `most` counts.
absl::StatusOr<std::vector<std::uint64_t>> parse_counts(std::string_view option,
                                                        std::string_view text,
                                                        Range<std::uint64_t> allowed,
                                                        std::size_t most);
/// "0.25".
absl::StatusOr<double> parse_number(std::string_view option, std::string_view text,
                                    Range<double> allowed);
/// A number and its unit, ns, us, ms, s, min or h: "1.5ms".
absl::StatusOr<std::chrono::nanoseconds> parse_duration(std::string_view option,
                                                        std::string_view text,
                                                        Range<std::chrono::nanoseconds> allowed);

// Formatting.

/// "1,234,567".
std::string format_count(std::uint64_t count);
/// "1 byte", "1,234 bytes".
std::string format_count(std::uint64_t count, std::string_view noun);
/// Three digits that count and a unit: "12.3 us".
std::string format_duration(std::chrono::nanoseconds duration);
/// 0 to 1 as "99.98 %"; 100 % is only what is exactly 1.
std::string format_share(double share);

}  // namespace herald::cli
