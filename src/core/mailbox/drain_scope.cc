// Mailbox, drain scope: marks the thread that drains a mailbox, so that what is called from there
// is known to be.
#include "core/mailbox/drain_scope.h"

#include "core/mailbox/mailbox_core.h"

namespace herald::core {
namespace {

thread_local const detail::DrainMark* innermost = nullptr;

template <typename Holds>
bool any(Holds holds) noexcept {
  for (const detail::DrainMark* mark = innermost; mark != nullptr; mark = mark->outer) {
    if (holds(*mark->mailbox)) {
      return true;
    }
  }
  return false;
}

}  // namespace

void DrainScope::open(detail::DrainMark& mark, const MailboxCore& mailbox) noexcept {
  mark = {&mailbox, innermost};
  innermost = &mark;
}

void DrainScope::close(const detail::DrainMark& mark) noexcept { innermost = mark.outer; }

bool DrainScope::is_open(const MailboxCore& mailbox) noexcept {
  return any([&](const MailboxCore& drained) { return &drained == &mailbox; });
}

bool DrainScope::is_open(const Runtime& runtime) noexcept {
  return any([&](const MailboxCore& drained) { return &drained.runtime() == &runtime; });
}

bool DrainScope::holds_up(const Runtime& runtime) noexcept {
  return any([&](const MailboxCore& drained) {
    return &drained.runtime() == &runtime && drained.blocks();
  });
}

}  // namespace herald::core
