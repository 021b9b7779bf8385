#include "allocation_counter.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> allocations{0};

void* allocate(std::size_t size_bytes) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);  // relaxed: a statistic only
  return std::malloc(size_bytes == 0 ? 1 : size_bytes);
}

void* allocate(std::size_t size_bytes, std::align_val_t alignment) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);  // relaxed: as above
  const auto align_bytes = static_cast<std::size_t>(alignment);
  // aligned_alloc wants a multiple of the alignment.
  const std::size_t rounded = (size_bytes + align_bytes - 1) / align_bytes * align_bytes;
  return std::aligned_alloc(align_bytes, rounded == 0 ? align_bytes : rounded);
}

void* checked(void* memory) {
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

}  // namespace

namespace herald::cli {

std::uint64_t allocation_count() noexcept {
  return allocations.load(std::memory_order_relaxed);  // relaxed: as above
}

}  // namespace herald::cli

// The array and nothrow forms that are not here call these.
void* operator new(std::size_t size_bytes) { return checked(allocate(size_bytes)); }
void* operator new(std::size_t size_bytes, std::align_val_t alignment) {
  return checked(allocate(size_bytes, alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
