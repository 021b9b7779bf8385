// Dispatch, scope: marks the thread that dispatches for a bus, so that what is called from its
// callbacks is known to be.
//
// Threads: each its own scopes.
// Bounds: one for each bus in whose dispatch the thread is; they nest.
#pragma once

namespace herald::core {

class Dispatcher;

class DispatchScope {
 public:
  /// `dispatching` is set until the end of the scope.
  DispatchScope(const Dispatcher& dispatcher, bool& dispatching) noexcept;
  ~DispatchScope();
  DispatchScope(const DispatchScope&) = delete;
  DispatchScope& operator=(const DispatchScope&) = delete;

  /// Whether this thread is in a scope of `dispatcher`.
  [[nodiscard]] static bool is_open(const Dispatcher& dispatcher) noexcept;

 private:
  const Dispatcher& dispatcher_;
  bool& dispatching_;
  const DispatchScope* const outer_;
};

}  // namespace herald::core
