#include "option_parse.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace herald::cli {

absl::StatusOr<std::size_t> parse_word(std::string_view option, std::string_view text,
                                       std::initializer_list<std::string_view> words) {
  const auto* const found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) {
    return static_cast<std::size_t>(found - words.begin());
  }
  std::string message(option);
  message.append(" '").append(text).append("': must be ");
  std::size_t left = words.size();
  for (const std::string_view word : words) {
    --left;
    message.append(word).append(left > 1 ? ", " : left == 1 ? " or " : "");
  }
  return absl::InvalidArgumentError(message);
}

absl::StatusOr<WaitStrategy> parse_wait(std::string_view option, std::string_view text) {
  constexpr std::array kStrategies{WaitStrategy::kSpin, WaitStrategy::kAdaptive,
                                   WaitStrategy::kPark};
  const auto word = parse_word(option, text, {"spin", "adaptive", "park"});
  if (!word.ok()) {
    return word.status();
  }
  return kStrategies[*word];
}

}  // namespace herald::cli
