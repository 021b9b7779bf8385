// Dispatch, scope: marks the thread that dispatches for a bus.
#include "core/dispatch/dispatch_scope.h"

namespace herald::core {
namespace {

thread_local const DispatchScope* innermost = nullptr;

}  // namespace

DispatchScope::DispatchScope(const Dispatcher& dispatcher, bool& dispatching) noexcept
    : dispatcher_(dispatcher), dispatching_(dispatching), outer_(innermost) {
  innermost = this;
  dispatching_ = true;
}

DispatchScope::~DispatchScope() {
  dispatching_ = false;
  innermost = outer_;
}

bool DispatchScope::is_open(const Dispatcher& dispatcher) noexcept {
  for (const DispatchScope* scope = innermost; scope != nullptr; scope = scope->outer_) {
    if (&scope->dispatcher_ == &dispatcher) {
      return true;
    }
  }
  return false;
}

}  // namespace herald::core
