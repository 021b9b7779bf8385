// Utf8Splitter against a decoder that is as plain as can be, for any bytes cut anywhere.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/stream/utf8_splitter.h"
#include "support/fuzz_input.h"

namespace herald {
namespace {

using core::Utf8Splitter;

struct Decoded {
  std::string text;
  std::uint64_t ill_formed = 0;
  std::uint64_t first_offset = 0;

  friend bool operator==(const Decoded&, const Decoded&) = default;
};

/// Whether the sequence of `size` bytes at `at` is one of Unicode 15, table 3-7, or begins one.
bool fits(std::string_view bytes, std::size_t at, std::size_t size) {
  struct Row {
    std::uint8_t bounds[4][2];  // least and most of each byte; 0: there is none
  };
  constexpr Row kRows[] = {
      {{{0x00, 0x7F}, {}, {}, {}}},
      {{{0xC2, 0xDF}, {0x80, 0xBF}, {}, {}}},
      {{{0xE0, 0xE0}, {0xA0, 0xBF}, {0x80, 0xBF}, {}}},
      {{{0xE1, 0xEC}, {0x80, 0xBF}, {0x80, 0xBF}, {}}},
      {{{0xED, 0xED}, {0x80, 0x9F}, {0x80, 0xBF}, {}}},
      {{{0xEE, 0xEF}, {0x80, 0xBF}, {0x80, 0xBF}, {}}},
      {{{0xF0, 0xF0}, {0x90, 0xBF}, {0x80, 0xBF}, {0x80, 0xBF}}},
      {{{0xF1, 0xF3}, {0x80, 0xBF}, {0x80, 0xBF}, {0x80, 0xBF}}},
      {{{0xF4, 0xF4}, {0x80, 0x8F}, {0x80, 0xBF}, {0x80, 0xBF}}},
  };
  if (size > 4 || at + size > bytes.size()) {
    return false;
  }
  for (const Row& row : kRows) {
    bool all = true;
    for (std::size_t i = 0; i < size; ++i) {
      const auto byte = static_cast<std::uint8_t>(bytes[at + i]);
      all = all && byte >= row.bounds[i][0] && byte <= row.bounds[i][1] && row.bounds[i][1] != 0;
    }
    if (all) {
      return true;
    }
  }
  return false;
}

std::size_t length_by_first_byte(char first) {
  const auto byte = static_cast<std::uint8_t>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// The reference: at each place the longest sequence that fits, which is a character if it has the
/// length that its first byte asks for, else one U+FFFD; one byte at least.
Decoded decode(std::string_view bytes) {
  Decoded decoded;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t size = 0;
    while (fits(bytes, at, size + 1)) {
      ++size;
    }
    if (size > 0 && size == length_by_first_byte(bytes[at])) {
      decoded.text.append(bytes, at, size);
    } else {
      decoded.text += "\xEF\xBF\xBD";
      decoded.first_offset = decoded.ill_formed++ == 0 ? at : decoded.first_offset;
      size = size == 0 ? 1 : size;
    }
    at += size;
  }
  return decoded;
}

Decoded split(std::string_view bytes, PieceCutter cutter) {
  Utf8Splitter splitter;
  Decoded decoded;
  std::string joined;
  while (!cutter.done()) {
    const std::string_view text = splitter.next(cutter.next(), joined);
    require(Utf8Splitter::well_formed_prefix(text) == text.size());
    require(splitter.held_bytes() <= 3);
    decoded.text += text;
  }
  decoded.text += splitter.finish();
  require(splitter.held_bytes() == 0 && splitter.finish().empty());
  require(splitter.bytes_taken() == bytes.size());
  decoded.ill_formed = splitter.ill_formed();
  decoded.first_offset = decoded.ill_formed == 0 ? 0 : splitter.first_ill_formed_offset();
  return decoded;
}

void check_prefix(std::string_view bytes, const Decoded& reference) {
  const std::size_t prefix = Utf8Splitter::well_formed_prefix(bytes);
  const std::size_t longest = reference.ill_formed == 0 ? bytes.size() : reference.first_offset;
  require(prefix == longest);
}

}  // namespace
}  // namespace herald

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace herald;
  FuzzInput input(bytes, size);
  const auto seed = static_cast<std::uint32_t>(input.byte());
  const std::string_view text = input.rest();
  const Decoded reference = decode(text);
  require(decode(reference.text).ill_formed == 0);
  require(reference.ill_formed != 0 || reference.text == text);
  check_prefix(text, reference);
  for (const std::uint32_t each : {std::uint32_t{0}, seed + 1, seed * 0x01000193U + 7}) {
    require(split(text, PieceCutter(text, each)) == reference);
  }
  core::Utf8Splitter whole;
  std::string joined;
  std::string at_once(whole.next(text, joined));
  at_once += whole.finish();
  require(at_once == reference.text);
  return 0;
}
