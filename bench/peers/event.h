// The 64-byte event that the peers' queues carry: the same facts as in Herald's, one cache line.
#pragma once

#include <cstdint>

#include "content.h"

namespace peers {

/// Where an event goes. Type and stream come first, as the prefix that ZeroMQ and nng match.
struct Topic {
  std::uint64_t type = 0;
  std::uint64_t stream = 0;
};

struct alignas(64) Event {
  Topic topic;
  std::uint64_t publisher;
  std::uint64_t sequence;
  Content content;
};
static_assert(sizeof(Event) == 64);

inline constexpr std::uint64_t kMostTypes = 32;

}  // namespace peers
