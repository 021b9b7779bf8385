// Mailbox: takes events from the fan-out, gives them to whoever drains it: to the owner,
// or to the subscribers that deliver on it. Here: what the dispatcher does, and who may come.
#include "core/mailbox/mailbox_core.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/mailbox/mailbox_desk.h"
#include "core/runtime.h"

namespace herald::core {
MailboxCore::MailboxCore(std::shared_ptr<Runtime> runtime, MailboxOptions options,
                         base::FenceMode mode, Doorbell& doorbell)
    : runtime_(std::move(runtime)),
      options_(std::move(options)),
      mode_(mode),
      doorbell_(doorbell),
      types_(runtime_->types()),
      queue_(MailStore(Queue::nodes_for(options_.capacity_events)), options_.capacity_events),
      members_(mode),
      waker_(options_.waker) {
  bell_.set_waker(WakerCore::ready(waker_.get()));
  if (options_.overflow == MailboxOverflow::kConflate) {
    conflation_.emplace(options_.capacity_events);
  }
}

// Any thread.

std::size_t MailboxCore::size_bytes() const noexcept {
  return sizeof(*this) + queue_.size_bytes() + (conflation_ ? conflation_->size_bytes() : 0);
}

absl::Status MailboxCore::add_member(std::shared_ptr<Attachment> member) {
  using Added = MailboxMembers::Added;
  // [B5] acquire: as in step_when_empty().
  const bool ended = ended_.load(std::memory_order_acquire) != kOpen;
  const std::size_t most = blocks() ? capacity() : SIZE_MAX;
  switch (ended ? Added::kClosed : members_.add(std::move(member), most)) {
    case Added::kClosed:
      return absl::FailedPreconditionError("subscribe: deliver_on is a mailbox that has ended");
    case Added::kFull:
      return absl::ResourceExhaustedError(absl::StrCat(
          "subscribe: deliver_on is a mailbox with MailboxOverflow::kBlock that has a subscriber "
          "for each of its ",
          capacity(), " places; allowed: at most as many"));
    case Added::kYes:
      break;
  }
  return absl::OkStatus();
}

// The dispatcher.

void MailboxCore::attach(Attachment& receiver, MailboxDesk& desk) {
  desk_ = &desk;
  receivers_.push_back(&receiver);
}

void MailboxCore::detach(Attachment& receiver) noexcept {
  std::erase(receivers_, &receiver);
  receiver.mail->set_gone();
  if (blocks()) {
    doorbell_.notify();
  }
}

void MailboxCore::bury() noexcept {
  end(End::Reason::kClosed);
  advance(State::kDetached);
  if (take_turn()) {
    give_turn_up();
  }
}

void MailboxCore::clear() noexcept {
  for (Attachment* receiver : receivers_) {
    receiver->mail->set_gone();
  }
  receivers_.clear();
}

void MailboxCore::put(void* attachment, const Event& event) noexcept {
  auto& receiver = *static_cast<Attachment*>(attachment);
  receiver.mail->mailbox->put(receiver, event);
}

void MailboxCore::put(Attachment& receiver, const Event& event) noexcept {
  desk_->note_dirty(*this);
  if (has_ended_) {
    refuse(receiver);
    return;
  }
  if (conflation_.has_value() && conflate(receiver, event)) {
    return;
  }
  if (queue_.room(1) == 0 && !make_room(event)) {
    refuse(receiver);
    return;
  }
  receiver.mail->entered.add(1);
  queue_.push({event, &receiver}, takes_back() && is_terminal(event));
}

void MailboxCore::tell_gap(Attachment& receiver, const Gap& gap) noexcept {
  desk_->note_dirty(*this);
  receiver.mail->note_gap(gap);
  count(lost_);
}

bool MailboxCore::conflate(Attachment& receiver, const Event& event) noexcept {
  if (is_terminal(event)) {
    return false;
  }
  if (const Position* const at = conflation_->find(receiver, event); at != nullptr) {
    Mail mail{event, &receiver};
    if (queue_.replace(*at, mail)) {
      receiver.mail->conflated.add(1);
      return true;
    }
  }
  // Where it will be, if there is room. If there is none, nothing lies there.
  conflation_->note(receiver, event, queue_.tail(), queue_.first());
  return false;
}

// False if the event must not get in.
bool MailboxCore::make_room(const Event& event) noexcept {
  switch (options_.overflow) {
    case MailboxOverflow::kDropOldest:
    case MailboxOverflow::kConflate:
      break;
    case MailboxOverflow::kDropNewest:
      if (is_terminal(event)) {
        disconnect();
      }
      return false;
    case MailboxOverflow::kBlock:  // Room was waited for: as kDisconnect, should it ever lack.
    case MailboxOverflow::kDisconnect:
      disconnect();
      return false;
  }
  Mail oldest;
  switch (queue_.take_back(oldest)) {
    case TakenBack::kNothing:
      return true;
    case TakenBack::kKept:
      disconnect();
      return false;
    case TakenBack::kOldest:
      break;
  }
  oldest.receiver->mail->taken_back.add(1);
  count(taken_back_);
  count(lost_);
  return true;
}

void MailboxCore::refuse(Attachment& receiver) noexcept {
  receiver.mail->refused.add(1);
  count(lost_);
}

void MailboxCore::disconnect() noexcept {
  end(End::Reason::kDisconnected);
  desk_->note_failed(*this);
}

bool MailboxCore::is_terminal(const Event& event) const noexcept {
  const TypeRegistry::Entry* const type = types_.entry(event.type_index());
  return type != nullptr && type->terminal;
}

bool MailboxCore::has_room() noexcept {
  const std::size_t wanted = receivers_.size();
  if (queue_.room(wanted) >= wanted) {
    return true;
  }
  // [B7] It may be behind what room() has seen: then more than the capacity seem to be inside.
  const std::uint64_t out = Race::heavy_load(mode_, taken_out_);
  return queue_.tail() - out + wanted <= capacity();
}

void MailboxCore::announce() noexcept {
  if (!has_ended_) {
    bell_.announce(queue_.tail());
  }
}

void MailboxCore::end(End::Reason reason) noexcept {
  if (!std::exchange(has_ended_, true)) {
    // [B5] release: all that was put in before; pairs with step_when_empty().
    ended_.store(static_cast<std::uint8_t>(1 + static_cast<unsigned>(reason)),
                 std::memory_order_release);
    bell_.announce(Bell::kEnded);
  }
}

void MailboxCore::set_waker(std::shared_ptr<Waker> waker) noexcept {
  bell_.set_waker(WakerCore::ready(waker.get()));
  waker_ = std::move(waker);
}

}  // namespace herald::core
