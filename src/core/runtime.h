// The runtime: everything behind a Bus; what ties the folders of core together.
//
// Threads: any, as herald/bus.h says.
// Ownership: shared by the bus and all handles; shut_down() ends it for good, after which handles
//   answer "closed" and own nothing of the user's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "core/dispatch/dispatch_thread.h"
#include "core/dispatch/dispatcher.h"
#include "core/dispatch/manual_pump.h"
#include "core/event/type_registry.h"
#include "core/lane/lane_registry.h"
#include "core/lane/shared_publisher.h"
#include "core/latency/latency_meter.h"
#include "core/mailbox/mailbox_core.h"
#include "core/stream/stream_registry.h"
#include "core/watchdog/watch_post.h"
#include "core/watchdog/watchdog.h"
#include "herald/options.h"
#include "herald/stats.h"

namespace herald::core {

class Runtime : public std::enable_shared_from_this<Runtime> {
 public:
  /// Errors as Bus::create.
  static absl::StatusOr<std::shared_ptr<Runtime>> create(BusOptions options);
  Runtime(BusOptions options, const RoomPolicy& shared_policy, base::FenceMode mode);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // For publishers.

  /// The time that an event counts from.
  [[nodiscard]] base::Ticks stamp(const PublishOptions& options) const noexcept {
    if (!options_.latency) {
      return 0;
    }
    return options.at == std::chrono::steady_clock::time_point{}
               ? base::Clock::now()
               : base::Clock::from_steady(options.at);
  }
  // [X1] acquire: pairs with close().
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
  [[nodiscard]] bool dispatching_here() const noexcept { return dispatcher_.dispatching_here(); }
  /// In a callback of this bus, on the dispatching thread or where a mailbox is drained.
  [[nodiscard]] bool in_callback() const noexcept;
  /// Whether the dispatcher may be waiting for this thread.
  [[nodiscard]] bool is_waited_for_here() const noexcept;
  /// Of a subscriber that delivers on a mailbox. Relaxed: a statistic.
  void count_exception() noexcept { mailbox_exceptions_.fetch_add(1, std::memory_order_relaxed); }
  void retire(PublisherCore& publisher) noexcept;

  // For the bus.

  absl::StatusOr<unsigned> define(std::string_view name, detail::PayloadId payload, bool terminal,
                                  detail::Encoder encoder);
  absl::StatusOr<PublisherCore*> open_publisher(PublisherOptions options);
  absl::StatusOr<std::shared_ptr<Attachment>> subscribe(Filter filter, detail::Callback callback,
                                                        SubscribeOptions&& options);
  /// A mailbox, and what it subscribes itself; null without a filter.
  struct OpenedMailbox {
    std::shared_ptr<MailboxCore> mailbox;
    std::shared_ptr<Attachment> own;
  };
  absl::StatusOr<OpenedMailbox> open_mailbox(const std::optional<Filter>& filter,
                                             MailboxOptions options);
  /// Unsubscribes all that deliver on it; waits for a running call, unless in a callback.
  void close_mailbox(MailboxCore& mailbox) noexcept;
  /// Makes one if there is none.
  absl::StatusOr<std::shared_ptr<Waker>> waker_of(MailboxCore& mailbox);
  absl::StatusOr<std::shared_ptr<Attachment>> use(Filter filter,
                                                  detail::MiddlewareCallback callback,
                                                  MiddlewareOptions options);
  PumpResult pump(const PumpOptions& options) noexcept;
  bool wait(std::chrono::nanoseconds timeout) noexcept;
  absl::Status flush(std::chrono::nanoseconds timeout);
  void close() noexcept;
  absl::StatusOr<DrainReport> drain(std::chrono::nanoseconds timeout);
  void shut_down() noexcept;
  [[nodiscard]] BusStats stats();
  [[nodiscard]] LatencyReport latency() const { return meter_.report(types_); }

  // For subscriptions.

  enum class Leaving : std::uint8_t { kDone, kPending, kLate };
  /// kLate: `deadline_ns` on CLOCK_MONOTONIC came first.
  Leaving unsubscribe(const std::shared_ptr<Attachment>& attachment,
                      std::int64_t deadline_ns) noexcept;
  /// Never waits; calls `done` when no call is running and the callable is destroyed.
  void unsubscribe_async(const std::shared_ptr<Attachment>& attachment,
                         std::function<void()> done) noexcept;
  [[nodiscard]] SubscriptionStats stats(const std::shared_ptr<Attachment>& attachment);

  [[nodiscard]] const BusOptions& options() const noexcept { return options_; }
  [[nodiscard]] const TypeRegistry& types() const noexcept { return types_; }
  [[nodiscard]] SharedPublisher& shared() noexcept { return shared_; }
  [[nodiscard]] StreamRegistry& streams() noexcept { return streams_; }
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }

 private:
  static std::uint32_t next_id() noexcept;
  std::uint64_t next_subscription_id() noexcept;

  void submit(Order& order, void (*action)(Dispatcher&, void*), void* subject,
              std::shared_ptr<void> keep) noexcept;
  /// Runs `call(Dispatcher&)` between two events, and waits for it; inside a callback, at once.
  template <typename Call>
  void call_on_dispatcher(Call&& call);
  void leave_stream(const Attachment& attachment) noexcept;
  std::shared_ptr<Attachment> attach(std::shared_ptr<Attachment> attachment) noexcept;
  void join(const std::shared_ptr<Attachment>& subscriber) noexcept;
  void detach(const std::shared_ptr<Attachment>& attachment) noexcept;
  Leaving leave_mailbox(const std::shared_ptr<Attachment>& attachment, bool leaves_now,
                        std::int64_t deadline_ns) noexcept;
  std::vector<std::shared_ptr<MailboxCore>> mailboxes();
  void leave_mailboxes() noexcept;
  void end_mailboxes() noexcept;
  absl::Status check_subscribe(const Filter& filter, bool has_callback, const char* caller) const;
  absl::Status check_replay(const Replay& replay);
  [[nodiscard]] bool may_pump() const noexcept {
    return options_.dispatch == DispatchMode::kManual && !dispatching_here();
  }
  struct DrainLook;
  std::shared_ptr<FlushRequest> ask_for_flush();
  bool await(FlushRequest& request, std::int64_t deadline_ns) noexcept;
  std::shared_ptr<DrainLook> flush_and_look(std::uint64_t distance_before,
                                            std::int64_t deadline_ns);
  absl::Status refuse_in_callback(const char* caller) const;
  void report_losses(std::uint64_t held) noexcept;

  BusOptions options_;  // fixed, but for the user's functions, which end with the bus
  const std::uint32_t id_;
  const base::FenceMode mode_;
  TypeRegistry types_;
  LatencyMeter meter_;
  Doorbell doorbell_;
  LaneRegistry lanes_;
  SharedPublisher shared_;
  StreamRegistry streams_;
  WatchPost watch_post_;
  Dispatcher dispatcher_;
  DispatchThread thread_;  // one of the two is used
  ManualPump manual_;
  Watchdog watchdog_;
  std::atomic<std::uint64_t> mailbox_exceptions_{0};
  std::mutex mailboxes_mutex_;
  std::vector<std::weak_ptr<MailboxCore>> mailboxes_;
  std::atomic<std::uint64_t> next_subscription_id_{1};
  std::atomic<bool> closed_{false};
};

template <typename Call>
void Runtime::call_on_dispatcher(Call&& call) {
  if (dispatching_here()) {
    call(dispatcher_);
    return;
  }
  struct CallOrder : Order {
    std::remove_reference_t<Call>* call = nullptr;
  };
  auto order = std::make_shared<CallOrder>();
  order->call = &call;
  const auto action = [](Dispatcher& dispatcher, void* subject) {
    (*static_cast<CallOrder*>(subject)->call)(dispatcher);
  };
  submit(*order, action, order.get(), order);
  order->await(base::NativeAtomics::kNoDeadline);
}

}  // namespace herald::core
