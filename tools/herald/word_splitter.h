// Text into tokens: words with the spaces before them.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace herald::cli {

/// Cuts text where a language model might: a token is a word and the ASCII white space before it,
/// and is complete once the word is. A line end goes with the word before it and ends the token at
/// once, so that a line typed at a terminal is not held back.
///
/// Invariants:
///  1. The tokens put together are the text, byte for byte, whatever the bytes are.
///  2. No token ends inside a well-formed UTF-8 character, and none is longer than kMostBytes.
///  3. Where the text is cut depends on the text alone, not on the pieces in which it comes.
class WordSplitter {
 public:
  static constexpr std::size_t kMostBytes = 32;  ///< What an event holds without a block of memory.

  /// Takes bytes from the front of `bytes` until a token is complete, and returns it; empty if all
  /// were taken and none is. Valid until the next call.
  [[nodiscard]] std::string_view next(std::string_view& bytes) noexcept;
  /// The end of the text: its last token; empty if there is none left.
  [[nodiscard]] std::string_view finish() noexcept;

 private:
  void forget_given() noexcept;
  [[nodiscard]] std::string_view give(std::size_t size) noexcept;
  [[nodiscard]] bool ends_before(char next) const noexcept;
  [[nodiscard]] std::size_t whole_characters(char next) const noexcept;

  std::array<char, kMostBytes> token_{};
  std::size_t size_ = 0;   // bytes in token_
  std::size_t given_ = 0;  // of these, returned by the last call
};

}  // namespace herald::cli
