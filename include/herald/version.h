#pragma once

/// The version of the headers. The build system reads it from here; it stands nowhere else.
#define HERALD_VERSION_MAJOR 0
#define HERALD_VERSION_MINOR 1
#define HERALD_VERSION_PATCH 0

namespace herald {

/// The version of the linked library, as "0.1.0".
[[nodiscard]] const char* version() noexcept;

}  // namespace herald
