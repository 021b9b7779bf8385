// Counts what the whole program allocates: whoever links allocation_count.cc has its operator new
// replaced (arrays and all but the forms that do not throw go through it).
#pragma once

#include <cstdint>
#include <optional>

namespace game {

/// Calls of operator new by now, of all threads. Nothing with a sanitizer, which has an operator
/// new of its own.
[[nodiscard]] std::optional<std::uint64_t> allocations() noexcept;

}  // namespace game
