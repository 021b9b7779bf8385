#include "model/fiber.h"

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace herald::model {

Fiber::Fiber() : started_(true) {}

Fiber::Fiber(std::function<void()> body)
    : body_(std::move(body)), stack_(new std::byte[kStackBytes]) {
  if (getcontext(&start_) != 0) {
    std::abort();
  }
  start_.uc_stack.ss_sp = stack_.get();
  start_.uc_stack.ss_size = kStackBytes;
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&start_, reinterpret_cast<void (*)()>(&Fiber::enter), 2,
              static_cast<unsigned>(self >> 32U), static_cast<unsigned>(self & 0xffffffffU));
}

// makecontext passes ints only.
void Fiber::enter(unsigned high, unsigned low) {
  reinterpret_cast<Fiber*>((std::uintptr_t{high} << 32U) | low)->run();
}

void Fiber::run() {
  for (;;) {
    body_();
  }
}

// swapcontext makes a system call for the signal mask, a hundred times the cost of a jump: it is
// used to enter a new stack only.
void Fiber::resume(Fiber& from) {
  if (_setjmp(from.point_) != 0) {
    return;
  }
  if (started_) {
    _longjmp(point_, 1);
  }
  started_ = true;
  setcontext(&start_);
  std::abort();
}

}  // namespace herald::model
