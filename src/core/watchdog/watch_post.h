// Watchdog: where the dispatching thread and its sampler meet.
//
// Threads: the holder of the dispatch right; the sampler, where it says so.
// Invariants:
//  1. activity_ is odd while a round has events or a deadline in hand, and changes with each such
//     round. It is even and stays so while nothing is dispatched.
//  2. The sampler sleeps without a deadline only if it has armed the spot and then found activity_
//     even and unchanged. Whoever begins a round after that look rings, so a round that begins
//     while the sampler sleeps wakes it.
//  3. The sampler hands its order over again only once it runs: the right has unlinked it then, and
//     of the order the holder touches nothing but its state. What it tells before it asks is
//     seen by whoever answers, or it hands the order over: nothing told is left without one.
// Synchronization: [P1] of base/parking.h: begin_work() stores activity_, then looks at the spot /
//   sleep_until_work() arms the spot, then loads activity_.
//  [W4] answered() and ask() exchange asked_ with acquire and release: whichever comes second knows
//       what the other did before: that the order runs, or the report. is_asked() loads with
//       acquire.
// Bounds: that of the ring. Cost of a round: some plain moves (an exchange where the process has no
//   membarrier), and a system call if the sampler sleeps: after LookPace::kRestNs without a round.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "base/fence.h"
#include "base/parking.h"
#include "core/control/order.h"
#include "core/watchdog/stay_ring.h"

namespace herald::core {

class WatchPost {
 public:
  using Activity = std::uint64_t;

  /// `watched`: whether there is a sampler. Without one a round costs two untaken branches.
  WatchPost(base::FenceMode mode, bool watched) noexcept
      : mode_(mode), watched_(watched), rests_(watched), spot_(mode) {}

  // The holder.

  /// Before the first callback of a round, and later ones. Whether it is the first.
  bool begin_work() noexcept {
    if (!rests_) {
      return false;
    }
    rests_ = false;
    thread_.store(this_thread(), std::memory_order_relaxed);  // Relaxed: part of a stay.
    Race::light_store(mode_, activity_, ++turns_);            // [P1] the light side's store
    spot_.notify();
    return true;
  }
  /// Whether a round is on: then this is the dispatching thread.
  [[nodiscard]] bool at_work() const noexcept { return watched_ && !rests_; }
  /// At the end of a round.
  void end_work() noexcept {
    if (!rests_ && watched_) {
      rests_ = true;
      // Relaxed: seen late, it keeps the sampler awake for a look longer.
      activity_.store(++turns_, std::memory_order_relaxed);
    }
  }
  /// Calls `visit(report)` for all that the sampler has told.
  template <typename Visit>
  void take(Visit&& visit) noexcept {
    ring_.take(visit);
  }
  // Relaxed: statistic only.
  [[nodiscard]] std::uint64_t looks() const noexcept {
    return looks_.load(std::memory_order_relaxed);
  }
  /// Whether the sampler's order waits. [W4] acquire: what it told is there.
  [[nodiscard]] bool is_asked() const noexcept { return asked_.load(std::memory_order_acquire); }
  /// The sampler's order runs; look at the reports after this. [W4]
  void answered() noexcept { asked_.exchange(false, std::memory_order_acq_rel); }
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);  // Relaxed: statistic only.
  }

  // The sampler.

  [[nodiscard]] StayRing& ring() noexcept { return ring_; }
  /// The thread of the last round. Relaxed: part of a stay.
  [[nodiscard]] std::int32_t thread() const noexcept {
    return thread_.load(std::memory_order_relaxed);
  }
  /// Relaxed: sleep_until_work() looks again.
  [[nodiscard]] Activity activity() const noexcept {
    return activity_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] static bool rests(Activity activity) noexcept { return activity % 2 == 0; }
  /// Leaves `order` for the holder, unless it waits already. Any holder runs it, now or later: it
  /// is run between two events if a round is on.
  template <typename Right>
  void ask(Right& right, Order& order) noexcept {
    if (!asked_.exchange(true, std::memory_order_acq_rel)) {  // [W4]
      right.leave(order);
    }
  }
  /// One writer.
  void count_look() noexcept {
    looks_.store(looks() + 1, std::memory_order_relaxed);  // Relaxed: statistic only.
  }
  void set_lost(std::uint64_t reports) noexcept {
    lost_.store(reports, std::memory_order_relaxed);  // Relaxed: statistic only.
  }
  /// Until `deadline_ns` on CLOCK_MONOTONIC, or stop().
  void pause(std::int64_t deadline_ns) noexcept {
    base::NativeAtomics::futex_wait(stopping_, 0, deadline_ns);
  }
  /// Until activity_ is no longer `seen`, or stop(); may also return without a reason.
  void sleep_until_work(Activity seen) noexcept {
    const Spot::Ticket ticket = spot_.prepare();
    if (Race::heavy_load(mode_, activity_) == seen && !stopping()) {
      spot_.sleep(ticket, base::NativeAtomics::kNoDeadline);
    }
  }
  // seq_cst: the spot's condition, [P1]: stop() stores, then loads the spot; sleep_until_work()
  // arms the spot, then loads this.
  [[nodiscard]] bool stopping() const noexcept {
    return stopping_.load(std::memory_order_seq_cst) != 0;
  }

  /// Any thread: the sampler is to end.
  void stop() noexcept {
    stopping_.store(1, std::memory_order_seq_cst);  // seq_cst: as in stopping().
    base::NativeAtomics::futex_wake_all(stopping_);
    spot_.notify();
  }

 private:
  using Race = base::StoreThenLoad<base::NativeAtomics>;
  using Spot = base::ParkingSpot<base::NativeAtomics>;

  [[nodiscard]] static std::int32_t this_thread() noexcept {
    thread_local std::int32_t id = 0;
    if (id == 0) [[unlikely]] {
      id = gettid();
    }
    return id;
  }

  const base::FenceMode mode_;
  const bool watched_;
  bool rests_;          // the holder's
  Activity turns_ = 0;  // the holder's: what activity_ is
  std::atomic<Activity> activity_{0};
  std::atomic<std::int32_t> thread_{0};
  std::atomic<bool> asked_{false};
  std::atomic<std::uint32_t> stopping_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> looks_{0};
  Spot spot_;
  StayRing ring_;
};

}  // namespace herald::core
