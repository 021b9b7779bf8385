// Lane: what a lane says to one push.
#pragma once

#include <cstdint>

namespace herald::core {

enum class PushResult : std::uint8_t {
  kAccepted,
  kNoCredit,  ///< Nothing was taken.
  kNoMemory,  ///< Nothing was taken. Of the shared lane only.
  kSealed,    ///< Nothing was taken.
  kRefused,   ///< Sealed meanwhile. The lane has copies, which nobody will take.
};

}  // namespace herald::core
