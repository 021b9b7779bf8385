// Mailbox, drain scope: marks the thread that drains a mailbox, so that what is called from there
// is known to be.
//
// Threads: each its own marks.
// Bounds: one for each mailbox in whose drain the thread is, and one for its running call; they
//   nest.
#pragma once

#include "herald/mailbox.h"

namespace herald::core {

class MailboxCore;
class Runtime;

class DrainScope {
 public:
  explicit DrainScope(const MailboxCore& mailbox) noexcept { open(mark_, mailbox); }
  ~DrainScope() { close(mark_); }
  DrainScope(const DrainScope&) = delete;
  DrainScope& operator=(const DrainScope&) = delete;

  /// The same for who has no scope of its own. Closed in the opposite order.
  static void open(detail::DrainMark& mark, const MailboxCore& mailbox) noexcept;
  static void close(const detail::DrainMark& mark) noexcept;

  /// Whether this thread drains `mailbox`.
  [[nodiscard]] static bool is_open(const MailboxCore& mailbox) noexcept;
  /// Whether it drains a mailbox of `runtime`.
  [[nodiscard]] static bool is_open(const Runtime& runtime) noexcept;
  /// The same of a mailbox that the dispatcher waits for when it is full.
  [[nodiscard]] static bool holds_up(const Runtime& runtime) noexcept;

 private:
  detail::DrainMark mark_;
};

}  // namespace herald::core
