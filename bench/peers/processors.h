// Which processors the threads of a measurement stay on: the same for every system.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <vector>

namespace peers {

/// Keeps the calling thread on a processor. Threads that it makes later stay there, too.
inline void stay_on(unsigned processor) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/// Those this process may use: the last is the dispatcher's, the others the publishers', in turn.
class Processors {
 public:
  Processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    for (unsigned processor = 0; processor < CPU_SETSIZE; ++processor) {
      if (CPU_ISSET(processor, &set)) {
        allowed_.push_back(processor);
      }
    }
  }

  [[nodiscard]] bool several() const noexcept { return allowed_.size() > 1; }
  [[nodiscard]] unsigned dispatcher() const noexcept { return allowed_.back(); }
  [[nodiscard]] unsigned publisher(unsigned number) const noexcept {
    return allowed_[several() ? number % (allowed_.size() - 1) : 0];
  }

 private:
  std::vector<unsigned> allowed_;
};

}  // namespace peers
