// Subscriber, mail receiver: what an attachment that delivers on a mailbox has besides.
//
// Threads: each counter has one writer at a time, the dispatcher or the drainer, as grouped.
// Invariants: offered = entered + conflated + refused, and
//   entered = delivered + detach_dropped + taken_back + what is inside.
// Synchronization:
//  [B8] the dispatcher stores that it is gone with release / loaded with acquire before the
//       counters tell whether something is inside.
//  [B9] that a gap waits is stored with release after it was noted, before the event behind it is
//       put in / loaded with acquire.
//  [Q1] each counter is stored with release after what it counts / loaded with acquire.
// Bounds: a gap for each event of the ring that was too large, and each time it is overtaken, until
//   it is live; no more than are not yet told.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/atomics.h"
#include "base/single_writer_counter.h"
#include "core/control/dispatch_right.h"
#include "herald/notice.h"
#include "herald/subscription.h"

namespace herald::core {

class MailboxCore;

struct MailReceiver {
  explicit MailReceiver(std::shared_ptr<MailboxCore> to) : mailbox(std::move(to)) {}

  [[nodiscard]] std::uint64_t overflow_dropped() const noexcept {
    return refused.get() + taken_back.get();
  }
  /// Events that have left the queue, of those that entered.
  [[nodiscard]] std::uint64_t consumed() const noexcept {
    return delivered.get() + detach_dropped.get() + taken_back.get();
  }
  /// Never too few: what has left is read first.
  [[nodiscard]] std::uint64_t queued() const noexcept {
    const std::uint64_t left = consumed();
    return entered.get() - left;
  }

  void fill(SubscriptionStats& stats) const {
    stats.queued = queued();
    stats.delivered = delivered.get();
    stats.exceptions = exceptions.get();
    stats.overflow_dropped = overflow_dropped();
    stats.conflated = conflated.get();
    stats.detach_dropped = detach_dropped.get();
  }

  // Gaps in the replay that are not told yet. A lock, since they are seldom: it is held for the
  // moves of one gap.

  /// The dispatcher's: the gap comes behind what has entered.
  void note_gap(const Gap& gap) {
    const std::scoped_lock lock(gaps_mutex_);
    gaps_.push_back({gap, entered.get()});
    // [B9] release: pairs with take_gap().
    gaps_waiting_.store(gaps_.size(), std::memory_order_release);
  }
  /// The drainer's: the next, if all before it has been given.
  [[nodiscard]] std::optional<Gap> take_gap() {
    // [B9] acquire: who sees an event behind the gap sees that there is one.
    if (gaps_waiting_.load(std::memory_order_acquire) == 0) [[likely]] {
      return std::nullopt;
    }
    const std::scoped_lock lock(gaps_mutex_);
    if (gaps_.empty() || gaps_.front().entered_before > consumed()) {
      return std::nullopt;
    }
    const Gap gap = gaps_.front().gap;
    gaps_.pop_front();
    gaps_waiting_.store(gaps_.size(), std::memory_order_relaxed);  // Relaxed: read here only.
    return gap;
  }

  /// By the one thread that destroys the callable.
  void begin_to_finish() noexcept {
    // Relaxed: it means something only to the thread that wrote it.
    finisher_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  /// Whether this thread is that one. Relaxed: as above.
  [[nodiscard]] bool is_finished_here() const noexcept {
    return finisher_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  /// [B8] release: nothing of it enters any more; pairs with is_gone().
  void set_gone() noexcept { gone_.store(true, std::memory_order_release); }
  /// [B8] acquire: the counters then say what is inside; pairs with set_gone().
  [[nodiscard]] bool is_gone() const noexcept { return gone_.load(std::memory_order_acquire); }

  const std::shared_ptr<MailboxCore> mailbox;
  std::atomic<bool> cancelled{false};  // see running_call.h
  Command<base::NativeAtomics> end;    // its callable is destroyed
  bool finishing = false;              // these two: guarded by MailboxMembers
  bool finished = false;

  // The dispatcher's.
  base::PublishedCounter entered;  // the queue; one that replaces another does not count again
  base::PublishedCounter conflated;
  base::PublishedCounter refused;     // dropped for want of room
  base::PublishedCounter taken_back;  // dropped for another

  // The drainer's.
  base::PublishedCounter delivered;
  base::PublishedCounter detach_dropped;
  base::PublishedCounter exceptions;
  std::uint64_t told = 0;  // of overflow_dropped()

 private:
  std::atomic<bool> gone_{false};
  std::atomic<std::thread::id> finisher_{};

  struct PendingGap {
    Gap gap;
    std::uint64_t entered_before;
  };
  std::mutex gaps_mutex_;
  std::deque<PendingGap> gaps_;
  std::atomic<std::size_t> gaps_waiting_{0};
};

}  // namespace herald::core
