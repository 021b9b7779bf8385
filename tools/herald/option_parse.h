// What the options of several verbs have in common.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "herald/options.h"

namespace herald::cli {

/// Puts the value of `parsed` into `target`, or its error into `status` if that is the first.
template <typename Parsed, typename Target>
void take(absl::StatusOr<Parsed> parsed, Target& target, absl::Status& status) {
  if (parsed.ok()) {
    target = static_cast<Target>(*std::move(parsed));
  } else {
    status.Update(parsed.status());
  }
}

/// Which of the `words` the text is, from 0. Errors: InvalidArgument.
absl::StatusOr<std::size_t> parse_word(std::string_view option, std::string_view text,
                                       std::initializer_list<std::string_view> words);

/// spin, adaptive or park. Errors: InvalidArgument.
absl::StatusOr<WaitStrategy> parse_wait(std::string_view option, std::string_view text);

}  // namespace herald::cli
