// How often the program allocated: operator new is replaced by one that counts.
#pragma once

#include <cstdint>

namespace herald::cli {

/// Calls of operator new, in any form and by any thread, since the program began.
[[nodiscard]] std::uint64_t allocation_count() noexcept;

}  // namespace herald::cli
