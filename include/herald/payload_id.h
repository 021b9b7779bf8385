#pragma once

#include <cstdint>

namespace herald::detail {

/// Identifies a C++ payload type in this process, in 24 bits.
using PayloadId = std::uint32_t;

[[nodiscard]] PayloadId next_payload_id() noexcept;

/// Always the same for one T: `const` lets a loop that asks for payloads ask for the id once.
template <typename T>
[[nodiscard, gnu::const]] PayloadId payload_id() noexcept {
  static const PayloadId id = next_payload_id();
  return id;
}

/// The same without asking each time whether it has been given yet; 0 as long as static variables
/// are still being made.
template <typename T>
inline const PayloadId kPayloadId = payload_id<T>();

template <typename T>
[[nodiscard]] bool is_payload_id(PayloadId id) noexcept {
  return id == kPayloadId<T> || id == payload_id<T>();
}

}  // namespace herald::detail
