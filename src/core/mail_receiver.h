// Stage 7, mail receiver: what an attachment that delivers on a mailbox has besides.
//
// Threads: each counter has one writer at a time, the dispatcher or the drainer, as grouped.
// Invariants: offered = entered + conflated + refused, and
//   entered = delivered + detach_dropped + taken_back + what is inside.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/atomics.h"
#include "core/dispatch_right.h"
#include "core/single_writer_counter.h"
#include "herald/notice.h"
#include "herald/subscription.h"

namespace herald::core {

class MailboxCore;

struct MailReceiver {
  explicit MailReceiver(std::shared_ptr<MailboxCore> to) : mailbox(std::move(to)) {}
  ~MailReceiver() { static_cast<void>(take_gap()); }

  [[nodiscard]] std::uint64_t overflow_dropped() const noexcept {
    return refused.get() + taken_back.get();
  }
  [[nodiscard]] std::uint64_t queued() const noexcept {
    const std::uint64_t left = delivered.get() + detach_dropped.get();  // before what they are of
    return entered.get() - taken_back.get() - left;
  }

  void fill(SubscriptionStats& stats) const {
    stats.queued = queued();
    stats.delivered = delivered.get();
    stats.exceptions = exceptions.get();
    stats.overflow_dropped = overflow_dropped();
    stats.conflated = conflated.get();
    stats.detach_dropped = detach_dropped.get();
  }

  // A gap in the replay that is not told yet: one, which the next extends.

  /// The dispatcher's. [B9] release: the gap is written; pairs with take_gap().
  void note_gap(const Gap& gap) {
    auto noted = std::make_unique<Gap>(gap);
    if (const std::unique_ptr<Gap> untold = take_gap(); untold != nullptr) {
      noted->requested = untold->requested;
    }
    gap_.store(noted.release(), std::memory_order_release);
  }
  /// The drainer's; null if there is none. [B9] acquire: pairs with note_gap().
  [[nodiscard]] std::unique_ptr<Gap> take_gap() noexcept {
    // Relaxed: seen late, it is told before the event that came after it, which is acquired.
    return gap_.load(std::memory_order_relaxed) == nullptr
               ? nullptr
               : std::unique_ptr<Gap>(gap_.exchange(nullptr, std::memory_order_acquire));
  }

  /// [B8] release: nothing of it enters any more; pairs with is_gone().
  void set_gone() noexcept { gone_.store(true, std::memory_order_release); }
  /// [B8] acquire: the counters then say what is inside; pairs with set_gone().
  [[nodiscard]] bool is_gone() const noexcept { return gone_.load(std::memory_order_acquire); }

  const std::shared_ptr<MailboxCore> mailbox;
  std::atomic<bool> cancelled{false};  // see running_call.h
  Command<base::NativeAtomics> end;    // its callable is destroyed
  bool finishing = false;              // these two: guarded by the mailbox's mutex
  bool finished = false;

  // The dispatcher's.
  SingleWriterCounter entered;  // the queue; one that replaces another does not count again
  SingleWriterCounter conflated;
  SingleWriterCounter refused;     // dropped for want of room
  SingleWriterCounter taken_back;  // dropped for another

  // The drainer's.
  SingleWriterCounter delivered;
  SingleWriterCounter detach_dropped;
  SingleWriterCounter exceptions;
  std::uint64_t told = 0;  // of overflow_dropped()

 private:
  std::atomic<bool> gone_{false};
  std::atomic<Gap*> gap_{nullptr};  // owned
};

}  // namespace herald::core
