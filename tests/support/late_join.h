// Buses that keep events, and what those see who join them late.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "herald/herald.h"
#include "support/buses.h"

namespace herald::support {

using Sequences = std::vector<std::uint64_t>;

constexpr Filter kAll{.types = TypeMask::all()};

inline auto note_in(Sequences& into) {
  return [&into](const Event& event) { into.push_back(event.sequence()); };
}
// Events as they are, gaps as 0, requested, oldest, newest.
inline auto note_gap_in(Sequences& into) {
  return [&into](const Notice& notice) {
    const Gap gap = std::get<Gap>(notice);
    into.insert(into.end(), {0, gap.requested, gap.oldest, gap.newest});
  };
}
inline Sequences up_to(std::uint64_t from, std::uint64_t to) {
  Sequences all;
  for (; from <= to; ++from) {
    all.push_back(from);
  }
  return all;
}

// A bus of the test's own thread that keeps events.
class LateJoin : public testing::Test {
 protected:
  static constexpr std::size_t kRingEvents = 8;

  void publish(std::size_t events) {
    for (std::size_t i = 0; i < events; ++i) {
      ASSERT_EQ(bus_.publish(kToken, "text"), PublishResult::kAccepted);
    }
  }
  void dispatch(std::size_t events) {
    publish(events);
    bus_.pump();
  }
  Subscription join(Replay replay, Sequences& into, Filter filter = kAll) {
    return bus_.subscribe(filter, note_in(into), {.replay = replay, .on_notice = note_gap_in(into)})
        .value();
  }

  Bus bus_ = manual_bus({.replay_events = kRingEvents});
  Sequences seen_;
};

}  // namespace herald::support
