// In a file of its own: where a compiler sees both these and a use of them, it may inline one of
// new and delete alone, and then takes malloc() and delete for a mismatch.
#include "support/refused_memory.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace herald::support {
namespace {

thread_local bool refused = false;

}  // namespace

RefusedMemory::RefusedMemory() noexcept { refused = true; }
RefusedMemory::~RefusedMemory() { refused = false; }

}  // namespace herald::support

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return herald::support::refused ? nullptr : std::malloc(size);
}
void* operator new(std::size_t size) {
  void* const memory = operator new(size, std::nothrow);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
