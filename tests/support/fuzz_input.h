// What a fuzzer makes its test cases of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace herald {

/// Unless that holds, ends the process with a message, so that libFuzzer keeps the input.
inline void require(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (!holds) {
    std::fprintf(stderr, "%s:%d: does not hold\n", file, line);
    std::abort();
  }
}

/// Bytes from which decisions are taken, from the front; when there are none left, all are 0.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* bytes, std::size_t size)
      : left_(reinterpret_cast<const char*>(bytes), size) {}

  [[nodiscard]] bool empty() const noexcept { return left_.empty(); }
  std::uint8_t byte() noexcept {
    if (left_.empty()) {
      return 0;
    }
    const char byte = left_.front();
    left_.remove_prefix(1);
    return static_cast<std::uint8_t>(byte);
  }
  /// 0 to `below` - 1.
  std::size_t choice(std::size_t below) noexcept { return byte() % below; }
  [[nodiscard]] std::string_view rest() const noexcept { return left_; }

 private:
  std::string_view left_;
};

/// Cuts bytes into pieces whose sizes look random but depend on the seed alone: 0 gives single
/// bytes, others also long ones and empty ones.
class PieceCutter {
 public:
  PieceCutter(std::string_view bytes, std::uint32_t seed) : left_(bytes), state_(seed) {}

  [[nodiscard]] bool done() const noexcept { return left_.empty(); }
  [[nodiscard]] std::string_view next() noexcept {
    const std::size_t size = seed_is_zero() ? 1 : random() % (random() % 3 == 0 ? 40 : 4);
    const std::string_view piece = left_.substr(0, size);
    left_.remove_prefix(piece.size());
    return piece;
  }

 private:
  [[nodiscard]] bool seed_is_zero() const noexcept { return state_ == 0; }
  /// xorshift32, which never leaves nor reaches 0.
  std::uint32_t random() noexcept {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 17U;
    state_ ^= state_ << 5U;
    return state_;
  }

  std::string_view left_;
  std::uint32_t state_;
};

}  // namespace herald
