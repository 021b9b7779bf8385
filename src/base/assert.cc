#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace herald::base {

void assertion_failed(const char* file, int line, const char* condition,
                      const char* what) noexcept {
  std::fprintf(stderr, "herald: %s:%d: %s (%s)\n", file, line, what, condition);
  std::abort();
}

}  // namespace herald::base
