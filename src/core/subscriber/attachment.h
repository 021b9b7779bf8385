// Subscriber: what a Subscription handle and the dispatcher share about one subscriber or
// middleware.
//
// Threads: filter, options and callbacks are fixed when it is made; everything under "the holder's"
//   belongs to the holder of the dispatch right. The callable is destroyed with the last owner: the
//   handle, an order on its way, or the dispatcher while a call may be running.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/control/order.h"
#include "core/subscriber/late_join.h"
#include "core/subscriber/mail_receiver.h"
#include "core/subscriber/slowness.h"
#include "herald/callback.h"
#include "herald/filter.h"
#include "herald/middleware.h"
#include "herald/notice.h"
#include "herald/subscription.h"

namespace herald::core {

class Attachment;

/// Where an attachment stands in one list of the subscriber table.
struct Place {
  void* list = nullptr;
  std::uint32_t type_index = 0;
  std::uint32_t index = 0;         // in the list
  std::uint64_t calls_before = 0;  // the list's count when it was added
};

class Attachment : public std::enable_shared_from_this<Attachment> {
 public:
  enum class State : std::uint8_t { kNew, kAttached, kDetached };

  Attachment(std::uint64_t id, Filter filter, detail::Callback callback, SubscribeOptions&& options)
      : id_(id),
        filter_(filter),
        name_(std::move(options.name)),
        strikes_allowed_(options.strikes_allowed),
        callback_(std::move(callback)),
        on_notice_(std::move(options.on_notice)) {
    slow_policy = options.slow_policy;
    if (options.replay.from != Replay::From::kNow) {
      late = std::make_unique<LateJoin>(options.replay);
    }
  }
  Attachment(std::uint64_t id, Filter filter, detail::MiddlewareCallback callback,
             MiddlewareOptions options)
      : id_(id),
        filter_(filter),
        name_(std::move(options.name)),
        priority_(options.priority),
        middleware_(std::move(callback)) {}
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const Filter& filter() const noexcept { return filter_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] int priority() const noexcept { return priority_; }
  /// Whether it has had its last strike.
  [[nodiscard]] bool deserves_quarantine() const noexcept {
    return slow_policy == SlowPolicy::kQuarantine && slowness.strikes >= strikes_allowed_;
  }
  [[nodiscard]] bool is_middleware() const noexcept {
    return middleware_.event.function != nullptr;
  }
  [[nodiscard]] detail::Callback& callback() noexcept { return callback_; }
  [[nodiscard]] detail::MiddlewareCallback& middleware() noexcept { return middleware_; }
  [[nodiscard]] const std::function<void(const Notice&)>& on_notice() const noexcept {
    return on_notice_;
  }

  /// What is not counted by lists. `watched`: the time of all.
  void fill(SubscriptionStats& stats, base::Ticks watched) const {
    slowness.describe(watched, stats);
    if (mail != nullptr) {
      mail->fill(stats);
    }
    if (late != nullptr) {
      stats.replayed = late->replayed;
      stats.gaps = late->gaps;
    }
  }

  /// By the owner, once detached and no call is running, or at the end of the bus.
  void destroy_callable() noexcept {
    const detail::Callback callback = std::move(callback_);
    const detail::MiddlewareCallback middleware = std::move(middleware_);
    if (late != nullptr && mail == nullptr) {
      late->latest = {};  // with a mailbox this is another thread than the dispatcher's
    }
    if (on_notice_) {
      const std::function<void(const Notice&)> on_notice = std::exchange(on_notice_, nullptr);
    }
  }

  std::unique_ptr<MailReceiver> mail;  // null: called on the dispatching thread; fixed
  Order attach;
  Order detach;
  bool leaving = false;  // the owner's: detach has been submitted

  // The holder's.
  State state = State::kNew;
  SlowPolicy slow_policy = SlowPolicy::kWarn;  // fixed
  std::vector<Place> places;                   // of a subscriber: one for each list it is in
  std::size_t index_in_order = 0;        // of a subscriber: among all, in order of subscription
  std::shared_ptr<Attachment> attached;  // itself, while the table or the chain refers to it
  std::uint64_t offered = 0;             // of a middleware; of a subscriber, of lists it has left
  std::uint64_t exceptions = 0;
  std::uint64_t held = 0;          // of a middleware
  std::unique_ptr<LateJoin> late;  // of a subscriber that asked for history
  Slowness slowness;

 private:
  const std::uint64_t id_;
  const Filter filter_;
  const std::string name_;
  const int priority_ = 0;
  const std::uint32_t strikes_allowed_ = 0;
  detail::Callback callback_;
  detail::MiddlewareCallback middleware_;
  std::function<void(const Notice&)> on_notice_;
};

}  // namespace herald::core
