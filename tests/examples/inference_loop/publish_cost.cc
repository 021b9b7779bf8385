#include "publish_cost.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

constinit thread_local std::uint64_t allocations = 0;

void* allocate(std::size_t align_bytes, std::size_t size_bytes) {
  ++allocations;
  // aligned_alloc wants a multiple of the alignment.
  const std::size_t rounded = (size_bytes + align_bytes - 1) / align_bytes * align_bytes;
  void* memory = std::aligned_alloc(align_bytes, rounded == 0 ? align_bytes : rounded);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

}  // namespace

namespace inference_loop {

std::uint64_t allocations_of_this_thread() noexcept { return allocations; }

}  // namespace inference_loop

// The array and nothrow forms call these.
void* operator new(std::size_t size_bytes) {
  return allocate(__STDCPP_DEFAULT_NEW_ALIGNMENT__, size_bytes);
}
void* operator new(std::size_t size_bytes, std::align_val_t alignment) {
  return allocate(static_cast<std::size_t>(alignment), size_bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
