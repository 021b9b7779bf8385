// Control: an order to the dispatcher, a command with what it is about.
#pragma once

#include <memory>

#include "base/atomics.h"
#include "core/control/dispatch_right.h"

namespace herald::core {

class Dispatcher;

/// Embedded in its subject or in what `keep` holds. Runs once a submit.
struct Order : Command<base::NativeAtomics> {
  void (*action)(Dispatcher& dispatcher, void* subject) = nullptr;
  void* subject = nullptr;
  std::shared_ptr<void> keep;  // holds the order and its subject until it has run
};

}  // namespace herald::core
