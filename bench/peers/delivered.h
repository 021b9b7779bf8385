// How much a system has delivered: told by the thread that delivers to the one that waits for it.
#pragma once

#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>

namespace peers {

class Delivered {
 public:
  /// By the thread that delivers. The subscribers' tallies are visible to whoever has waited.
  void tell(std::uint64_t count) noexcept {
    count_.store(count, std::memory_order_release);  // release: pairs with seen()
  }

  /// Ends the program, as a check that failed, if nothing more comes: an event was lost.
  void await(std::uint64_t wanted) const {
    constexpr std::chrono::seconds kPatience(5);
    std::uint64_t last = 0;
    auto end = std::chrono::steady_clock::now() + kPatience;
    for (std::uint64_t count = seen(); count < wanted; count = seen()) {
      const auto now = std::chrono::steady_clock::now();
      if (count != last) {
        last = count;
        end = now + kPatience;
      } else if (now > end) {
        std::cerr << "peer_bench: " << wanted - count << " of " << wanted << " never came\n";
        std::_Exit(1);  // other threads are in the middle of things
      }
      sched_yield();
    }
  }

 private:
  [[nodiscard]] std::uint64_t seen() const noexcept {
    return count_.load(std::memory_order_acquire);  // acquire: pairs with tell()
  }

  alignas(64) std::atomic<std::uint64_t> count_{0};
};

}  // namespace peers
