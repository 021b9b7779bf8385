// Mailbox, bell: tells the owner of a mailbox that there is something in it.
//
// Threads: one dispatcher at a time announces; one owner at a time rests and sleeps.
// Invariants:
//  1. Announced means: there may be something. The dispatcher announces after it has put something
//     in; only the owner takes that back, after it has found nothing, and looks again then.
//  2. The waker counts the mailboxes that are announced: whoever changes to announced adds one,
//     whoever changes from it takes one off.
//  3. An owner sleeps only while it is asleep in state_; whoever changes that wakes it.
//  4. The owner may have taken more than has been announced: what follows is announced later.
// Synchronization:
//  [B3] the dispatcher stores published_, then loads state_; the owner stores state_, then loads
//       published_: the race in base/fence.h. All four are seq_cst: the dispatcher pays for it once
//       a batch, and a membarrier each time that an owner finds nothing would cost more.
// Bounds: one system call at most for each announcement, none while the owner is awake (the
//   waker's own apart).
#pragma once

#include <atomic>
#include <cstdint>

namespace herald::core {

/// `Waker`: add() and remove() one mailbox with something in it.
template <typename Atomics, typename Waker>
class MailboxBell {
 public:
  using Position = std::uint64_t;

  // Dispatcher.

  /// As the last position: there will always be something, the end.
  static constexpr Position kEnded = UINT64_MAX;

  /// All before `tail` has been put in.
  void announce(Position tail) noexcept {
    publish(tail);
    // seq_cst: [B3]
    if (state_.load(std::memory_order_seq_cst) != kAnnounced) {
      raise();
    }
  }

  // Owner.

  /// The owner has found nothing at `next`. Whether it must look again.
  [[nodiscard]] bool rest(Position next) noexcept {
    // Relaxed: only the owner changes it from announced.
    if (state_.load(std::memory_order_relaxed) != kAnnounced) {
      return false;
    }
    state_.store(kIdle, std::memory_order_seq_cst);  // seq_cst: [B3]
    if (waker_ != nullptr) {
      waker_->remove();
    }
    const bool more = published() > next;
    if (more) {
      raise();
    }
    return more;
  }
  /// Sleeps until announced or `deadline_ns` on CLOCK_MONOTONIC (false); may return early.
  /// Requires: rest() has said no.
  bool sleep(std::int64_t deadline_ns) noexcept {
    std::uint32_t seen = kIdle;
    // seq_cst: [B3], as the store in rest(). One try: whoever else writes, announces.
    if (!state_.compare_exchange_strong(seen, kAsleep, std::memory_order_seq_cst,
                                        std::memory_order_relaxed)) {
      return true;
    }
    const bool in_time = Atomics::futex_wait(state_, kAsleep, deadline_ns);
    seen = kAsleep;
    // Relaxed: what was announced is looked at next, with acquire. As above.
    state_.compare_exchange_strong(seen, kIdle, std::memory_order_relaxed,
                                   std::memory_order_relaxed);
    return in_time || seen == kAnnounced;
  }

  // Owner and dispatcher both outside.

  /// `waker` outlives the bell, or its last call.
  void set_waker(Waker* waker) noexcept {
    const bool announced = state_.load(std::memory_order_relaxed) == kAnnounced;  // nobody writes
    if (waker_ != nullptr && announced) {
      waker_->remove();
    }
    waker_ = waker;
    if (waker_ != nullptr && announced) {
      waker_->add();
    }
  }

 private:
  static constexpr std::uint32_t kIdle = 0;
  static constexpr std::uint32_t kAnnounced = 1;
  static constexpr std::uint32_t kAsleep = 2;

  void raise() noexcept {
    // seq_cst: [B3]. One exchange: of the two sides, one changes it.
    const std::uint32_t before = state_.exchange(kAnnounced, std::memory_order_seq_cst);
    if (before == kAsleep) {
      Atomics::futex_wake_all(state_);
    }
    if (before != kAnnounced && waker_ != nullptr) {
      waker_->add();
    }
  }

  // seq_cst: [B3]
  void publish(Position tail) noexcept { published_.store(tail, std::memory_order_seq_cst); }
  // seq_cst: [B3]
  [[nodiscard]] Position published() const noexcept {
    return published_.load(std::memory_order_seq_cst);
  }

  typename Atomics::template Atomic<Position> published_{0};
  typename Atomics::template Atomic<std::uint32_t> state_{kIdle};
  Waker* waker_ = nullptr;
};

}  // namespace herald::core
