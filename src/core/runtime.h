// Control, runtime: everything behind a Bus; the only place that knows all stages.
//
// Threads: any, as herald/bus.h says.
// Ownership: shared by the bus and all handles; shut_down() ends it for good, after which handles
//   answer "closed" and own nothing of the user's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "core/dispatch_thread.h"
#include "core/dispatcher.h"
#include "core/lane_registry.h"
#include "core/latency_meter.h"
#include "core/manual_pump.h"
#include "core/shared_publisher.h"
#include "core/stream_registry.h"
#include "core/type_registry.h"
#include "core/watch_post.h"
#include "core/watchdog.h"
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
  void retire(PublisherCore& publisher) noexcept;

  // For the bus.

  absl::StatusOr<unsigned> define(std::string_view name, detail::PayloadId payload, bool terminal,
                                  detail::Encoder encoder);
  absl::StatusOr<PublisherCore*> open_publisher(PublisherOptions options);
  absl::StatusOr<std::shared_ptr<Attachment>> subscribe(Filter filter, detail::Callback callback,
                                                        SubscribeOptions options);
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

  /// False if `deadline_ns` on CLOCK_MONOTONIC came first.
  bool unsubscribe(const std::shared_ptr<Attachment>& attachment,
                   std::int64_t deadline_ns) noexcept;
  [[nodiscard]] SubscriptionStats stats(const std::shared_ptr<Attachment>& attachment);

  [[nodiscard]] const BusOptions& options() const noexcept { return options_; }
  [[nodiscard]] const TypeRegistry& types() const noexcept { return types_; }
  [[nodiscard]] SharedPublisher& shared() noexcept { return shared_; }
  [[nodiscard]] StreamRegistry& streams() noexcept { return streams_; }
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }

 private:
  static std::uint32_t next_id() noexcept;

  void submit(Order& order, void (*action)(Dispatcher&, void*), void* subject,
              std::shared_ptr<void> keep) noexcept;
  template <typename Call>
  void call_on_dispatcher(Call&& call);
  void leave_stream(const Attachment& attachment) noexcept;
  std::shared_ptr<Attachment> attach(std::shared_ptr<Attachment> attachment) noexcept;
  absl::Status check_subscribe(const Filter& filter, bool has_callback, const char* caller) const;
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
  std::atomic<std::uint64_t> next_subscription_id_{1};
  std::atomic<bool> closed_{false};
};

}  // namespace herald::core
