// How far apart the publisher's and the dispatcher's processor are just now.
#pragma once

#include "processors.h"

namespace peers {

/// Nanoseconds that a cache line takes one way: a fast one of many exchanges within some 20 ms (the
/// first quartile, so that other work on the machine matters little).
/// Requires: several processors.
double one_way_ns(const Processors& processors);

/// Below, the two share a cache. Measured on virtual machines: 25 to 50 ns when near, some 220 when
/// far; this is between them, and above any near one of a physical machine.
inline constexpr double kNearNs = 120;

}  // namespace peers
