// The runtime: everything behind a Bus; here what it does about mailboxes.
#include <utility>

#include "base/exceptions.h"
#include "core/mailbox/drain_scope.h"
#include "core/option_check.h"
#include "core/runtime.h"

namespace herald::core {

absl::StatusOr<Runtime::OpenedMailbox> Runtime::open_mailbox(const std::optional<Filter>& filter,
                                                             MailboxOptions options) {
  if (absl::Status legal = check(options); !legal.ok()) {
    return legal;
  }
  if (absl::Status legal = check_subscribe(filter.value_or(Filter{.types = TypeMask::all()}),
                                           /*has_callback=*/true, "mailbox");
      !legal.ok()) {
    return legal;
  }
  if (absl::Status legal = check_replay(options.replay); !legal.ok()) {
    return legal;
  }
  if (!filter.has_value() && options.replay.from != Replay::From::kNow) {
    return absl::InvalidArgumentError(
        "mailbox: MailboxOptions::replay is set without a filter; allowed: with one");
  }
  SubscribeOptions of_own{.name = options.name, .replay = options.replay};
  OpenedMailbox opened;
  HERALD_TRY {
    opened.mailbox =
        std::make_shared<MailboxCore>(shared_from_this(), std::move(options), mode_, doorbell_);
  }
  HERALD_CATCH_ALL { return absl::ResourceExhaustedError("mailbox: no memory for its events"); }
  {
    const std::scoped_lock lock(mailboxes_mutex_);
    std::erase_if(mailboxes_, [](const auto& mailbox) { return mailbox.expired(); });
    mailboxes_.push_back(opened.mailbox);
  }
  if (filter.has_value()) {
    opened.own = std::make_shared<Attachment>(next_subscription_id(), *filter, detail::Callback(),
                                              std::move(of_own));
    opened.own->mail = std::make_unique<MailReceiver>(opened.mailbox);
    opened.mailbox->members().set_own(*opened.own);
    opened.mailbox->add_member(opened.own).IgnoreError();  // it is open, and has a place for one
    if (filter->stream.has_value()) {
      streams_.came(*filter->stream);
    }
    join(opened.own);
  }
  return opened;
}

absl::StatusOr<std::shared_ptr<Waker>> Runtime::waker_of(MailboxCore& mailbox) {
  std::shared_ptr<Waker> waker = mailbox.waker();
  if (waker != nullptr) {
    return waker;
  }
  absl::StatusOr<std::shared_ptr<Waker>> made = Waker::create();
  if (made.ok()) {
    // The owner is here, and the dispatcher between two events.
    call_on_dispatcher([&](Dispatcher&) { mailbox.set_waker(*made); });
  }
  return made;
}

std::vector<std::shared_ptr<MailboxCore>> Runtime::mailboxes() {
  const std::scoped_lock lock(mailboxes_mutex_);
  std::vector<std::shared_ptr<MailboxCore>> all;
  for (const std::weak_ptr<MailboxCore>& each : mailboxes_) {
    if (std::shared_ptr<MailboxCore> mailbox = each.lock(); mailbox != nullptr) {
      all.push_back(std::move(mailbox));
    }
  }
  return all;
}

// Leaving.

bool Runtime::in_callback() const noexcept {
  return dispatching_here() || DrainScope::is_open(*this);
}

bool Runtime::is_waited_for_here() const noexcept {
  return dispatching_here() || DrainScope::holds_up(*this);
}

Runtime::Leaving Runtime::leave_mailbox(const std::shared_ptr<Attachment>& attachment,
                                        bool leaves_now, std::int64_t deadline_ns) noexcept {
  MailboxCore& mailbox = *attachment->mail->mailbox;
  const bool waits = !in_callback();
  bool idle = false;
  if (leaves_now) {
    detach(attachment);
    idle = mailbox.members().leave(attachment, nullptr);
  }
  if (!waits) {
    return idle || attachment->mail->end.done() || DrainScope::is_open(mailbox) ? Leaving::kDone
                                                                                : Leaving::kPending;
  }
  return attachment->detach.await(deadline_ns) &&
                 MailboxMembers::await_end(*attachment, deadline_ns)
             ? Leaving::kDone
             : Leaving::kLate;
}

void Runtime::close_mailbox(MailboxCore& mailbox) noexcept {
  struct Closing : Order {
    std::shared_ptr<MailboxCore> mailbox;
  };
  auto order = std::make_shared<Closing>();
  order->mailbox = mailbox.shared_from_this();
  const auto action = [](Dispatcher& dispatcher, void* subject) {
    MailboxCore& closed = *static_cast<Closing*>(subject)->mailbox;
    dispatcher.delivery().detach_all(closed);
    closed.bury();
  };
  const bool waits = !in_callback();
  mailbox.close();
  mailbox.members().leave_all(waits);
  submit(*order, action, order.get(), order);
  if (waits) {
    order->await(base::NativeAtomics::kNoDeadline);
  }
}

// At the end of the bus. Those that deliver on a mailbox are callbacks of the bus and end with it;
// what a mailbox has for its owner stays. Without the dispatch right: a running call may want it.
void Runtime::leave_mailboxes() noexcept {
  for (const std::shared_ptr<MailboxCore>& mailbox : mailboxes()) {
    mailbox->members().leave_all(/*waits=*/true);
  }
}

// With the dispatch right, when nothing more can come.
void Runtime::end_mailboxes() noexcept {
  for (const std::shared_ptr<MailboxCore>& mailbox : mailboxes()) {
    mailbox->end(End::Reason::kClosed);
  }
}

}  // namespace herald::core
