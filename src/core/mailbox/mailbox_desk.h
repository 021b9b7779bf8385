// Mailbox, desk: which mailboxes are to be announced, are waited for, or have to go.
//
// Threads: the holder of the dispatch right.
// Invariants:
//  1. A mailbox is known here from its first receiver's attachment to its last one's leaving, so
//     those receivers, which are in the table, keep it alive.
//  2. Whoever delivers (a batch, a deadline, late joiners) announces before it does anything else,
//     so between those nothing is dirty.
// Bounds: the number of mailboxes; no memory is asked for but by attach().
#pragma once

#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "core/mailbox/mailbox_core.h"
#include "core/subscriber/attachment.h"
#include "herald/event.h"

namespace herald::core {

class MailboxDesk {
 public:
  /// Sets `untidy` when a mailbox has to go.
  explicit MailboxDesk(bool& untidy) noexcept : untidy_(&untidy) {}

  void attach(Attachment& receiver) {
    MailboxCore& mailbox = *receiver.mail->mailbox;
    if (mailbox.receivers().empty()) {
      all_.push_back(&mailbox);
      dirty_.reserve(all_.size());
      failed_.reserve(all_.size());
      if (mailbox.blocks()) {
        blocking_.push_back(&mailbox);
      }
    }
    mailbox.attach(receiver, *this);
    note_types();
  }
  void detach(Attachment& receiver) noexcept {
    MailboxCore& mailbox = *receiver.mail->mailbox;
    announce();  // It may be dirty, and unknown from now on.
    mailbox.detach(receiver);
    if (mailbox.receivers().empty()) {
      std::erase(all_, &mailbox);
      std::erase(blocking_, &mailbox);
      std::erase(failed_, &mailbox);
    }
    held_up_by_ = nullptr;  // Whatever waits is looked at anew.
    note_types();
  }

  /// The end of all.
  void clear() noexcept {
    HERALD_ASSERT(dirty_.empty(), "the owner of a mailbox was not told: a bug in Herald");
    for (MailboxCore* mailbox : all_) {
      mailbox->clear();
    }
    *this = MailboxDesk(*untidy_);
  }

  // What has been put in.

  void note_dirty(MailboxCore& mailbox) noexcept {
    if (!mailbox.is_dirty) {
      mailbox.is_dirty = true;
      dirty_.push_back(&mailbox);
    }
  }
  /// Tells the owners of all that has been put in since the last time.
  void announce() noexcept {
    for (MailboxCore* mailbox : dirty_) {
      mailbox->is_dirty = false;
      mailbox->announce();
    }
    dirty_.clear();
  }

  // Room.

  /// Types of which an event may have to wait for room.
  [[nodiscard]] std::uint64_t blocking_types() const noexcept { return blocking_types_; }
  /// Whether the event must wait. Whoever makes room rings the doorbell then.
  [[nodiscard]] bool holds_up(const Event& event) noexcept {
    return blocking_types_ != 0 && ((blocking_types_ >> event.type_index()) & 1U) != 0 && is_full();
  }
  /// Whether the event that had to wait last still must.
  [[nodiscard]] bool is_held_up() const noexcept {
    return held_up_by_ != nullptr && !held_up_by_->has_room();
  }

  // Those that are full for good.

  void note_failed(MailboxCore& mailbox) noexcept {
    failed_.push_back(&mailbox);
    *untidy_ = true;
  }
  /// One of those; null if there is none. It stays one until its receivers are detached.
  [[nodiscard]] MailboxCore* failed() const noexcept {
    return failed_.empty() ? nullptr : failed_.back();
  }

 private:
  // Of any blocking mailbox, whatever its filter: all wait for all.
  [[nodiscard]] bool is_full() noexcept {
    held_up_by_ = nullptr;
    for (MailboxCore* mailbox : blocking_) {
      if (!mailbox->has_room()) {
        held_up_by_ = mailbox;
        return true;
      }
    }
    return false;
  }
  void note_types() noexcept {
    blocking_types_ = 0;
    for (const MailboxCore* mailbox : blocking_) {
      for (const Attachment* receiver : mailbox->receivers()) {
        blocking_types_ |= receiver->filter().types.bits();
      }
    }
  }

  bool* untidy_;
  std::vector<MailboxCore*> all_;
  std::vector<MailboxCore*> dirty_;
  std::vector<MailboxCore*> blocking_;
  std::uint64_t blocking_types_ = 0;
  MailboxCore* held_up_by_ = nullptr;
  std::vector<MailboxCore*> failed_;
};

}  // namespace herald::core
