// A thread of a model: a stack of its own, run when another fiber hands over to it.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <functional>
#include <memory>

#include <ucontext.h>

namespace herald::model {

/// Runs one body after another on the same stack. Left in the middle of one it can only be
/// destroyed; what lives on its stack is then given up.
class Fiber {
 public:
  /// `body` is called again and again; it hands over to another fiber before it returns.
  explicit Fiber(std::function<void()> body);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// The code that called first: a fiber without a stack of its own.
  Fiber();

  /// Suspends `from`, which must be running, and goes on with this one.
  void resume(Fiber& from);

 private:
  static constexpr std::size_t kStackBytes = 256 * 1024;
  static void enter(unsigned high, unsigned low);
  [[noreturn]] void run();

  std::function<void()> body_;
  std::unique_ptr<std::byte[]> stack_;
  ucontext_t start_{};
  std::jmp_buf point_{};
  bool started_ = false;
};

}  // namespace herald::model
