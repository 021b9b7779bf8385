// What every event of every system carries, and the cheap work every subscriber does with it.
#pragma once

#include <cstdint>

namespace peers {

/// The payload: inline in Herald's event, a field of the peers' 64-byte event.
struct Content {
  std::uint64_t number;    ///< Publisher in the upper 24 bits, its count from 0 in the lower 40.
  std::uint64_t checksum;  ///< Of the number, so that a torn event shows.
  std::int64_t due_ns;     ///< When it was to be published, on the steady clock; 0: not timed.
};

constexpr unsigned kCountBits = 40;

constexpr std::uint64_t checksum_of(std::uint64_t number) noexcept {
  return (number ^ (number >> 29)) * 0x9E37'79B9'7F4A'7C15U;
}

constexpr Content content_of(std::uint64_t number, std::int64_t due_ns = 0) noexcept {
  return {number, checksum_of(number), due_ns};
}

/// What has been received: a lost, repeated or torn event changes it.
struct Tally {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;

  void add(const Content& content) noexcept {
    ++count;
    sum += content.number ^ content.checksum;
  }
  friend bool operator==(const Tally&, const Tally&) noexcept = default;
};

}  // namespace peers
