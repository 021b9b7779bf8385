#pragma once

#include <cstdint>

namespace herald {

/// Where a subscriber begins: SubscribeOptions::replay. History comes from the bus's replay ring
/// (BusOptions::replay_events), then what is dispatched from there on, with no gap that is not told
/// and no duplicate. Of both it gets what matches its filter.
struct Replay {
  enum class From : std::uint8_t { kNow, kLast, kSequence, kLatestPerType };
  From from = From::kNow;   ///< Default: no history.
  std::uint64_t value = 0;  ///< The events of kLast, the sequence of kSequence.
};

/// The last `events` of the bus, counted whether they match the filter or not, then live. At least
/// 1. More than were ever dispatched means all of them; more than the ring still has is a gap.
[[nodiscard]] constexpr Replay last(std::uint64_t events) noexcept {
  return {Replay::From::kLast, events};
}

/// The event of that sequence and all that follow: for who has seen those before it. 1 to the next
/// sequence of the bus; less than the ring still has is a gap.
[[nodiscard]] constexpr Replay from_sequence(std::uint64_t sequence) noexcept {
  return {Replay::From::kSequence, sequence};
}

/// Of each type the latest event, in order of sequence, however long ago it was, then live. With a
/// stream in the filter only those types whose latest event is of this stream: one event is kept
/// for each type, not for each stream.
[[nodiscard]] constexpr Replay latest_per_type() noexcept {
  return {Replay::From::kLatestPerType, 0};
}

}  // namespace herald
