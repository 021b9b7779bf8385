// Mailbox, members: whoever gets events from a mailbox, its own subscription and those that
// deliver on it; and what follows when one leaves: no call of it starts, its callable is destroyed,
// those who wait for that are told.
#include "core/mailbox/mailbox_members.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace herald::core {

// Coming.

MailboxMembers::Added MailboxMembers::add(Member member, std::size_t most) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(members_, [](const Member& each) {
    return each->mail->is_gone() && each->mail->queued() == 0;
  });
  if (closed_) {
    return Added::kClosed;
  }
  if (members_.size() >= most) {
    return Added::kFull;
  }
  if (member.get() != own_) {
    has_others_.store(true, std::memory_order_relaxed);  // Relaxed: before any event of it.
  }
  members_.push_back(std::move(member));
  return Added::kYes;
}

std::vector<MailboxMembers::Member> MailboxMembers::all() const {
  const std::scoped_lock lock(mutex_);
  return members_;
}

std::uint64_t MailboxMembers::queued() const noexcept {
  const std::scoped_lock lock(mutex_);
  std::uint64_t sum = 0;
  for (const Member& member : members_) {
    sum += member->mail->queued();
  }
  return sum;
}

// Leaving.

bool MailboxMembers::leave(const Member& member, std::function<void()> done) {
  {
    const std::scoped_lock lock(mutex_);
    if (!member->mail->finished) {
      leavers_.push_back({member, std::move(done)});
      done = nullptr;
    }
  }
  if (running_call_.cancel(*member->mail)) {
    return false;
  }
  finish(*member);
  if (done != nullptr) {
    done();
  }
  return true;
}

void MailboxMembers::leave_all(bool waits) noexcept {
  for (const Member& member : close()) {
    if (member.get() == own_) {
      continue;
    }
    leave(member, nullptr);
    if (waits) {
      await_end(*member, base::NativeAtomics::kNoDeadline);
    }
  }
}

std::vector<MailboxMembers::Member> MailboxMembers::close() noexcept {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  return members_;
}

// What a callable owns may come here while it is being destroyed.
bool MailboxMembers::await_end(const Attachment& member, std::int64_t deadline_ns) noexcept {
  return member.mail->is_finished_here() || member.mail->end.await(deadline_ns);
}

void MailboxMembers::forget() noexcept {
  std::vector<Member> forgotten;  // destroyed without the lock
  const std::scoped_lock lock(mutex_);
  forgotten.swap(members_);
}

void MailboxMembers::finish(Attachment& member) noexcept {
  if (member.mail->end.done()) {
    return;
  }
  const Member keep = member.shared_from_this();
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(member.mail->finishing, true)) {
      return;
    }
  }
  member.mail->begin_to_finish();
  member.destroy_callable();
  member.mail->end.complete();
  run_leavers(member);
}

// Those who come while these run find it finished, or are run as well.
void MailboxMembers::run_leavers(const Attachment& member) {
  for (std::vector<Leaver> leavers = take_leavers(member); !leavers.empty();
       leavers = take_leavers(member)) {
    for (const Leaver& leaver : leavers) {
      if (leaver.done != nullptr) {
        leaver.done();
      }
    }
  }
}

// None: then it is finished.
std::vector<MailboxMembers::Leaver> MailboxMembers::take_leavers(const Attachment& member) {
  const std::scoped_lock lock(mutex_);
  const auto own = std::partition(leavers_.begin(), leavers_.end(),
                                  [&](const Leaver& each) { return each.member.get() != &member; });
  std::vector<Leaver> leavers(std::make_move_iterator(own),
                              std::make_move_iterator(leavers_.end()));
  leavers_.erase(own, leavers_.end());
  member.mail->finished = leavers.empty();
  return leavers;
}

}  // namespace herald::core
