#include "token_source.h"

#include <string>
#include <utility>

#include "herald/stream_end.h"

namespace herald::cli {

TokenSource::TokenSource(InputFile input, Format format) : input_(std::move(input)) {
  if (format == Format::kChunks) {
    format_.emplace<ChunkReader>();
  }
}

std::string_view TokenSource::next() {
  bool has_read = false;
  while (!at_end_) {
    if (const std::string_view token = next_of_bytes(); !token.empty()) {
      return token;
    }
    if (finished_ || (chunks() != nullptr && chunks()->ended())) {
      at_end_ = true;
    } else if (input_.at_end()) {
      finished_ = true;
      return last();
    } else if (has_read) {
      return {};  // Comments alone may come for ever.
    } else {
      bytes_ = input_.read(kPatience);
      has_read = true;
    }
  }
  return {};
}

std::string_view TokenSource::next_of_bytes() {
  return std::visit([this](auto& format) { return format.next(bytes_); }, format_);
}

std::string_view TokenSource::last() {
  return std::visit([](auto& format) { return format.finish(); }, format_);
}

std::optional<Error> TokenSource::error() const {
  if (!input_.status().ok()) {
    return Error{std::string(error_code::kTruncated), std::string(input_.status().message()),
                 false};
  }
  return chunks() == nullptr ? std::nullopt : chunks()->error();
}

FinishReason TokenSource::finish_reason() const noexcept {
  return chunks() == nullptr ? FinishReason::kStop : chunks()->finish_reason();
}

Usage TokenSource::usage() const noexcept {
  return chunks() == nullptr ? Usage{} : chunks()->usage();
}

}  // namespace herald::cli
