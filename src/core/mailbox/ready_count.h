// Mailbox, ready count: how many of the mailboxes of one waker have something in them; the waker's
// signal is set while that is not none.
//
// Threads: any.
// Invariants:
//  1. Who changes the count from or to none settles: it sets or clears the signal, and again until
//     the count was the same before and after. Others change nothing.
//  2. So the last to touch the signal has left it as the count was then, and whoever changed that
//     afterwards settles after it: at rest the signal agrees with the count.
// Synchronization: all accesses are seq_cst: one order of the count and the signal.
// Bounds: settle() goes round again only if another thread changed the count from or to none.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace herald::core {

/// `Signal`: set() and clear(), each a full barrier.
template <typename Atomics, typename Signal>
class ReadyCount {
 public:
  explicit ReadyCount(Signal signal) noexcept : signal_(std::move(signal)) {}

  void add() noexcept {
    if (count_.fetch_add(1, std::memory_order_seq_cst) == 0) {  // seq_cst: see above
      settle();
    }
  }
  void remove() noexcept {
    if (count_.fetch_sub(1, std::memory_order_seq_cst) == 1) {  // seq_cst: see above
      settle();
    }
  }

  [[nodiscard]] Signal& signal() noexcept { return signal_; }

 private:
  // seq_cst: see above
  [[nodiscard]] bool any() const noexcept { return count_.load(std::memory_order_seq_cst) != 0; }

  // Lock-free.
  void settle() noexcept {
    bool set = false;
    do {
      set = any();
      if (set) {
        signal_.set();
      } else {
        signal_.clear();
      }
    } while (any() != set);
  }

  typename Atomics::template Atomic<std::uint32_t> count_{0};
  Signal signal_;
};

}  // namespace herald::core
