// Asks for a cache line before it is needed.
#pragma once

namespace herald::base {

/// The line of `address`, to write into it: takes it away from the processor that has it, while
/// this one goes on. No effect but on time; any address will do.
inline void prefetch_to_write(const void* address) noexcept {
#if defined(__x86_64__)
  // GCC makes this of __builtin_prefetch only for processors that it knows to have it, and a
  // prefetch to read otherwise, which does not help. Those that lack it take it for a no-op.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address, 1);
#endif
}

}  // namespace herald::base
