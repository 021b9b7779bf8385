// The public face: takes calls on a Mailbox, gives them to its core.
#include "herald/mailbox.h"

#include <utility>

#include "absl/status/status.h"
#include "base/atomics.h"
#include "base/clock.h"
#include "core/mailbox/drain_scope.h"
#include "core/mailbox/mailbox_core.h"
#include "core/option_check.h"
#include "core/runtime.h"

namespace herald {
namespace {

/// The turn of one mailbox, if it is to be had. Keeps it: a call may destroy its handle.
class Turn {
 public:
  explicit Turn(std::shared_ptr<core::MailboxCore> mailbox) noexcept
      : mailbox_(std::move(mailbox)), taken_(mailbox_->take_turn()) {}
  ~Turn() {
    if (taken_) {
      mailbox_->give_turn_up();
    }
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  [[nodiscard]] bool taken() const noexcept { return taken_; }

  /// The next mail of the owner's. Calls others on the way, as long as `may_call()`.
  template <typename MayCall>
  [[nodiscard]] std::optional<Mailbox::Mail> pop(MayCall may_call) const {
    using What = core::MailboxCore::Step::What;
    core::MailboxCore::Step step = mailbox_->step();
    while (step.what == What::kCalled && may_call()) {
      step = mailbox_->step();
    }
    return std::move(step.mail);
  }
  bool sleep(std::int64_t deadline_ns) const noexcept { return mailbox_->sleep(deadline_ns); }

 private:
  const std::shared_ptr<core::MailboxCore> mailbox_;
  const bool taken_;
};

}  // namespace

DeliverOn::DeliverOn(const Mailbox& mailbox) noexcept : mailbox_(mailbox.core_) {}

Mailbox::Mailbox() noexcept = default;
Mailbox::Mailbox(Mailbox&&) noexcept = default;

Mailbox::Mailbox(std::shared_ptr<core::Runtime> runtime, std::shared_ptr<core::MailboxCore> core,
                 Subscription own) noexcept
    : runtime_(std::move(runtime)), core_(std::move(core)), own_(std::move(own)) {}

Mailbox& Mailbox::operator=(Mailbox&& other) noexcept {
  if (this != &other) {
    close();
    runtime_ = std::move(other.runtime_);
    core_ = std::move(other.core_);
    own_ = std::move(other.own_);
  }
  return *this;
}

Mailbox::~Mailbox() { close(); }

std::optional<Mailbox::Mail> Mailbox::try_pop() {
  if (core_ == nullptr) {
    return End{};
  }
  const Turn turn(core_);
  std::size_t calls = core_->capacity();
  return turn.taken() ? turn.pop([&calls] { return --calls != 0; }) : std::nullopt;
}

std::optional<Mailbox::Mail> Mailbox::pop_for(std::chrono::nanoseconds timeout) {
  if (core_ == nullptr) {
    return End{};
  }
  const std::int64_t deadline_ns = base::Clock::monotonic_deadline(timeout);
  const Turn turn(core_);
  if (!turn.taken()) {
    return std::nullopt;
  }
  const auto in_time = [deadline_ns] { return base::Clock::monotonic_ns() < deadline_ns; };
  std::optional<Mail> mail = turn.pop(in_time);
  while (!mail.has_value() && in_time()) {
    turn.sleep(deadline_ns);
    mail = turn.pop(in_time);
  }
  return mail;
}

absl::StatusOr<int> Mailbox::native_handle() {
  if (core_ == nullptr) {
    return absl::FailedPreconditionError("native_handle: the mailbox is closed");
  }
  const Turn turn(core_);
  if (!turn.taken()) {
    return absl::FailedPreconditionError("native_handle: the mailbox is being drained");
  }
  const absl::StatusOr<std::shared_ptr<Waker>> waker = runtime_->waker_of(*core_);
  if (!waker.ok()) {
    return waker.status();
  }
  return (*waker)->native_handle();
}

void Mailbox::close() noexcept {
  if (core_ == nullptr) {
    return;
  }
  const std::shared_ptr<core::MailboxCore> core = std::move(core_);
  runtime_->close_mailbox(*core);
  own_.unsubscribe();
}

SubscriptionStats Mailbox::stats() const { return own_.stats(); }

std::size_t Mailbox::depth() const noexcept {
  return core_ == nullptr ? 0 : core_->members().queued();
}

// A drain.

Mailbox::Draining::Draining(Mailbox& mailbox, const DrainOptions& options) noexcept
    : max_events_(options.max_events.value_or(UINT64_MAX)),
      until_(options.budget.has_value()
                 ? base::Clock::now() + base::Clock::to_ticks(options.budget->count())
                 : INT64_MAX) {
  const std::shared_ptr<core::MailboxCore>& core = mailbox.core_;
  if (core == nullptr) {
    result_.status = DrainResult::Status::kEnded;
  } else if (core::DrainScope::is_open(*core) || !core::check(options).ok()) {
    result_.status = DrainResult::Status::kRefused;
  } else if (!core->take_turn()) {
    result_.status = DrainResult::Status::kBusy;
  } else {
    core_ = core;
    core::DrainScope::open(mark_, *core_);
  }
}

Mailbox::Draining::~Draining() {
  if (core_ != nullptr) {
    core::DrainScope::close(mark_);
    core_->give_turn_up();
  }
}

std::optional<Mailbox::Mail> Mailbox::Draining::next() {
  while (core_ != nullptr && !told_end_ && may_go_on()) {
    core::MailboxCore::Step step = core_->step();
    if (step.what == core::MailboxCore::Step::What::kNothing) {
      break;
    }
    result_.events += step.is_event ? 1 : 0;
    ++steps_;
    if (step.mail.has_value()) {
      told_end_ = std::holds_alternative<End>(*step.mail);
      result_.status = told_end_ ? DrainResult::Status::kEnded : result_.status;
      return std::move(step.mail);
    }
  }
  return std::nullopt;
}

// The clock is not read before the first step: one is always made.
bool Mailbox::Draining::may_go_on() noexcept {
  const bool more = result_.events < max_events_ &&
                    (until_ == INT64_MAX || steps_ == 0 || base::Clock::now() < until_);
  if (!more) {
    result_.status =
        core_->has_more() ? DrainResult::Status::kPartial : DrainResult::Status::kEmpty;
  }
  return more;
}

}  // namespace herald
