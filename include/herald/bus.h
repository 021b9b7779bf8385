#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "herald/callback.h"
#include "herald/event.h"
#include "herald/event_type.h"
#include "herald/filter.h"
#include "herald/mailbox.h"
#include "herald/middleware.h"
#include "herald/options.h"
#include "herald/publisher.h"
#include "herald/stats.h"
#include "herald/subscription.h"
#include "herald/type_options.h"

namespace herald {

/// The publish/subscribe runtime: publishers -> lanes -> dispatcher -> middleware -> subscribers.
///
/// Threads: every function may be called from any thread, also inside callbacks unless it says
///   otherwise. Callbacks and middleware of one bus run one at a time, on the dispatching thread,
///   but for those with SubscribeOptions::deliver_on.
/// Ordering: all subscribers of a bus see one total order, the sequence; events of one publisher
///   are in it in publish order. Subscribers of one type are called in order of subscription, then
///   those of the stream; batch subscribers after the others, once a batch. Who joins with
///   SubscribeOptions::replay stands where it goes live.
/// Delivery: an accepted event is delivered exactly once to each subscription whose subscribe()
///   returned before the event was published, and is lost only by a named, counted policy. A
///   replay that the ring overtakes is told as a Gap.
/// Ownership: handles may outlive the bus. The destructor closes, drains for at most
///   BusOptions::drain_on_destroy, waits for a running callback and says on standard error what was
///   lost; inside a callback it ends the process with a message. A moved-from bus may only be
///   assigned to or destroyed.
/// Memory: payloads, publishers and create() answer when there is none; a subscription, a type or a
///   flush that finds none for its few bytes ends the process.
class Bus {
 public:
  /// A bus with default options and a dispatcher thread; ends the process if there is none to get.
  Bus();
  /// Errors: InvalidArgument names option, value and range; ResourceExhausted: no thread or memory.
  [[nodiscard]] static absl::StatusOr<Bus> create(BusOptions options);

  Bus(Bus&&) noexcept = default;
  Bus& operator=(Bus&& other) noexcept;
  ~Bus();

  // Types.

  /// A new type of event. Names are [A-Za-z0-9_.-]{1,64}, unique in the bus; 64 types at most with
  /// the five built-in ones. Errors: InvalidArgument, AlreadyExists, ResourceExhausted.
  template <typename T>
  [[nodiscard]] absl::StatusOr<EventType<T>> define(std::string_view name,
                                                    const TypeOptions<T>& options = {}) {
    const absl::StatusOr<unsigned> index = define(name, detail::payload_id<T>(), options.terminal,
                                                  detail::make_encoder<T>(options.encode));
    if (!index.ok()) {
      return index.status();
    }
    return detail::KeyAccess::make<T>(id_for(*index), *index);
  }
  /// The key of a type by name. Errors: NotFound; InvalidArgument if its payload is not a T.
  template <typename T>
  [[nodiscard]] absl::StatusOr<EventType<T>> find(std::string_view name) const {
    const absl::StatusOr<unsigned> index = find(name, detail::payload_id<T>());
    if (!index.ok()) {
      return index.status();
    }
    return detail::KeyAccess::make<T>(id_for(*index), *index);
  }
  /// The name of a type by index; empty if there is none. Valid as long as the bus.
  [[nodiscard]] std::string_view type_name(unsigned index) const noexcept;
  template <typename T>
  [[nodiscard]] std::string_view type_name(const EventType<T>& type) const noexcept {
    return type_name(type.index());
  }
  [[nodiscard]] bool is_terminal(unsigned index) const noexcept;
  /// Appends the payload of `event` as one JSON value by its type's encoder. Text is taken as it
  /// is: where it is no UTF-8, neither is the JSON.
  void encode(const Event& event, std::string& json) const;

  // Publishing.

  /// A publisher with a lane of its own. Errors: InvalidArgument, ResourceExhausted (too many
  /// publishers, no memory), FailedPrecondition (closed). A closed publisher counts until the
  /// dispatcher has let go of it. Cost: reserves and touches the lane, unless one that a closed
  /// publisher had is free.
  [[nodiscard]] absl::StatusOr<Publisher> publisher(PublisherOptions options = {});

  /// Publishes through the shared lane: any thread, no handle, order kept for each calling thread.
  /// Results, waiting and cost as Publisher::publish, but some 50 ns more, and the first call of a
  /// thread allocates (so may one with more than 32,768 of its own events waiting): some 9 KiB,
  /// which are kept for the bus's life; a later thread on the same stack uses them again. They are
  /// not in BusStats::lane_bytes. Lock-free: a thread stopped inside stops no other.
  template <typename T>
  PublishResult publish(const EventType<T>& type, std::type_identity_t<PublishArgument<T>> payload,
                        const PublishOptions& options = {}) noexcept {
    detail::EventSlot slot;
    if ((detail::needs_block<T>(payload) && closed()) ||
        !detail::make_slot<T>(slot, type, static_cast<PublishArgument<T>&&>(payload),
                              options.stream, id(), payload_resource())) {
      return refuse();
    }
    return push(slot, options);
  }

  /// Asks the producer of `stream` to stop: see TokenStream. Whether the stream was open; a second
  /// request changes nothing. Any thread; runs the callbacks of the stream's std::stop_token. Cost:
  /// a lock and a hash look-up.
  bool cancel(StreamId stream) noexcept;

  // Subscribing. Errors: InvalidArgument (empty filter, a key of another bus, null callback, a
  // replay that the bus cannot give), FailedPrecondition (closed). Callbacks run on the dispatching
  // thread and must not wait. They may publish, subscribe, unsubscribe anyone and close the bus.
  // What they throw is caught, counted and passed to BusOptions::on_error; the next subscriber
  // still gets the event. A callable as small as a pointer, trivially copyable and callable as
  // const, such as a lambda that captures `this`, is copied for each call. Cost: O(types of the
  // filter).

  /// `callback(const Event&)`, once for each matching event.
  template <detail::EventCallable F>
  [[nodiscard]] absl::StatusOr<Subscription> subscribe(Filter filter, F&& callback,
                                                       SubscribeOptions options = {}) {
    return subscribe(filter, detail::Callback::of_event(std::forward<F>(callback)),
                     std::move(options));
  }

  /// `callback(payload, const Event&)`, for one type and, if given, one stream.
  template <typename T, detail::PayloadCallable<T> F>
  [[nodiscard]] absl::StatusOr<Subscription> subscribe(const EventType<T>& type, F&& callback,
                                                       SubscribeOptions options = {}) {
    return subscribe(type, std::nullopt, std::forward<F>(callback), std::move(options));
  }
  template <typename T, detail::PayloadCallable<T> F>
  [[nodiscard]] absl::StatusOr<Subscription> subscribe(const EventType<T>& type,
                                                       std::optional<StreamId> stream, F&& callback,
                                                       SubscribeOptions options = {}) {
    return subscribe(Filter{.types = type, .stream = stream},
                     detail::Callback::of_payload<T>(std::forward<F>(callback)),
                     std::move(options));
  }

  /// `callback(std::span<const Event>)`: matching events that lie next to each other, in order; at
  /// least one, at most a batch and what middleware made of its last event (with a stream in the
  /// filter: one). Cheapest for a subscriber of many events; called after the subscribers of single
  /// events have had the whole batch, those of one filter in order of subscription.
  template <detail::BatchCallable F>
  [[nodiscard]] absl::StatusOr<Subscription> subscribe_batch(Filter filter, F&& callback,
                                                             SubscribeOptions options = {}) {
    return subscribe(filter, detail::Callback::of_batch(std::forward<F>(callback)),
                     std::move(options));
  }
  /// `callback(Batch<T>)`: the same for one type, with the payloads as a range. A lambda names the
  /// type of its parameter; with `auto` it is tried with a span of events first.
  template <typename T, detail::PayloadBatchCallable<T> F>
  [[nodiscard]] absl::StatusOr<Subscription> subscribe_batch(const EventType<T>& type, F&& callback,
                                                             SubscribeOptions options = {}) {
    return subscribe(Filter{.types = type},
                     detail::Callback::of_payload_batch<T>(std::forward<F>(callback)),
                     std::move(options));
  }

  /// A subscriber that is a queue; without a filter, only for others to deliver on. Errors: as
  /// subscribe, and ResourceExhausted.
  [[nodiscard]] absl::StatusOr<Mailbox> mailbox(Filter filter, MailboxOptions options = {});
  [[nodiscard]] absl::StatusOr<Mailbox> mailbox(MailboxOptions options = {});

  /// Adds a middleware: `callback(Event&, Emitter&)` returning Verdict, called once for each event
  /// that matches, before it is stamped. May have a member on_deadline(Emitter&). If it throws, the
  /// event passes as it left it. Its events still held when it is removed count as dropped.
  template <detail::MiddlewareCallable F>
  [[nodiscard]] absl::StatusOr<Subscription> use(Filter filter, F&& middleware,
                                                 MiddlewareOptions options = {}) {
    return use(filter, detail::MiddlewareCallback::of(std::forward<F>(middleware)),
               std::move(options));
  }

  // Dispatching.

  /// Manual mode: delivers what was accepted when it was called, within the options' limits.
  /// Refused inside a callback.
  PumpResult pump(const PumpOptions& options = {}) noexcept;
  /// Manual mode: sleeps until there is something to pump (true) or `timeout` has passed (false).
  /// A publish() that is still under way counts as something: pump() may then find nothing yet, so
  /// wait and pump in a loop. close() alone does not end it.
  [[nodiscard]] bool wait(std::chrono::nanoseconds timeout) noexcept;

  /// Returns when everything accepted before it is delivered, dropped or held by middleware, and
  /// those who joined late before it are live; in manual mode it delivers it itself.
  /// Errors: DeadlineExceeded, nothing is lost; FailedPrecondition inside a callback. Cost: two
  /// small allocations, and a wake-up when it has to wait.
  [[nodiscard]] absl::Status flush(std::chrono::nanoseconds timeout);

  // Ending.

  /// Refuses new events, publishers and subscribers from now on, and wakes waiting publishers. A
  /// publish that races it is either delivered or told kClosed. Idempotent; any thread.
  void close() noexcept;
  /// Closes, then delivers what was accepted, for at most `timeout`, and 10 ms more to count what
  /// is left. What middleware holds is asked for early (on_deadline); what does not come then is
  /// reported. Errors: as flush, but running out of time is reported by DrainReport.
  [[nodiscard]] absl::StatusOr<DrainReport> drain(std::chrono::nanoseconds timeout);

  // Seeing.

  /// All counters at one moment between two events: it waits for at most one event's fan-out,
  /// or the calls of the batch subscribers for one batch (inside a callback, not at all). Cost:
  /// O(publishers + subscriptions): some 40 ns each, 4 ms with 100,000 (bench/subscribe_bench.cc),
  /// and several times that while others use the memory; delivery pauses for the most of it.
  [[nodiscard]] BusStats stats() const;
  /// The histograms by now. Wait-free. Cost: some 10 us for each type in use, on this thread.
  [[nodiscard]] LatencyReport latency() const;

 private:
  friend class TokenStream;
  explicit Bus(std::shared_ptr<core::Runtime> runtime) noexcept;

  absl::StatusOr<unsigned> define(std::string_view name, detail::PayloadId payload, bool terminal,
                                  detail::Encoder encoder);
  absl::StatusOr<unsigned> find(std::string_view name, detail::PayloadId payload) const;
  absl::StatusOr<Subscription> subscribe(Filter filter, detail::Callback callback,
                                         SubscribeOptions&& options);
  absl::StatusOr<Subscription> use(Filter filter, detail::MiddlewareCallback callback,
                                   MiddlewareOptions options);
  absl::StatusOr<Mailbox> open_mailbox(const std::optional<Filter>& filter, MailboxOptions options);
  PublishResult push(detail::EventSlot& slot, const PublishOptions& options) noexcept;
  PublishResult refuse() noexcept;
  [[nodiscard]] bool closed() const noexcept;
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
  [[nodiscard]] std::uint32_t id_for(unsigned index) const noexcept;
  [[nodiscard]] std::pmr::memory_resource* payload_resource() const noexcept { return resource_; }

  std::shared_ptr<core::Runtime> runtime_;
  std::pmr::memory_resource* resource_ = nullptr;
  std::uint32_t id_ = 0;
};

}  // namespace herald
