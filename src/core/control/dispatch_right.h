// Control: the right to dispatch, and the commands that reach whoever holds it.
//
// The subscriber table, the middleware chain and the list of lanes belong to one thread at a time:
// the holder of the dispatch right. Others change them by commands. A command runs on its own
// thread if the right is free, else on the holder's, which looks for commands after each drain and
// between events.
//
// Threads: any thread submits; one at a time holds.
// Invariants:
//  1. At most one thread holds the right, and only it runs commands.
//  2. Commands of one thread run in the order of its submits; each runs exactly once.
//  3. After submit() has returned, the command has run or there is a holder who will look for
//     commands before it is rid of the right. So nobody needs to be woken for a command. What is
//     left by leave() waits for the next holder, if there is none.
//  4. A command submitted before an event was published is seen by the dispatcher that takes this
//     event, if it looks for commands after the drain.
// Synchronization:
//  [C1] a command is pushed with release / the stack is taken with acquire: the holder sees what
//       the command carries.
//  [C2] the right is released with release / acquired with acquire: holders see each other's work.
//  [C3] submit() pushes, then tries to acquire; release() frees, then looks for commands: both
//       store then load, so all four accesses are seq_cst, and one of the two finds the other.
//  [C4] complete() stores with release / done() loads with acquire: the waiter sees the effect.
// Bounds: the commands are embedded in what they concern; pushing allocates nothing.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/cache_line.h"

namespace herald::core {

/// An order to the holder of the right. Embedded in the object it concerns, which must live until
/// it has run; it can be submitted again afterwards.
template <typename Atomics>
struct Command {
  Command* next = nullptr;

  // Completion, for those who wait for it.

  static constexpr std::uint32_t kPending = 0;
  static constexpr std::uint32_t kAwaited = 1;  // somebody sleeps
  static constexpr std::uint32_t kDone = 2;

  /// [C4] acquire: pairs with complete().
  [[nodiscard]] bool done() const noexcept {
    return state.load(std::memory_order_acquire) == kDone;
  }

  /// Sleeps until done, or `deadline_ns` on CLOCK_MONOTONIC (false). May be called by several.
  bool await(std::int64_t deadline_ns) noexcept {
    std::uint32_t seen = kPending;
    // [C4] acquire: if it is done already. One try: whoever else writes, writes kAwaited or kDone.
    state.compare_exchange_strong(seen, kAwaited, std::memory_order_acquire,
                                  std::memory_order_acquire);
    while (!done()) {
      if (!Atomics::futex_wait(state, kAwaited, deadline_ns)) {
        return done();
      }
    }
    return true;
  }

  /// By the holder, as the last thing it does to the command; the owner keeps the command alive
  /// until complete() has returned. [C4] release: pairs with done(); one exchange, no loop.
  void complete() noexcept {
    if (state.exchange(kDone, std::memory_order_release) == kAwaited) {
      Atomics::futex_wake_all(state);
    }
  }

  typename Atomics::template Atomic<std::uint32_t> state{kPending};
};

/// `Holder` runs commands: `run(Command&)`, on the thread that holds the right.
template <typename Atomics, typename Holder>
class DispatchRight {
 public:
  using Order = Command<Atomics>;

  explicit DispatchRight(Holder& holder) noexcept : holder_(holder) {}
  DispatchRight(const DispatchRight&) = delete;
  DispatchRight& operator=(const DispatchRight&) = delete;

  /// Hands the command over; runs it, and others, at once if the right is free. Lock-free.
  void submit(Order& order) noexcept {
    push(order);
    if (try_acquire()) {
      run_commands();
      release();
    }
  }

  /// Hands the command over to whoever holds the right, now or next; nobody is told to. So it is
  /// for what may wait until somebody dispatches. Lock-free.
  void leave(Order& order) noexcept { push(order); }

  /// False if another thread holds the right. Never waits.
  [[nodiscard]] bool try_acquire() noexcept {
    bool free = false;
    // seq_cst: [C3], also when it fails, and [C2] acquire. One try; a flag has no ABA.
    return held_.compare_exchange_strong(free, true, std::memory_order_seq_cst,
                                         std::memory_order_seq_cst);
  }

  /// Waits for the right. Others hold it for the moment of a command, or because they dispatch.
  void acquire() noexcept {
    while (!try_acquire()) {
      Atomics::yield();
    }
  }

  /// Gives the right back, but not while a command waits. Lock-free: it goes round again only for
  /// commands that came meanwhile.
  void release() noexcept {
    do {
      give_back();
    } while (!empty() && try_acquire_and_run());
  }

  // By the holder.

  /// Whether commands wait. One load of a line that is written only with commands.
  [[nodiscard]] bool pending() const noexcept {
    return first_.load(std::memory_order_acquire) != nullptr;  // [C1] acquire
  }

  /// Runs the commands that wait, in the order of their submits.
  void run_commands() noexcept {
    Order* order = in_order(take_all());
    while (order != nullptr) {
      Order* next = order->next;  // before run(): the command may be gone or submitted again after
      holder_.run(*order);
      order = next;
    }
  }

  /// For the parking dispatcher's last look. seq_cst: the heavy side's load of [P1].
  [[nodiscard]] bool empty() const noexcept {
    return first_.load(std::memory_order_seq_cst) == nullptr;
  }

 private:
  // seq_cst: [C3], and [C1] release. A lock-free stack; only take_all() removes, so the head that
  // is compared is never a reused one that matters: whatever it is, it is the next of the new head.
  void push(Order& order) noexcept {
    Order* head = first_.load(std::memory_order_relaxed);  // Stale: the exchange corrects it.
    do {
      order.next = head;
    } while (!first_.compare_exchange_weak(head, &order, std::memory_order_seq_cst,
                                           std::memory_order_relaxed));
  }

  // [C1] acquire: pairs with push().
  [[nodiscard]] Order* take_all() noexcept {
    if (!pending()) [[likely]] {
      return nullptr;
    }
    return first_.exchange(nullptr, std::memory_order_acquire);
  }

  [[nodiscard]] static Order* in_order(Order* last) noexcept {
    Order* first = nullptr;
    while (last != nullptr) {
      Order* before = last->next;
      last->next = first;
      first = last;
      last = before;
    }
    return first;
  }

  // seq_cst: [C3], and [C2] release.
  void give_back() noexcept { held_.store(false, std::memory_order_seq_cst); }

  bool try_acquire_and_run() noexcept {
    if (!try_acquire()) {
      return false;
    }
    run_commands();
    return true;
  }

  Holder& holder_;
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<Order*> first_{nullptr};
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<bool> held_{false};
};

}  // namespace herald::core
