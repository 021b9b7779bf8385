// Subscriber, callbacks: takes what a callback threw, gives it to the error handler and a count.
#pragma once

#include <cstdint>
#include <functional>

#include "core/subscriber/attachment.h"
#include "herald/options.h"

namespace herald::core {

/// Inside a catch (...): tells the handler, if there is one. Threads: that of the callback.
void tell_error(const std::function<void(const CallbackError&)>& on_error,
                const Attachment& thrower) noexcept;

/// Threads: the holder of the dispatch right.
class CallbackGuard {
 public:
  /// `on_error` outlives every callback.
  explicit CallbackGuard(const std::function<void(const CallbackError&)>& on_error) noexcept
      : on_error_(on_error) {}

  /// Inside a catch (...): counts the exception, and tells the handler.
  void caught(Attachment& thrower) noexcept;

  [[nodiscard]] std::uint64_t exceptions() const noexcept { return exceptions_; }

 private:
  const std::function<void(const CallbackError&)>& on_error_;
  std::uint64_t exceptions_ = 0;
};

}  // namespace herald::core
