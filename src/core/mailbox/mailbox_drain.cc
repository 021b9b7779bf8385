// Mailbox: takes events from the fan-out, gives them to whoever drains it: to the owner,
// or to the subscribers that deliver on it. Here: what the drainer does.
#include <algorithm>
#include <span>
#include <utility>

#include "base/exceptions.h"
#include "core/mailbox/drain_scope.h"
#include "core/mailbox/mailbox_core.h"
#include "core/runtime.h"
#include "core/subscriber/callback_guard.h"

namespace herald::core {
namespace {

void call_one(detail::Callback& callback, const Event& event) {
  if (callback.batch.function != nullptr) {
    callback.batch.function(callback.batch.object.get(), std::span(&event, 1));
  } else {
    callback.event.function(callback.event.object.get(), event);
  }
}

}  // namespace

bool MailboxCore::take_turn() noexcept { return !DrainScope::is_open(*this) && seize_turn(); }

// Once more if it was detached meanwhile: who did that may have found the turn taken.
void MailboxCore::give_turn_up() noexcept {
  bool cleaned = false;
  do {
    cleaned = state() == State::kDetached;
    if (cleaned) {
      clean();
    }
    release_turn();
  } while (!cleaned && state() == State::kDetached && seize_turn());
}

// With the turn, and nothing comes in any more.
void MailboxCore::clean() noexcept {
  discard();
  bell_.set_waker(nullptr);
  members_.forget();
}

MailboxCore::Step MailboxCore::step() {
  if (state() != State::kOpen) {
    discard();
    return {Step::What::kMail, false, End{End::Reason::kClosed}};
  }
  Mail mail;
  return next(mail) ? give(mail) : step_when_empty();
}

bool MailboxCore::has_more() const noexcept {
  return in_hand_.has_value() || !queue_.is_empty() || lost() != told_ ||
         ended_.load(std::memory_order_relaxed) != kOpen;  // Relaxed: the next step looks well.
}

bool MailboxCore::next(Mail& mail) noexcept {
  if (in_hand_.has_value()) {
    mail = *std::exchange(in_hand_, std::nullopt);
    return true;
  }
  if (!queue_.pop(mail)) {
    return false;
  }
  count_out();
  return true;
}

// One that waits for room is woken for an eighth, or when all is out: see step_when_empty().
void MailboxCore::count_out() noexcept {
  if (blocks()) {
    const Position out = queue_.next();
    Race::light_store(mode_, taken_out_, out);  // [B7]
    if (out % std::max<std::size_t>(capacity() / 8, 1) == 0) {
      doorbell_.notify();
    }
  }
}

MailboxCore::Step MailboxCore::give(Mail& mail) {
  if (!losses_are_counted()) {
    in_hand_ = std::move(mail);  // The dispatcher is at it, and announces what it does next.
    return {};
  }
  Attachment& receiver = *mail.receiver;
  if (const std::optional<Notice> notice = untold(receiver); notice.has_value()) {
    in_hand_ = std::move(mail);
    if (&receiver == members_.own()) {
      return own_notice(*notice);
    }
    tell(receiver, *notice);
    return {Step::What::kCalled, false, {}};
  }
  if (&receiver != members_.own()) {
    return {Step::What::kCalled, call(receiver, mail.event), {}};
  }
  receiver.mail->delivered.add(1);
  return {Step::What::kMail, true, std::move(mail.event)};
}

std::optional<Notice> MailboxCore::untold(Attachment& receiver) noexcept {
  MailReceiver& mail = *receiver.mail;
  if (const std::optional<Gap> gap = mail.take_gap(); gap.has_value()) {
    return *gap;
  }
  const std::uint64_t lost = mail.overflow_dropped();
  const std::uint64_t told = std::exchange(mail.told, lost);
  return lost == told ? std::nullopt : std::optional<Notice>(Lagged{lost - told});
}

MailboxCore::Step MailboxCore::own_notice(const Notice& notice) {
  Step step{Step::What::kMail, false, {}};
  std::visit([&step](const auto& each) { step.mail = each; }, notice);
  return step;
}

MailboxCore::Step MailboxCore::step_when_empty() {
  if (blocks()) {
    doorbell_.notify();
  }
  // [B5] acquire: pairs with end().
  const std::uint8_t ended = ended_.load(std::memory_order_acquire);
  if (const std::uint64_t lost = this->lost(); lost != told_) {
    tell_losses_to_others();
    if (Attachment* const own = members_.own(); own != nullptr) {
      if (const std::optional<Notice> notice = untold(*own); notice.has_value()) {
        return own_notice(*notice);  // told_ stays: there may be another
      }
    }
    told_ = lost;
  }
  if (Mail mail; ended != kOpen && next(mail)) {
    return give(mail);
  }
  if (ended != kOpen) {
    tell_all_end();
    return {Step::What::kMail, false, End{static_cast<End::Reason>(ended - 1)}};
  }
  // A notice alone moves no position: it is looked for once more.
  return bell_.rest(queue_.next()) || lost() != told_ ? step() : Step{};
}

void MailboxCore::tell_losses_to_others() noexcept {
  if (!members_.has_others()) {
    return;
  }
  for (const std::shared_ptr<Attachment>& member : members_.all()) {
    if (member.get() == members_.own()) {
      continue;
    }
    for (std::optional<Notice> notice = untold(*member); notice.has_value();
         notice = untold(*member)) {
      tell(*member, *notice);
    }
  }
}

void MailboxCore::tell_all_end() noexcept {
  if (std::exchange(end_told_, true)) {
    return;
  }
  const auto reason = static_cast<End::Reason>(ended_.load(std::memory_order_relaxed) - 1);
  for (const std::shared_ptr<Attachment>& member : members_.all()) {
    tell(*member, End{reason});
  }
}

void MailboxCore::discard() noexcept {
  Mail mail;
  while (next(mail)) {
    mail.receiver->mail->detach_dropped.add(1);
  }
}

// Calls.

// Whether it was called: not if it has left.
bool MailboxCore::call(Attachment& receiver, const Event& event) noexcept {
  const DrainScope scope(*this);
  MailReceiver& mail = *receiver.mail;
  const bool called = members_.begin_call(receiver);
  if (called) {
    HERALD_TRY { call_one(receiver.callback(), event); }
    HERALD_CATCH_ALL { caught(receiver); }
    mail.delivered.add(1);
  }
  members_.end_call(receiver);
  if (!called) {
    mail.detach_dropped.add(1);  // the last touch: invariant 3
  }
  return called;
}

void MailboxCore::caught(Attachment& receiver) noexcept {
  receiver.mail->exceptions.add(1);
  runtime_->count_exception();
  tell_error(runtime_->options().on_error, receiver);
}

void MailboxCore::tell(Attachment& receiver, const Notice& notice) noexcept {
  const DrainScope scope(*this);
  if (members_.begin_call(receiver) && receiver.on_notice() != nullptr) {
    HERALD_TRY { receiver.on_notice()(notice); }
    HERALD_CATCH_ALL { caught(receiver); }
  }
  members_.end_call(receiver);
}

}  // namespace herald::core
