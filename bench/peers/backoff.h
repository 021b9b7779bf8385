// How a thread that polls passes the time.
#pragma once

#include <sched.h>

namespace peers {

inline void cpu_pause() noexcept { __builtin_ia32_pause(); }

/// For a publisher before a full queue: publishers that share a processor with others let them on.
class Backoff {
 public:
  void pause() noexcept {
    if (++turns_ % kTurnsBeforeYield == 0) {
      sched_yield();
    } else {
      cpu_pause();
    }
  }

 private:
  static constexpr unsigned kTurnsBeforeYield = 64;
  unsigned turns_ = 0;
};

}  // namespace peers
