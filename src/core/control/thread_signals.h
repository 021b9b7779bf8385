// Control, threads: which signals are blocked on the threads of a bus.
#pragma once

#include <csignal>

namespace herald::core {

/// All but those that a fault raises in the thread itself: blocked, they would end the process
/// without the host's handler.
inline sigset_t signals_of_others() noexcept {
  sigset_t set;
  sigfillset(&set);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
    sigdelset(&set, fault);
  }
  return set;
}

}  // namespace herald::core
