// Counts what the whole process allocates, libraries included.
#pragma once

#include <cstddef>
#include <cstdint>

namespace peers {

/// Calls of malloc and its kin by any thread while one of these exists.
class AllocationCount {
 public:
  AllocationCount() noexcept;
  ~AllocationCount();
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;

  [[nodiscard]] std::uint64_t count() const noexcept;
};

/// Bytes that are allocated now, as glibc counts them.
std::size_t heap_bytes() noexcept;

}  // namespace peers
