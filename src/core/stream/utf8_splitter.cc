// Stream, text: takes bytes cut anywhere, gives text cut at characters.
#include "core/stream/utf8_splitter.h"

#include <cstring>

namespace herald::core {

// What a first byte says: the size of its character (0: it can begin none), and the range of the
// second byte, which excludes overlong forms, surrogates and what is above U+10FFFF (Unicode 15,
// table 3-7).
struct Utf8Splitter::Lead {
  std::uint8_t size;
  std::uint8_t second_least;
  std::uint8_t second_most;
};

Utf8Splitter::Lead Utf8Splitter::lead(unsigned char byte) noexcept {
  if (byte < 0x80) {
    return {1, 0, 0};
  }
  if (byte < 0xC2 || byte > 0xF4) {
    return {0, 0, 0};
  }
  if (byte < 0xE0) {
    return {2, 0x80, 0xBF};
  }
  if (byte < 0xF0) {
    return {3, static_cast<std::uint8_t>(byte == 0xE0 ? 0xA0 : 0x80),
            static_cast<std::uint8_t>(byte == 0xED ? 0x9F : 0xBF)};
  }
  return {4, static_cast<std::uint8_t>(byte == 0xF0 ? 0x90 : 0x80),
          static_cast<std::uint8_t>(byte == 0xF4 ? 0x8F : 0xBF)};
}

std::size_t Utf8Splitter::well_formed_prefix(std::string_view bytes) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  std::size_t i = 0;
  while (i < bytes.size()) {
    std::uint64_t eight = 0;
    if (bytes.size() - i >= sizeof(eight)) {
      std::memcpy(&eight, bytes.data() + i, sizeof(eight));
      if ((eight & kHighBits) == 0) {
        i += sizeof(eight);
        continue;
      }
    }
    const Lead first = lead(static_cast<unsigned char>(bytes[i]));
    if (first.size == 0 || first.size > bytes.size() - i) {
      return i;
    }
    for (std::size_t k = 1; k < first.size; ++k) {
      const auto byte = static_cast<unsigned char>(bytes[i + k]);
      const unsigned least = k == 1 ? first.second_least : 0x80U;
      const unsigned most = k == 1 ? first.second_most : 0xBFU;
      if (byte < least || byte > most) {
        return i;
      }
    }
    i += first.size;
  }
  return i;
}

std::string_view Utf8Splitter::next(std::string_view bytes, std::string& joined) {
  if (held_ == 0) {
    const std::size_t whole = well_formed_prefix(bytes);
    if (whole == bytes.size()) [[likely]] {
      offset_ += whole;
      return bytes;
    }
  }
  end_ = offset_ + bytes.size();
  joined.clear();
  while (!bytes.empty()) {
    if (held_ == 0) {
      const std::size_t whole = well_formed_prefix(bytes);
      joined.append(bytes, 0, whole);
      offset_ += whole;
      bytes.remove_prefix(whole);
    }
    if (!bytes.empty()) {
      take(static_cast<unsigned char>(bytes.front()), joined);
      bytes.remove_prefix(1);
    }
  }
  return joined;
}

std::string_view Utf8Splitter::finish() noexcept {
  if (held_ == 0) {
    return {};
  }
  count_ill_formed(offset_ - held_);
  held_ = 0;
  return kReplacement;
}

// One byte; it continues the character that has begun, or ends it ill-formed and begins another.
void Utf8Splitter::take(unsigned char byte, std::string& joined) {
  if (held_ != 0) {
    if (byte >= next_least_ && byte <= next_most_) {
      character_[held_++] = static_cast<char>(byte);
      next_least_ = 0x80;
      next_most_ = 0xBF;
      ++offset_;
      if (held_ == size_) {
        joined.append(character_.data(), size_);
        held_ = 0;
      }
      return;
    }
    count_ill_formed(offset_ - held_);
    held_ = 0;
    joined += kReplacement;
  }
  begin(byte, joined);
  ++offset_;
}

void Utf8Splitter::begin(unsigned char byte, std::string& joined) {
  const Lead first = lead(byte);
  if (first.size == 1) {
    joined += static_cast<char>(byte);
  } else if (first.size == 0) {
    count_ill_formed(offset_);
    joined += kReplacement;
  } else {
    character_[0] = static_cast<char>(byte);
    held_ = 1;
    size_ = first.size;
    next_least_ = first.second_least;
    next_most_ = first.second_most;
  }
}

void Utf8Splitter::count_ill_formed(std::uint64_t offset) noexcept {
  if (ill_formed_++ == 0) {
    first_ill_formed_ = offset;
  }
}

}  // namespace herald::core
