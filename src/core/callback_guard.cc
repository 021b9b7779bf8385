// Stage 6 and 4, callbacks: takes what a callback threw, gives it to the error handler and a count.
#include "core/callback_guard.h"

#include <exception>

#include "base/exceptions.h"

namespace herald::core {

void CallbackGuard::caught(Attachment& thrower) noexcept {
  ++thrower.exceptions;
  ++exceptions_;
  if (!on_error_) {
    return;
  }
#if defined(__cpp_exceptions)
  CallbackError error{thrower.id(), thrower.name(), "unknown exception"};
  try {
    throw;
  } catch (const std::exception& exception) {
    error.what = exception.what();
    on_error_(error);
  } catch (...) {
    on_error_(error);
  }
#endif
}

}  // namespace herald::core
