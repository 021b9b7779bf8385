#pragma once

#include <cstdint>
#include <variant>

namespace herald {

/// Events [requested, oldest), of which some may match the filter, can no longer be replayed: they
/// have left the replay ring, or one was too large for it. The subscription goes on at `oldest`.
struct Gap {
  std::uint64_t requested = 0;  ///< The sequence that was to come next.
  std::uint64_t oldest = 0;     ///< The first that is still there, or the next one of the bus.
  std::uint64_t newest = 0;     ///< The last that the bus has dispatched.
};

/// What a subscription is told besides events; visit it, as more kinds may come.
using Notice = std::variant<Gap>;

}  // namespace herald
