#include "word_splitter.h"

#include <algorithm>
#include <utility>

namespace herald::cli {
namespace {

bool is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

bool is_line_end(char byte) { return byte == '\n' || byte == '\r'; }

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

bool begins_long_character(char byte) { return static_cast<unsigned char>(byte) >= 0xC0U; }

}  // namespace

std::string_view WordSplitter::next(std::string_view& bytes) noexcept {
  forget_given();
  while (!bytes.empty()) {
    const char byte = bytes.front();
    if (ends_before(byte)) {
      return give(size_ < kMostBytes ? size_ : whole_characters(byte));
    }
    token_[size_++] = byte;
    bytes.remove_prefix(1);
    if (byte == '\n') {
      return give(size_);
    }
  }
  return {};
}

std::string_view WordSplitter::finish() noexcept {
  forget_given();
  return give(size_);
}

void WordSplitter::forget_given() noexcept {
  std::copy(token_.begin() + given_, token_.begin() + size_, token_.begin());
  size_ -= std::exchange(given_, 0);
}

std::string_view WordSplitter::give(std::size_t size) noexcept {
  given_ = size;
  return {token_.data(), size};
}

bool WordSplitter::ends_before(char next) const noexcept {
  if (size_ == 0 || size_ == kMostBytes) {
    return size_ != 0;
  }
  return is_space(next) && !is_line_end(next) && !is_space(token_[size_ - 1]);
}

/// How much of a full token can go if `next` comes behind it: a character that goes on there stays,
/// to be the beginning of the next token.
std::size_t WordSplitter::whole_characters(char next) const noexcept {
  if (!continues_character(next)) {
    return size_;
  }
  for (std::size_t back = 1; back <= 3; ++back) {
    if (!continues_character(token_[size_ - back])) {
      return begins_long_character(token_[size_ - back]) ? size_ - back : size_;
    }
  }
  return size_;
}

}  // namespace herald::cli
