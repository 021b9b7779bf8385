#pragma once

#include <cstdint>
#include <optional>

#include "herald/event_type.h"

namespace herald {

/// Groups events: a request, a session, an entity. 0 is the stream of events that name none.
using StreamId = std::uint64_t;

/// Which events a subscriber or a middleware gets: those whose type is in `types` and, if `stream`
/// is given, whose stream equals it. Events that do not match cost nothing at dispatch.
struct Filter {
  TypeMask types = {};                  ///< Must not be empty.
  std::optional<StreamId> stream = {};  ///< Absent: every stream.

  [[nodiscard]] constexpr bool matches(unsigned type_index, StreamId of) const noexcept {
    return types.contains(type_index) && (!stream.has_value() || *stream == of);
  }
  friend constexpr bool operator==(const Filter&, const Filter&) noexcept = default;
};

}  // namespace herald
