// Stream, abandoned: the event that ends a stream whose producer went without an end.
//
// Threads: any.
// Ownership: one for all streams, of no bus and no stream, never destroyed: streams may outlive
//   main(). Copies share its payload.
#pragma once

#include "herald/event.h"

namespace herald::core {

/// A kError. Needs no memory: a destructor could tell nobody that there is none.
[[nodiscard]] const Event& abandoned_error() noexcept;

}  // namespace herald::core
