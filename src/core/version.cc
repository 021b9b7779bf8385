// The public face: the version of the library.
#include "herald/version.h"

#define HERALD_TEXT_OF(x) #x
#define HERALD_TEXT(x) HERALD_TEXT_OF(x)

namespace herald {

const char* version() noexcept {
  return HERALD_TEXT(HERALD_VERSION_MAJOR) "." HERALD_TEXT(HERALD_VERSION_MINOR) "." HERALD_TEXT(
      HERALD_VERSION_PATCH);
}

}  // namespace herald
