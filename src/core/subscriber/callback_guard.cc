// Subscriber, callbacks: takes what a callback threw, gives it to the error handler and a count.
#include "core/subscriber/callback_guard.h"

#include <exception>

#include "base/exceptions.h"

namespace herald::core {

void CallbackGuard::caught(Attachment& thrower) noexcept {
  ++thrower.exceptions;
  ++exceptions_;
  tell_error(on_error_, thrower);
}

void tell_error([[maybe_unused]] const std::function<void(const CallbackError&)>& on_error,
                [[maybe_unused]] const Attachment& thrower) noexcept {
#if defined(__cpp_exceptions)
  if (!on_error) {
    return;
  }
  CallbackError error{thrower.id(), thrower.name(), "unknown exception"};
  try {
    throw;
  } catch (const std::exception& exception) {
    error.what = exception.what();
    on_error(error);
  } catch (...) {
    on_error(error);
  }
#endif
}

}  // namespace herald::core
