// A place to sleep until a condition that other threads make true; used by the dispatcher (no
// work), by publishers (no credit) and by callers that wait for a command.
//
// Threads: any number of sleepers, any number of notifiers.
// Use:     sleeper                                    notifier
//          loop: if (condition) break;                make the condition true
//                ticket = spot.prepare();             (light_store, or a seq_cst read-modify-write)
//                if (condition) break;                spot.notify();
//                spot.sleep(ticket, deadline);
//          `condition` after prepare() is read by StoreThenLoad::heavy_load.
//
// Invariants:
//  1. word_ = 2 x (number of wake-ups) + (1 if a sleeper has armed since the last wake-up).
//  2. A sleeper sleeps only while word_ holds the value that its own prepare() returned.
//  3. Whoever made the condition true after the sleeper's last look sees the armed bit and changes
//     the word; whoever did so before it is seen by that look (the race in fence.h). So no wake-up
//     is lost.
//  4. One wake-up clears the bit for all: of many notifiers one makes the system call.
//  5. Leaving without sleeping, by timeout or by signal needs no clean-up: a bit left armed costs
//     one wake-up that nobody needed.
// Synchronization:
//  [P1] prepare() arms the bit, then the condition is read / the condition is stored, then notify()
//       reads the bit: store-then-load, see fence.h.
//  [P2] notify() clears the bit with release / prepare() reads the word with acquire: a sleeper
//       that
//       arms after a wake-up sees the condition that caused it.
// Bounds: one word. 2^31 wake-ups between prepare() and sleep() of one sleeper would be needed for
//       it to oversleep a wake-up.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/fence.h"

namespace herald::base {

template <typename Atomics>
class ParkingSpot {
 public:
  using Ticket = std::uint32_t;
  using Race = StoreThenLoad<Atomics>;

  explicit ParkingSpot(FenceMode mode) noexcept : mode_(mode) {}
  ParkingSpot(const ParkingSpot&) = delete;
  ParkingSpot& operator=(const ParkingSpot&) = delete;

  // Sleepers.

  /// Announces a sleeper. The condition must be read again afterwards. With
  /// membarrier this costs 1 us alone, and an interrupt to each processor that runs this process:
  /// 1 us more, or 50 on a virtual machine that delivers interrupts slowly.
  [[nodiscard]] Ticket prepare() noexcept {
    const Ticket ticket = arm() | kArmed;
    Race::heavy_barrier(mode_);
    return ticket;
  }

  /// Sleeps until notified, until `deadline_ns`, or without a reason. False on timeout.
  bool sleep(Ticket ticket, std::int64_t deadline_ns) noexcept {
    return Atomics::futex_wait(word_, ticket, deadline_ns);
  }

  // Notifiers.

  /// Wakes all sleepers if there are any. Returns whether a system call was made. Cost: one load
  /// of a shared line while nobody sleeps, else about 2 us.
  bool notify() noexcept {
    const Ticket seen = armed_word();
    if ((seen & kArmed) == 0) [[likely]] {
      return false;
    }
    return wake(seen);
  }

 private:
  static constexpr Ticket kArmed = 1;

  // seq_cst: the heavy side's store of the race in fence.h. [P1] [P2] acquire part: pairs with
  // disarm().
  Ticket arm() noexcept { return word_.fetch_or(kArmed, std::memory_order_seq_cst); }

  // [P1] the light side's load.
  [[nodiscard]] Ticket armed_word() const noexcept { return Race::light_load(mode_, word_); }

  // [P2] release: the condition is seen by whoever arms next. Fails only if another notifier has
  // woken the sleepers since `seen` was read; a sleeper that armed again after that also looked
  // again, and found our condition: it is older than our load of `seen`. One try, no loop, no ABA
  // short of 2^31 wake-ups.
  bool disarm(Ticket seen) noexcept {
    return word_.compare_exchange_strong(seen, seen + 1, std::memory_order_release,
                                         std::memory_order_relaxed);
  }

  bool wake(Ticket seen) noexcept {
    if (!disarm(seen)) {
      return false;
    }
    Atomics::futex_wake_all(word_);
    return true;
  }

  typename Atomics::template Atomic<std::uint32_t> word_{0};
  const FenceMode mode_;
};

}  // namespace herald::base
