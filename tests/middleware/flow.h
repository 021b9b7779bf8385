// What the tests of ready-made middleware share: a clock that stands still, and the laws at rest.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "support/buses.h"

namespace herald::support {

/// Moves only when it is told to.
struct StillClock {
  std::chrono::steady_clock::time_point time{std::chrono::hours(1)};

  /// For options. The clock must stay where it is.
  [[nodiscard]] std::function<std::chrono::steady_clock::time_point()> reader() {
    return [this] { return time; };
  }
};

/// The numbers of a bus that nobody uses at the moment agree with those of its one middleware.
[[nodiscard]] inline testing::AssertionResult agree(const BusStats& bus, const FlowStats& flow) {
  if (!bus.conserved()) {
    return testing::AssertionFailure() << "the bus does not conserve";
  }
  if (!flow.conserved()) {
    return testing::AssertionFailure() << "the middleware does not conserve";
  }
  if (bus.held != flow.events_held) {
    return testing::AssertionFailure() << "held: " << bus.held << " and " << flow.events_held;
  }
  if (bus.middleware_dropped != flow.events_joined + flow.events_dropped) {
    return testing::AssertionFailure() << "dropped: " << bus.middleware_dropped << " and "
                                       << flow.events_joined << " + " << flow.events_dropped;
  }
  return testing::AssertionSuccess();
}

}  // namespace herald::support
