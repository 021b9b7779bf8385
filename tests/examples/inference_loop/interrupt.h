// Ctrl-C.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace inference_loop {

/// From now on no thread that this one starts, nor itself, is interrupted by SIGINT. To be called
/// before the first bus, which starts a thread.
void block_interrupt() noexcept;

/// Calls `action` for the first SIGINT, on a thread of its own, where anything may be done; the
/// second one ends the process. Requires: block_interrupt(); one at a time.
class InterruptWatch {
 public:
  explicit InterruptWatch(std::function<void()> action);
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  ~InterruptWatch();

  /// Whether it has come. True before the action begins.
  [[nodiscard]] bool came() const noexcept;

 private:
  void watch(const std::function<void()>& action);

  std::atomic<bool> came_{false};
  std::atomic<bool> leaving_{false};
  std::thread thread_;
};

}  // namespace inference_loop
