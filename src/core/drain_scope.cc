// Stage 7, drain scope: marks the thread that drains a mailbox, so that what is called from the
// calls it delivers is known to be.
#include "core/drain_scope.h"

#include "core/mailbox_core.h"

namespace herald::core {
namespace {

thread_local const DrainScope* innermost = nullptr;

}  // namespace

DrainScope::DrainScope(const MailboxCore& mailbox) noexcept : mailbox_(mailbox), outer_(innermost) {
  innermost = this;
}

DrainScope::~DrainScope() { innermost = outer_; }

bool DrainScope::is_open(const MailboxCore& mailbox) noexcept {
  for (const DrainScope* scope = innermost; scope != nullptr; scope = scope->outer_) {
    if (&scope->mailbox_ == &mailbox) {
      return true;
    }
  }
  return false;
}

bool DrainScope::is_open(const Runtime& runtime) noexcept {
  for (const DrainScope* scope = innermost; scope != nullptr; scope = scope->outer_) {
    if (&scope->mailbox_.runtime() == &runtime) {
      return true;
    }
  }
  return false;
}

bool DrainScope::holds_up(const Runtime& runtime) noexcept {
  for (const DrainScope* scope = innermost; scope != nullptr; scope = scope->outer_) {
    if (&scope->mailbox_.runtime() == &runtime && scope->mailbox_.blocks()) {
      return true;
    }
  }
  return false;
}

}  // namespace herald::core
