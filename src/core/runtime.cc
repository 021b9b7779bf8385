// The runtime: everything behind a Bus; what ties the folders of core together.
#include "core/runtime.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/cpu_pause.h"
#include "base/exceptions.h"
#include "core/option_check.h"

namespace herald::core {
namespace {

base::FenceMode fence_mode(Fence fence) noexcept {
  switch (fence) {
    case Fence::kMembarrier:
      return base::FenceMode::kMembarrier;
    case Fence::kSequentiallyConsistent:
      return base::FenceMode::kSequentiallyConsistent;
    case Fence::kAutomatic:
      break;
  }
  return base::best_fence_mode<base::NativeAtomics>();
}

// A dispatcher that is awake runs a command within the fan-out of one event: often sooner than a
// sleep and a wake-up take.
void spin_until_done(const Order& order) noexcept {
  constexpr int kMaxTurns = 200;  // some 5 us
  for (int turn = 0; turn < kMaxTurns && !order.done(); ++turn) {
    base::cpu_pause();
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<Runtime>> Runtime::create(BusOptions options) {
  if (absl::Status legal = check(options); !legal.ok()) {
    return legal;
  }
  base::Clock::calibrate();
  const RoomPolicy shared_policy = *room_policy(options.shared_lane, options.dispatch);
  const base::FenceMode mode = fence_mode(options.fence);
  std::shared_ptr<Runtime> runtime;
  HERALD_TRY { runtime = std::make_shared<Runtime>(std::move(options), shared_policy, mode); }
  HERALD_CATCH_ALL { return absl::ResourceExhaustedError("create: no memory for the bus"); }
  if (runtime->options_.dispatch == DispatchMode::kThread) {
    if (absl::Status started = runtime->thread_.start(); !started.ok()) {
      return started;
    }
  }
  if (absl::Status started = runtime->watchdog_.start(); !started.ok()) {
    return started;
  }
  return runtime;
}

Runtime::Runtime(BusOptions options, const RoomPolicy& shared_policy, base::FenceMode mode)
    : options_(std::move(options)),
      id_(next_id()),
      mode_(mode),
      meter_(options_.slo),
      doorbell_(mode),
      lanes_(*this, options_.max_publishers, mode, doorbell_),
      shared_(*this, options_.shared_lane, shared_policy, mode, doorbell_),
      watch_post_(mode, options_.slow_after.count() != 0),
      dispatcher_(options_,
                  {&types_, options_.max_emitted_per_event, options_.payload_resource, id_,
                   options_.latency},
                  lanes_, shared_, streams_, meter_, watch_post_),
      thread_(dispatcher_, doorbell_, options_),
      manual_(dispatcher_, mode, doorbell_),
      watchdog_(dispatcher_, watch_post_, options_) {
  for (unsigned index = 0; index < types_.count(); ++index) {
    meter_.activate(index);
    dispatcher_.delivery().activate_type(index);
  }
}

std::uint32_t Runtime::next_id() noexcept {
  static std::atomic<std::uint32_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);  // Relaxed: only uniqueness matters.
}

// Commands.

void Runtime::submit(Order& order, void (*action)(Dispatcher&, void*), void* subject,
                     std::shared_ptr<void> keep) noexcept {
  order.action = action;
  order.subject = subject;
  order.keep = std::move(keep);
  dispatcher_.right().submit(order);
}

// Types, publishers.

absl::StatusOr<unsigned> Runtime::define(std::string_view name, detail::PayloadId payload,
                                         bool terminal, detail::Encoder encoder) {
  absl::StatusOr<unsigned> index =
      types_.define(name, payload, terminal, encoder, [this](unsigned i) { meter_.activate(i); });
  if (index.ok()) {
    struct Activation : Order {
      unsigned type_index = 0;
    };
    auto order = std::make_shared<Activation>();
    order->type_index = *index;
    const auto action = [](Dispatcher& dispatcher, void* subject) {
      dispatcher.delivery().activate_type(static_cast<Activation*>(subject)->type_index);
    };
    submit(*order, action, order.get(), order);
  }
  return index;
}

absl::StatusOr<PublisherCore*> Runtime::open_publisher(PublisherOptions options) {
  const absl::StatusOr<RoomPolicy> policy = room_policy(options, options_.dispatch);
  if (!policy.ok()) {
    return policy.status();
  }
  absl::StatusOr<PublisherCore*> opened = lanes_.open(std::move(options), *policy);
  if (opened.ok()) {
    const auto action = [](Dispatcher& dispatcher, void* lane) {
      dispatcher.open_lane(*static_cast<PublisherCore*>(lane));
    };
    submit((*opened)->opening, action, *opened, nullptr);
  }
  return opened;
}

void Runtime::retire(PublisherCore& publisher) noexcept {
  const auto action = [](Dispatcher& dispatcher, void* lane) {
    dispatcher.close_lane(*static_cast<PublisherCore*>(lane));
  };
  submit(publisher.closing, action, &publisher, nullptr);
}

// Subscribers, middleware.

// Relaxed: only uniqueness matters.
std::uint64_t Runtime::next_subscription_id() noexcept {
  return next_subscription_id_.fetch_add(1, std::memory_order_relaxed);
}

absl::Status Runtime::check_subscribe(const Filter& filter, bool has_callback,
                                      const char* caller) const {
  if (absl::Status legal = check(filter, id_, caller); !legal.ok()) {
    return legal;
  }
  if (!has_callback) {
    return absl::InvalidArgumentError(
        absl::StrCat(caller, ": callback is null; allowed: a callable"));
  }
  if (closed()) {
    return absl::FailedPreconditionError(absl::StrCat(caller, ": the bus is closed"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Attachment>> Runtime::subscribe(Filter filter,
                                                               detail::Callback callback,
                                                               SubscribeOptions&& options) {
  const bool has_callback =
      callback.event.function != nullptr || callback.batch.function != nullptr;
  if (absl::Status legal = check_subscribe(filter, has_callback, "subscribe"); !legal.ok()) {
    return legal;
  }
  if (absl::Status legal = check(options); !legal.ok()) {
    return legal;
  }
  const std::shared_ptr<MailboxCore> mailbox = options.deliver_on.mailbox_;
  if (mailbox != nullptr && &mailbox->runtime() != this) {
    return absl::InvalidArgumentError(
        "subscribe: deliver_on is a mailbox of another bus; allowed: one of this bus");
  }
  if (absl::Status legal = check_replay(options.replay); !legal.ok()) {
    return legal;
  }
  auto attachment = std::make_shared<Attachment>(next_subscription_id(), filter,
                                                 std::move(callback), std::move(options));
  if (mailbox != nullptr) {
    attachment->mail = std::make_unique<MailReceiver>(mailbox);
    attachment->slow_policy = SlowPolicy::kCount;  // its calls are not where the watchdog looks
    if (absl::Status added = mailbox->add_member(attachment); !added.ok()) {
      return added;
    }
  }
  if (filter.stream.has_value()) {
    streams_.came(*filter.stream);
  }
  join(attachment);
  return attachment;
}

void Runtime::join(const std::shared_ptr<Attachment>& subscriber) noexcept {
  attach(subscriber);
  if (subscriber->late != nullptr) {
    doorbell_.notify();  // A parked dispatcher has a joiner to serve.
  }
}

// The sequence only grows, so what is legal now still is when the subscriber is attached.
absl::Status Runtime::check_replay(const Replay& replay) {
  if (replay.from == Replay::From::kNow) {
    return absl::OkStatus();
  }
  std::uint64_t newest = 0;
  if (replay.from == Replay::From::kSequence) {
    call_on_dispatcher(
        [&](const Dispatcher& dispatcher) { newest = dispatcher.delivery().sequence(); });
  }
  return check(replay, options_.replay_events, newest);
}

absl::StatusOr<std::shared_ptr<Attachment>> Runtime::use(Filter filter,
                                                         detail::MiddlewareCallback callback,
                                                         MiddlewareOptions options) {
  if (absl::Status legal = check_subscribe(filter, callback.event.function != nullptr, "use");
      !legal.ok()) {
    return legal;
  }
  return attach(std::make_shared<Attachment>(next_subscription_id(), filter, std::move(callback),
                                             std::move(options)));
}

std::shared_ptr<Attachment> Runtime::attach(std::shared_ptr<Attachment> attachment) noexcept {
  attachment->attached = attachment;
  const auto action = [](Dispatcher& dispatcher, void* subject) {
    dispatcher.delivery().attach(*static_cast<Attachment*>(subject));
  };
  submit(attachment->attach, action, attachment.get(), attachment);
  return attachment;
}

Runtime::Leaving Runtime::unsubscribe(const std::shared_ptr<Attachment>& attachment,
                                      std::int64_t deadline_ns) noexcept {
  const bool leaves_now = !std::exchange(attachment->leaving, true);
  if (leaves_now) {
    leave_stream(*attachment);
  }
  if (attachment->mail != nullptr) {
    return leave_mailbox(attachment, leaves_now, deadline_ns);
  }
  if (dispatching_here()) {
    dispatcher_.delivery().detach_in_callback(attachment);
    return Leaving::kDone;
  }
  if (leaves_now) {
    detach(attachment);
  }
  spin_until_done(attachment->detach);
  if (!attachment->detach.await(deadline_ns)) {
    return Leaving::kLate;
  }
  attachment->destroy_callable();
  return Leaving::kDone;
}

void Runtime::detach(const std::shared_ptr<Attachment>& attachment) noexcept {
  const auto action = [](Dispatcher& dispatcher, void* subject) {
    dispatcher.delivery().detach(*static_cast<Attachment*>(subject));
  };
  submit(attachment->detach, action, attachment.get(), attachment);
}

void Runtime::unsubscribe_async(const std::shared_ptr<Attachment>& attachment,
                                std::function<void()> done) noexcept {
  const bool leaves_now = !std::exchange(attachment->leaving, true);
  if (leaves_now) {
    leave_stream(*attachment);
  }
  if (attachment->mail != nullptr) {
    if (leaves_now) {
      detach(attachment);
    }
    attachment->mail->mailbox->members().leave(attachment, std::move(done));
    return;
  }
  struct Departure : Order {
    std::shared_ptr<Attachment> attachment;
    std::function<void()> done;
  };
  auto order = std::make_shared<Departure>();
  order->attachment = attachment;
  order->done = std::move(done);
  const auto action = [](Dispatcher& dispatcher, void* subject) {
    auto& departure = *static_cast<Departure*>(subject);
    dispatcher.delivery().detach_in_callback(std::move(departure.attachment),
                                             std::move(departure.done));
  };
  submit(*order, action, order.get(), order);
}

void Runtime::leave_stream(const Attachment& attachment) noexcept {
  const std::optional<StreamId> stream = attachment.filter().stream;
  if (!attachment.is_middleware() && stream.has_value() && streams_.left(*stream)) {
    doorbell_.notify();  // There is a new deadline.
  }
}

SubscriptionStats Runtime::stats(const std::shared_ptr<Attachment>& attachment) {
  SubscriptionStats stats;
  call_on_dispatcher([&](Dispatcher& dispatcher) {
    dispatcher.delivery().collect();
    stats = dispatcher.delivery().stats(*attachment);
  });
  return stats;
}

// Dispatching.

PumpResult Runtime::pump(const PumpOptions& options) noexcept {
  if (!may_pump() || !check(options).ok()) {
    return {.status = PumpResult::Status::kRefused};
  }
  return manual_.pump(options);
}

bool Runtime::wait(std::chrono::nanoseconds timeout) noexcept {
  return may_pump() && manual_.wait(base::Clock::monotonic_deadline(timeout));
}

absl::Status Runtime::refuse_in_callback(const char* caller) const {
  return dispatching_here()
             ? absl::FailedPreconditionError(absl::StrCat(
                   caller,
                   ": called inside a callback of this bus, whose return it would wait for"))
             : absl::OkStatus();
}

absl::Status Runtime::flush(std::chrono::nanoseconds timeout) {
  if (absl::Status outside = refuse_in_callback("flush"); !outside.ok()) {
    return outside;
  }
  if (absl::Status legal = check_timeout("flush: timeout", timeout); !legal.ok()) {
    return legal;
  }
  return await(*ask_for_flush(), base::Clock::monotonic_deadline(timeout))
             ? absl::OkStatus()
             : absl::DeadlineExceededError("flush: not everything was delivered in time");
}

std::shared_ptr<FlushRequest> Runtime::ask_for_flush() {
  auto request = std::make_shared<FlushRequest>();
  request->bell = &manual_.turn_bell();
  const auto action = [](Dispatcher& dispatcher, void* subject) {
    dispatcher.flush(static_cast<FlushRequest*>(subject)->shared_from_this());
  };
  submit(request->asking, action, request.get(), request);
  return request;
}

bool Runtime::await(FlushRequest& request, std::int64_t deadline_ns) noexcept {
  return options_.dispatch == DispatchMode::kThread ? request.served.await(deadline_ns)
                                                    : manual_.serve(request, deadline_ns);
}

BusStats Runtime::stats() {
  BusStats stats;
  SubscriberRows subscribers;
  call_on_dispatcher([&](Dispatcher& dispatcher) {
    dispatcher.delivery().collect();
    dispatcher.fill(stats);
    dispatcher.delivery().fill(subscribers);
    stats.pumps = manual_.stats();
  });
  stats.subscriptions = subscribers.make();
  stats.negative_latencies = meter_.negative();
  for (const std::shared_ptr<MailboxCore>& mailbox : mailboxes()) {
    stats.mailbox_bytes += mailbox->size_bytes();
  }
  stats.exceptions += mailbox_exceptions_.load(std::memory_order_relaxed);  // statistic only
  stats.fence = mode_ == base::FenceMode::kMembarrier ? "membarrier" : "sequentially consistent";
  return stats;
}

}  // namespace herald::core
