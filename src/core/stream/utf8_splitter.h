// Stream, text: takes bytes cut anywhere, gives text cut at characters.
//
// Threads: one at a time.
// Invariants:
//  1. The text given out is well-formed UTF-8. What was well-formed comes out byte for byte.
//  2. Each maximal ill-formed sequence becomes one U+FFFD (Unicode 15, section 3.9, "U+FFFD
//     Substitution of Maximal Subparts"; the decoder of the WHATWG Encoding Standard).
//  3. What is held, 0 to 3 bytes, is the beginning of a well-formed character.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace herald::core {

class Utf8Splitter {
 public:
  static constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

  /// The text that is complete with `bytes`: a view of them, or of `joined`, which then holds it.
  /// Throws std::bad_alloc if `joined` must grow and cannot: give_up() then.
  [[nodiscard]] std::string_view next(std::string_view bytes, std::string& joined);
  /// The end of the text: kReplacement if a character was begun, else nothing.
  [[nodiscard]] std::string_view finish() noexcept;
  /// After next() has thrown: all of its bytes are taken and lost, with what was held before them.
  /// Ill-formed sequences that it had not come to are not counted.
  void give_up() noexcept {
    held_ = 0;
    offset_ = end_;
  }
  void reset() noexcept { *this = {}; }

  [[nodiscard]] std::size_t held_bytes() const noexcept { return held_; }
  [[nodiscard]] std::uint64_t ill_formed() const noexcept { return ill_formed_; }
  /// Of the first ill-formed sequence, in bytes from the start. Requires: there was one.
  [[nodiscard]] std::uint64_t first_ill_formed_offset() const noexcept { return first_ill_formed_; }
  [[nodiscard]] std::uint64_t bytes_taken() const noexcept { return offset_; }

  /// The length of the longest beginning of `bytes` that is well-formed and ends with a character.
  [[nodiscard]] static std::size_t well_formed_prefix(std::string_view bytes) noexcept;

 private:
  struct Lead;

  [[nodiscard]] static Lead lead(unsigned char byte) noexcept;
  void take(unsigned char byte, std::string& joined);
  void begin(unsigned char byte, std::string& joined);
  void count_ill_formed(std::uint64_t offset) noexcept;

  std::array<char, 4> character_{};  // the one that has begun
  std::uint8_t held_ = 0;
  std::uint8_t size_ = 0;        // of that character
  std::uint8_t next_least_ = 0;  // the range of its next byte
  std::uint8_t next_most_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t end_ = 0;  // what offset_ will be behind the bytes of next()
  std::uint64_t ill_formed_ = 0;
  std::uint64_t first_ill_formed_ = 0;
};

}  // namespace herald::core
