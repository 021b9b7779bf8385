#include "loose_json.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

namespace herald::cli {
namespace {

// Stands in front of four hexadecimal digits. JSON has no other spelling of it than its escape,
// which is marked itself.
constexpr char kMark = '\x10';
constexpr std::string_view kMarkEscape = "\\u0010";
constexpr std::size_t kDigits = 4;
constexpr std::size_t kEscapeSize = 2 + kDigits;
constexpr char kIllFormed = '\xFF';

bool is_ascii(char byte) { return static_cast<unsigned char>(byte) < 0x80; }
bool is_high(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

std::optional<std::uint32_t> hexadecimal(std::string_view text) {
  std::uint32_t value = 0;
  const char* const end = text.data() + std::min(text.size(), kDigits);
  const auto parsed = std::from_chars(text.data(), end, value, 16);
  return text.size() >= kDigits && parsed.ptr == end ? std::optional(value) : std::nullopt;
}

/// What the escape in front stands for, if there is one of that kind.
std::optional<std::uint32_t> escaped_unit(std::string_view json) {
  return json.starts_with("\\u") ? hexadecimal(json.substr(2)) : std::nullopt;
}

std::string digits(std::uint32_t value) {
  constexpr std::string_view kDigitsOf = "0123456789abcdef";
  std::string text;
  for (std::size_t shift = 4 * kDigits; shift > 0; shift -= 4) {
    text += kDigitsOf[(value >> (shift - 4)) & 0xF];
  }
  return text;
}

struct Piece {
  std::size_t size;
  std::optional<std::uint32_t> to_mark;
};

Piece first_piece(std::string_view json) {
  if (!is_ascii(json.front())) {
    return {1, static_cast<unsigned char>(json.front())};
  }
  const std::optional<std::uint32_t> unit = escaped_unit(json);
  if (!unit.has_value()) {
    const std::size_t size = json.front() == '\\' ? 2 : 1;
    return {std::min(size, json.size()), std::nullopt};
  }
  const std::optional<std::uint32_t> next = escaped_unit(json.substr(kEscapeSize));
  if (is_high(*unit) && next.has_value() && is_low(*next)) {
    return {2 * kEscapeSize, std::nullopt};
  }
  const bool marks = is_high(*unit) || is_low(*unit) || *unit == kMark;
  return {kEscapeSize, marks ? unit : std::nullopt};
}

void add_character(std::uint32_t high, std::uint32_t low, std::string& out) {
  const std::uint32_t point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  for (const auto& [shift, lead] : {std::pair{18, 0xF0}, {12, 0x80}, {6, 0x80}, {0, 0x80}}) {
    out += static_cast<char>(static_cast<std::uint32_t>(lead) | ((point >> shift) & 0x3F));
  }
}

}  // namespace

std::string mark_loose(std::string_view json) {
  std::string marked;
  while (!json.empty()) {
    const Piece piece = first_piece(json);
    if (piece.to_mark.has_value()) {
      marked += kMarkEscape;
      marked += digits(*piece.to_mark);
    } else {
      marked.append(json, 0, piece.size);
    }
    json.remove_prefix(piece.size);
  }
  return marked;
}

void LooseText::add_marked(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(kMark), text.size());
    add(text.substr(0, end), out);
    text.remove_prefix(end);
    if (!text.empty()) {
      add_unit(hexadecimal(text.substr(1)).value_or(0), out);
      text.remove_prefix(1 + kDigits);
    }
  }
}

void LooseText::add(std::string_view text, std::string& out) {
  if (!text.empty()) {
    finish(out);
    out += text;
  }
}

void LooseText::finish(std::string& out) {
  if (std::exchange(high_, 0) != 0) {
    out += kIllFormed;
  }
}

void LooseText::add_unit(std::uint32_t unit, std::string& out) {
  if (high_ != 0 && is_low(unit)) {
    add_character(std::exchange(high_, 0), unit, out);
    return;
  }
  finish(out);
  if (is_high(unit)) {
    high_ = unit;
  } else {
    out += is_low(unit) ? kIllFormed : static_cast<char>(unit);
  }
}

}  // namespace herald::cli
