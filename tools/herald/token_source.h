// The tokens of an input.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "chunk_reader.h"
#include "herald/event_type.h"
#include "input_file.h"
#include "word_splitter.h"

namespace herald::cli {

/// Reads a file as it comes, and cuts it into tokens.
class TokenSource {
 public:
  /// Text, or the chunks of a completion.
  enum class Format : std::uint8_t { kText, kChunks };

  TokenSource(InputFile input, Format format);

  /// The next token, valid until the next call. Empty: what came in one read, of
  /// kPatience at most, has none, or at_end().
  [[nodiscard]] std::string_view next();
  static constexpr std::chrono::milliseconds kPatience{50};

  [[nodiscard]] bool at_end() const noexcept { return at_end_; }
  [[nodiscard]] const InputFile& input() const noexcept { return input_; }

  // How it ended; before at_end() as if all were well.

  [[nodiscard]] std::optional<Error> error() const;
  [[nodiscard]] FinishReason finish_reason() const noexcept;
  /// As the source says, else zeros.
  [[nodiscard]] Usage usage() const noexcept;

 private:
  [[nodiscard]] std::string_view next_of_bytes();
  [[nodiscard]] std::string_view last();
  [[nodiscard]] const ChunkReader* chunks() const noexcept {
    return std::get_if<ChunkReader>(&format_);
  }

  InputFile input_;
  std::variant<WordSplitter, ChunkReader> format_;
  std::string_view bytes_;  // of input_, not used yet
  bool finished_ = false;   // the format knows of the end
  bool at_end_ = false;
};

}  // namespace herald::cli
