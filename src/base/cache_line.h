// How far apart two threads' data must be.
#pragma once

#include <cstddef>

namespace herald::base {

/// x86-64 has 64-byte lines, but its adjacent-line prefetcher pulls pairs: fields that different
/// threads write are kept 128 bytes apart where they are hot (as folly and moodycamel do).
inline constexpr std::size_t kCacheLineBytes = 64;
inline constexpr std::size_t kFalseSharingBytes = 128;

}  // namespace herald::base
