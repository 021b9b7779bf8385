// Mailbox, members: whoever gets events from a mailbox, its own subscription and those that
// deliver on it; and what follows when one leaves: no call of it starts, its callable is destroyed,
// those who wait for that are told.
//
// Threads: begin_call() and end_call() by the drainer; the others by any thread.
// Invariants:
//  1. A member is called only between a begin_call() that is true and end_call(), so never after it
//     has left.
//  2. Its callable is destroyed once: by who removes it, or by the drainer if its call was running.
//     Whoever of them comes first does it for all; nobody else touches the callable any more.
//  3. Who wants to be told that it is finished either is told by who finishes it, or finds that it
//     is.
//  4. It stays until it is detached and none of its events is inside, or until forget(): it owns
//     the mailbox, which owns it.
// Synchronization: [K1], [K2] of running_call.h; a mutex for the rest, which the drainer takes only
//   for a loss or the end. It is not held while anything foreign runs.
// Bounds: by the number of subscriptions.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/atomics.h"
#include "base/fence.h"
#include "core/mailbox/running_call.h"
#include "core/subscriber/attachment.h"
#include "core/subscriber/mail_receiver.h"

namespace herald::core {

class MailboxMembers {
 public:
  using Member = std::shared_ptr<Attachment>;

  explicit MailboxMembers(base::FenceMode mode) noexcept : running_call_(mode) {}

  // Coming.

  enum class Added : std::uint8_t { kYes, kClosed, kFull };
  /// kFull: there are `most` already. Those that have left and have nothing inside go here as well.
  [[nodiscard]] Added add(Member member, std::size_t most);
  /// The mailbox's own, for which nothing is called; once, before it is added.
  void set_own(Attachment& own) noexcept { own_ = &own; }
  [[nodiscard]] Attachment* own() const noexcept { return own_; }
  /// Relaxed: older than any event and any loss of theirs, which the drainer has acquired.
  [[nodiscard]] bool has_others() const noexcept {
    return has_others_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::vector<Member> all() const;
  /// The events of all that are inside.
  [[nodiscard]] std::uint64_t queued() const noexcept;

  // Leaving.

  /// No call of `member` starts from now on; its callable is destroyed and `done` called, if there
  /// is one: now (true), or by the drainer after the call that is running.
  bool leave(const Member& member, std::function<void()> done);
  /// The same for all but the mailbox's own; nobody is added from now on.
  void leave_all(bool waits) noexcept;
  /// Until the callable of `member` is destroyed; false at `deadline_ns`. Not by who is at it.
  static bool await_end(const Attachment& member, std::int64_t deadline_ns) noexcept;
  /// Requires: none of their events is inside, and the caller keeps the mailbox, which they own.
  void forget() noexcept;

  // The drainer.

  /// False if it has left: it must not be called. end_call() follows in either case.
  [[nodiscard]] bool begin_call(Attachment& member) noexcept {
    return running_call_.begin(*member.mail);
  }
  void end_call(Attachment& member) noexcept {
    if (running_call_.end(*member.mail)) {
      finish(member);
    }
  }

 private:
  struct Leaver {
    Member member;
    std::function<void()> done;
  };

  [[nodiscard]] std::vector<Member> close() noexcept;
  void finish(Attachment& member) noexcept;
  void run_leavers(const Attachment& member);
  [[nodiscard]] std::vector<Leaver> take_leavers(const Attachment& member);

  Attachment* own_ = nullptr;
  std::atomic<bool> has_others_{false};  // members that are not its own
  RunningCall<base::NativeAtomics, MailReceiver> running_call_;

  mutable std::mutex mutex_;  // of these, and of what mail_receiver.h says
  std::vector<Member> members_;
  std::vector<Leaver> leavers_;
  bool closed_ = false;
};

}  // namespace herald::core
