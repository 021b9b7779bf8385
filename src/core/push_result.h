// Stage 1, lanes: what a lane says to one push.
#pragma once

#include <cstdint>

namespace herald::core {

enum class PushResult : std::uint8_t {
  kAccepted,
  kNoCredit,  ///< Nothing was taken.
  kNoMemory,  ///< Nothing was taken.
  kSealed,    ///< Nothing was taken.
  kRefused,   ///< Sealed meanwhile. The queue has copies, which nobody will take.
};

}  // namespace herald::core
