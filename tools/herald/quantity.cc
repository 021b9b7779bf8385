#include "quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <span>

#include "absl/status/status.h"

namespace herald::cli {
namespace {

using std::chrono::nanoseconds;

struct Unit {
  std::string_view name;
  double ns;
};
constexpr std::array<Unit, 6> kUnits{
    {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3'600e9}}};

/// The whole text as one number.
template <typename T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || text.empty()) {
    return std::nullopt;
  }
  return value;
}

absl::Status refuse(std::string_view option, std::string_view text, std::string_view allowed) {
  std::string message(option);
  message.append(" '").append(text).append("': must be ").append(allowed);
  return absl::InvalidArgumentError(message);
}

std::string format_number(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.10g", number);
  return text.data();
}

}  // namespace

absl::StatusOr<std::uint64_t> parse_count(std::string_view option, std::string_view text,
                                          Range<std::uint64_t> allowed) {
  const auto value = parse_whole<std::uint64_t>(text);
  if (!value.has_value() || *value < allowed.lowest || *value > allowed.highest) {
    return refuse(option, text,
                  "a whole number from " + format_count(allowed.lowest) + " to " +
                      format_count(allowed.highest));
  }
  return *value;
}

absl::StatusOr<std::vector<std::uint64_t>> parse_counts(std::string_view option,
                                                        std::string_view text,
                                                        Range<std::uint64_t> allowed,
                                                        std::size_t most) {
  std::vector<std::uint64_t> counts;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    const auto count = parse_count(option, rest.substr(0, comma), allowed);
    if (!count.ok()) {
      return refuse(option, text,
                    "whole numbers from " + format_count(allowed.lowest) + " to " +
                        format_count(allowed.highest) + ", separated by commas");
    }
    counts.push_back(*count);
    if (comma == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(comma + 1);
  }
  if (counts.size() > most) {
    return refuse(option, text, "at most " + format_count(most) + " numbers");
  }
  return counts;
}

absl::StatusOr<double> parse_number(std::string_view option, std::string_view text,
                                    Range<double> allowed) {
  const auto value = parse_whole<double>(text);
  // Written so that a NaN is refused.
  if (!value.has_value() || !(*value >= allowed.lowest && *value <= allowed.highest)) {
    return refuse(
        option, text,
        "a number from " + format_number(allowed.lowest) + " to " + format_number(allowed.highest));
  }
  return *value;
}

absl::StatusOr<nanoseconds> parse_duration(std::string_view option, std::string_view text,
                                           Range<nanoseconds> allowed) {
  const std::size_t letters = text.find_first_of("numshi");
  if (letters != std::string_view::npos) {
    const auto number = parse_whole<double>(text.substr(0, letters));
    for (const Unit& unit : kUnits) {
      if (!number.has_value() || unit.name != text.substr(letters)) {
        continue;
      }
      const double ns = std::round(*number * unit.ns);
      if (ns >= static_cast<double>(allowed.lowest.count()) &&
          ns <= static_cast<double>(allowed.highest.count())) {
        return nanoseconds(static_cast<std::int64_t>(ns));
      }
    }
  }
  return refuse(option, text,
                "a number with its unit (ns, us, ms, s, min, h), from " +
                    format_duration(allowed.lowest) + " to " + format_duration(allowed.highest));
}

std::string format_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t place = text.size(); place > 3;) {
    place -= 3;
    text.insert(place, 1, ',');
  }
  return text;
}

std::string format_count(std::uint64_t count, std::string_view noun) {
  return format_count(count).append(" ").append(noun).append(count == 1 ? "" : "s");
}

std::string format_duration(nanoseconds duration) {
  auto value = static_cast<double>(duration.count());
  std::string_view unit = "ns";
  for (const Unit& larger : std::span(kUnits).subspan(1)) {
    const double in_larger = static_cast<double>(duration.count()) / larger.ns;
    // Minutes and hours only where they are whole: "90 s" says more than "1.5 min".
    if (in_larger >= 1 && (larger.ns <= 1e9 || in_larger == std::floor(in_larger))) {
      value = in_larger;
      unit = larger.name;
    }
  }
  const bool whole = value == std::floor(value) || value >= 99.95;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.*f %.*s", whole ? 0 : (value >= 9.995 ? 1 : 2), value,
                static_cast<int>(unit.size()), unit.data());
  return text.data();
}

std::string format_share(double share) {
  std::array<char, 32> text{};
  // Rounded down: one late event among ten million must not read as none.
  const double percent = std::floor(share * 1e4) / 1e2;
  std::snprintf(text.data(), text.size(), share >= 1 ? "%.0f %%" : "%.2f %%", percent);
  return text.data();
}

}  // namespace herald::cli
