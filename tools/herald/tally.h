// What a subscriber keeps of what it got.
#pragma once

#include <cstdint>

namespace herald::cli {

/// How many events, and a hash of all of them in their order.
struct Tally {
  std::uint64_t count = 0;
  std::uint64_t order = 0;

  void add(std::uint64_t word) noexcept {
    ++count;
    order = order * 0x9E37'79B9'7F4A'7C15U + word;
  }
  friend bool operator==(const Tally&, const Tally&) = default;
};

}  // namespace herald::cli
