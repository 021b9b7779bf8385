#pragma once

#include <string>

#include "herald/event_type.h"

namespace herald {

/// What Bus::define says about a type.
template <typename T>
struct TypeOptions {
  bool terminal = false;  ///< Ends a stream: no drop policy of a mailbox removes it.
  /// Appends the payload as one JSON value. Default: none; Bus::encode then gives `null`.
  void (*encode)(ReceiveArgument<T> payload, std::string& json) = nullptr;
};

}  // namespace herald
