// A caller's bug ends the process with one line that names it.
#pragma once

namespace herald::base {

/// Prints "herald: file:line: what (condition)" to standard error and aborts.
[[noreturn]] void assertion_failed(const char* file, int line, const char* condition,
                                   const char* what) noexcept;

}  // namespace herald::base

/// Always on, in release builds too: it guards control-plane misuse, never a line of the data
/// plane.
#define HERALD_ASSERT(condition, what)                                        \
  do {                                                                        \
    if (!(condition)) [[unlikely]] {                                          \
      ::herald::base::assertion_failed(__FILE__, __LINE__, #condition, what); \
    }                                                                         \
  } while (false)
