// Counts what the whole program allocates by operator new, in all its forms; not by malloc. Whoever
// links allocation_count.cc has it replaced.
#pragma once

#include <cstdint>
#include <optional>

namespace game {

/// Calls of operator new by now, of all threads. Nothing with a sanitizer, which has an operator
/// new of its own.
[[nodiscard]] std::optional<std::uint64_t> allocations() noexcept;

}  // namespace game
