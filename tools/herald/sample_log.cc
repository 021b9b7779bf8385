#include "sample_log.h"

#include <algorithm>
#include <bit>

namespace herald::cli {

SampleLog::SampleLog(std::uint64_t expected, std::size_t capacity)
    : samples_(static_cast<std::size_t>(std::min<std::uint64_t>(expected, capacity))) {
  // A choice by checksum takes a few more or less than its share: room is left for that.
  const std::uint64_t room = std::max<std::uint64_t>(1, capacity - capacity / 64);
  const std::uint64_t stride =
      expected <= capacity ? 1 : std::bit_ceil((expected + room - 1) / room);
  mask_ = static_cast<std::uint32_t>(stride - 1);
}

}  // namespace herald::cli
