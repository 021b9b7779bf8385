// Stage 7, drain scope: marks the thread that drains a mailbox, so that what is called from the
// calls it delivers is known to be.
//
// Threads: each its own scopes.
// Bounds: one for each mailbox in whose drain the thread is; they nest.
#pragma once

namespace herald::core {

class MailboxCore;
class Runtime;

class DrainScope {
 public:
  explicit DrainScope(const MailboxCore& mailbox) noexcept;
  ~DrainScope();
  DrainScope(const DrainScope&) = delete;
  DrainScope& operator=(const DrainScope&) = delete;

  /// Whether this thread is in a call that `mailbox` delivers.
  [[nodiscard]] static bool is_open(const MailboxCore& mailbox) noexcept;
  /// Whether it is in a call that a mailbox of `runtime` delivers.
  [[nodiscard]] static bool is_open(const Runtime& runtime) noexcept;
  /// The same of a mailbox that the dispatcher waits for when it is full.
  [[nodiscard]] static bool holds_up(const Runtime& runtime) noexcept;

 private:
  const MailboxCore& mailbox_;
  const DrainScope* const outer_;
};

}  // namespace herald::core
