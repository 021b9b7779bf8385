#include "game_loop/allocation_count.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#ifdef GAME_LOOP_SANITIZED

std::optional<std::uint64_t> game::allocations() noexcept { return std::nullopt; }

#else

namespace game {
namespace {

std::atomic<std::uint64_t> count{0};

void* counted(void* memory) {
  count.fetch_add(1, std::memory_order_relaxed);
  if (memory == nullptr) {
    std::abort();
  }
  return memory;
}

}  // namespace

std::optional<std::uint64_t> allocations() noexcept {
  return count.load(std::memory_order_relaxed);
}

}  // namespace game

void* operator new(std::size_t size) { return game::counted(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t align) {
  const auto alignment = static_cast<std::size_t>(align);
  return game::counted(std::aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1)));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

#endif
