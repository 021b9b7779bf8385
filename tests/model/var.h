// A plain variable of a model: two accesses to it, one of them a write, that are not ordered by
// happens-before are a data race, and end the execution.
#pragma once

#include <array>
#include <utility>

#include "model/fail.h"
#include "model/memory.h"
#include "model/scheduler.h"

namespace herald::model {

template <typename T>
class Var {
 public:
  Var() : Var(T{}) {}
  explicit Var(T value) : value_(std::move(value)), written_(now()) {}
  Var(const Var&) = delete;
  Var& operator=(const Var&) = delete;

  [[nodiscard]] const T& get() const {
    order_after(written_, "data race: read while written");
    read_[scheduler().running()] = now().clock;
    return value_;
  }
  void set(T value) {
    order_after(written_, "data race: written by two threads");
    for (ThreadId reader = 0; reader < kMaxThreads; ++reader) {
      order_after(Moment{reader, read_[reader]}, "data race: written while read");
    }
    written_ = now();
    value_ = std::move(value);
  }

 private:
  [[nodiscard]] static Moment now() { return scheduler().memory().now(scheduler().running()); }
  static void order_after(Moment moment, const char* race) {
    if (!scheduler().memory().knows(scheduler().running(), moment)) {
      fail(race);
    }
  }

  T value_;
  Moment written_;
  mutable std::array<Stamp, kMaxThreads> read_{};
};

}  // namespace herald::model
