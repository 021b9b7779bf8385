// What is left of a text to compare it by.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace herald::cli {

/// The same for the same bytes, however they were cut (FNV-1a).
class TextDigest {
 public:
  void add(std::string_view text) noexcept {
    for (const char byte : text) {
      hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * 0x0000'0100'0000'01B3U;
    }
    bytes_ += text.size();
  }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  friend bool operator==(const TextDigest&, const TextDigest&) = default;

 private:
  std::uint64_t bytes_ = 0;
  std::uint64_t hash_ = 0xCBF2'9CE4'8422'2325U;
};

/// A number that depends on every byte, for a Tally: cheap enough for every one of many
/// subscribers, eight bytes at a step.
[[nodiscard]] inline std::uint64_t word_of(std::string_view text) noexcept {
  std::uint64_t word = text.size();
  while (!text.empty()) {
    std::uint64_t eight = 0;
    const std::size_t taken = text.size() < sizeof eight ? text.size() : sizeof eight;
    std::memcpy(&eight, text.data(), taken);
    word = (word ^ eight) * 0x9E37'79B9'7F4A'7C15U;
    word ^= word >> 32U;
    text.remove_prefix(taken);
  }
  return word;
}

}  // namespace herald::cli
