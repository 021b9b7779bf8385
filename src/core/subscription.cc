// The public face: takes calls on a Subscription, gives them to the runtime.
#include "herald/subscription.h"

#include <utility>

#include "base/atomics.h"
#include "base/clock.h"
#include "core/runtime.h"
#include "core/subscriber/attachment.h"

namespace herald {

Subscription::Subscription(std::shared_ptr<core::Runtime> runtime,
                           std::shared_ptr<core::Attachment> attachment) noexcept
    : runtime_(std::move(runtime)), attachment_(std::move(attachment)) {}

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    let_go();
    runtime_ = std::move(other.runtime_);
    attachment_ = std::move(other.attachment_);
    active_ = std::exchange(other.active_, false);
    leaving_ = other.leaving_;
  }
  return *this;
}

Subscription::~Subscription() { let_go(); }

void Subscription::let_go() noexcept {
  if (!leaving_) {
    unsubscribe();
  }
}

Unsubscribed Subscription::unsubscribe() noexcept {
  using Leaving = core::Runtime::Leaving;
  Leaving leaving = Leaving::kDone;
  if (active_) {
    leaving = runtime_->unsubscribe(attachment_, base::NativeAtomics::kNoDeadline);
    active_ = false;
  }
  return leaving == Leaving::kPending ? Unsubscribed::kPending : Unsubscribed::kDone;
}

bool Subscription::unsubscribe_for(std::chrono::nanoseconds timeout) noexcept {
  using Leaving = core::Runtime::Leaving;
  if (active_) {
    active_ = runtime_->unsubscribe(attachment_, base::Clock::monotonic_deadline(timeout)) !=
              Leaving::kDone;
    leaving_ = active_;
  }
  return !active_;
}

void Subscription::unsubscribe_async(std::function<void()> done) noexcept {
  if (std::exchange(active_, false)) {
    runtime_->unsubscribe_async(attachment_, std::move(done));
  } else {
    done();
  }
}

SubscriptionStats Subscription::stats() const {
  return runtime_ == nullptr ? SubscriptionStats{} : runtime_->stats(attachment_);
}

}  // namespace herald
