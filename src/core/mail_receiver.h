// Stage 7, mail receiver: what an attachment that delivers on a mailbox has besides.
//
// Threads: each counter has one writer at a time, the dispatcher or the drainer, as grouped.
// Invariants: offered = entered + conflated + refused, and
//   entered = delivered + detach_dropped + taken_back + what is inside.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
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
  MailReceiver(std::shared_ptr<MailboxCore> to, std::function<void(const Notice&)> notice)
      : mailbox(std::move(to)), on_notice(std::move(notice)) {}

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

  /// [B8] release: nothing of it enters any more; pairs with is_gone().
  void set_gone() noexcept { gone_.store(true, std::memory_order_release); }
  /// [B8] acquire: the counters then say what is inside; pairs with set_gone().
  [[nodiscard]] bool is_gone() const noexcept { return gone_.load(std::memory_order_acquire); }

  const std::shared_ptr<MailboxCore> mailbox;
  std::function<void(const Notice&)> on_notice;  // ends with the callable
  std::atomic<bool> cancelled{false};            // see running_call.h
  Command<base::NativeAtomics> end;              // its callable is destroyed
  bool finishing = false;                        // these two: guarded by the mailbox's mutex
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
};

}  // namespace herald::core
