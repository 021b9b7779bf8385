// How long a thread could have run and had no processor, because another thread had it.
//
// Threads: one object a thread that looks, at itself or at another.
// Source: the second number of /proc/thread-self/schedstat (Linux, Documentation/scheduler/
//   sched-stats.rst): nanoseconds spent waiting on a run queue. A hypervisor that stops the
//   processor does not add to it: for the kernel the thread was running. A wait is added when it is
//   over.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace herald::base {

class RunDelay {
 public:
  static constexpr std::int64_t kUnknown = -1;

  RunDelay() noexcept : file_(open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}
  /// Of a thread of this process, as gettid() numbers it. Allocates nothing.
  explicit RunDelay(pid_t thread) noexcept : file_(open_of(thread)) {}
  ~RunDelay() {
    if (known()) {
      close(file_);
    }
  }
  RunDelay(const RunDelay&) = delete;
  RunDelay& operator=(const RunDelay&) = delete;

  /// Whether this kernel tells.
  [[nodiscard]] bool known() const noexcept { return file_ >= 0; }
  /// Since the thread began; kUnknown if this kernel does not tell. Cost: a system call, some
  /// 1 us.
  [[nodiscard]] std::int64_t read_ns() const noexcept {
    char text[96];
    const ssize_t size = known() ? pread(file_, text, sizeof(text) - 1, 0) : 0;
    if (size <= 0) {
      return kUnknown;
    }
    text[size] = '\0';
    char* second = nullptr;
    static_cast<void>(std::strtoll(text, &second, 10));  // the time that it ran
    return std::strtoll(second, nullptr, 10);
  }

 private:
  static int open_of(pid_t thread) noexcept {
    char path[64];
    std::snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", static_cast<int>(thread));
    return open(path, O_RDONLY | O_CLOEXEC);
  }

  const int file_;
};

}  // namespace herald::base
