// Stage 2 to 8, dispatcher: takes batches from the lanes, sends each event through middleware, gives
// it its sequence, fans it out and measures it.
#include "core/dispatcher.h"

#include <algorithm>
#include <utility>

#include "core/event_access.h"
#include "core/lane_registry.h"

namespace herald::core {
namespace {

constexpr std::uint16_t kAwaitedByBatch = 1;  // a flag of an event in hand

struct Frame {
  const Dispatcher* dispatcher;
  const Frame* outer;
};
thread_local const Frame* innermost_frame = nullptr;

}  // namespace

// Marks the thread, so that calls from callbacks are known.
class Dispatcher::Scope {
 public:
  explicit Scope(Dispatcher& dispatcher) noexcept
      : dispatcher_(dispatcher), frame_{&dispatcher, innermost_frame} {
    innermost_frame = &frame_;
    dispatcher_.dispatching_ = true;
  }
  ~Scope() {
    dispatcher_.dispatching_ = false;
    innermost_frame = frame_.outer;
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Dispatcher& dispatcher_;
  const Frame frame_;
};

Dispatcher::Dispatcher(const BusOptions& options, const ChainOptions& chain,
                       LaneRegistry& registry, SharedPublisher& shared, LatencyMeter& meter)
    : measures_(options.latency),
      batch_events_(options.batch_events),
      guard_(options.on_error),
      chain_(chain, guard_),
      table_(guard_),
      meter_(meter),
      registry_(registry),
      shared_(shared),
      hand_(std::make_unique<Event[]>(options.batch_events)),
      right_(*this) {
  lanes_.reserve(options.max_publishers);
  staged_.reserve(options.batch_events + options.max_emitted_per_event + 1);
}

Dispatcher::~Dispatcher() = default;

bool Dispatcher::dispatching_here() const noexcept {
  for (const Frame* frame = innermost_frame; frame != nullptr; frame = frame->outer) {
    if (frame->dispatcher == this) {
      return true;
    }
  }
  return false;
}

// A round.

void Dispatcher::note_limits() noexcept {
  for (PublisherCore* lane : lanes_) {
    lane->pump_limit = lane->lane().limit();
  }
  shared_pump_limit_ = shared_.lane().tickets();
}

std::uint64_t Dispatcher::dispatch(const DispatchBudget& given, bool bounded) noexcept {
  const Scope scope(*this);
  DispatchBudget budget = given;
  dispatch_in_hand(budget);
  const std::size_t turns = lanes_.size() + 1;
  for (std::size_t turn = 0; turn < turns && !in_hand() && !spent(budget); ++turn) {
    if (next_lane_ > lanes_.size()) {
      next_lane_ = 0;
    }
    const std::size_t lane = next_lane_++;
    const std::uint64_t count =
        lane == lanes_.size() ? take_shared(bounded) : take_from(*lanes_[lane], bounded);
    if (count != 0) {
      begin_batch(count);
      dispatch_in_hand(budget);
    }
  }
  run_deadlines();
  between_events();
  serve_flushes();
  retire_lanes();
  return given.events - budget.events;
}

std::uint64_t Dispatcher::take_from(PublisherCore& lane, bool bounded) noexcept {
  const PublisherLane::Count limit = bounded ? lane.pump_limit : lane.lane().limit();
  return lane.lane().take(hand_slots(), batch_events_, limit);
}

std::uint64_t Dispatcher::take_shared(bool bounded) noexcept {
  SharedPublisher::Lane& lane = shared_.lane();
  if (!lane.waiting()) {
    return 0;
  }
  std::size_t max = batch_events_;
  if (bounded) {
    const std::uint64_t left =
        shared_pump_limit_ > lane.taken() ? shared_pump_limit_ - lane.taken() : 0;
    max = static_cast<std::size_t>(std::min<std::uint64_t>(max, left));
    if (max == 0) {
      return 0;
    }
  }
  const std::size_t count = lane.take(hand_slots(), max);
  if (flushes_.serving()) {
    count_flushed(count);
  }
  return count;
}

// Events are taken into hand_ as bare slots: an Event is nothing but its slot.
detail::EventSlot* Dispatcher::hand_slots() noexcept { return &EventAccess::slot(hand_[0]); }

void Dispatcher::begin_batch(std::size_t count) noexcept {
  hand_next_ = 0;
  hand_end_ = count;
  if (right_.pending()) {
    right_.run_commands();
  }
  if (measures_) {
    last_ticks_ = base::Clock::now();
  }
}

void Dispatcher::dispatch_in_hand(DispatchBudget& budget) noexcept {
  const std::size_t first = hand_next_;
  while (in_hand() && !spent(budget)) {
    dispatch_next();
    --budget.events;
    between_events();
  }
  deliver_ready_batch();
  let_go(first, hand_next_);
}

bool Dispatcher::spent(const DispatchBudget& budget) const noexcept {
  if (budget.events == 0) [[unlikely]] {
    return true;
  }
  if (budget.until == INT64_MAX) [[likely]] {
    return false;
  }
  return (measures_ && in_hand() ? last_ticks_ : base::Clock::now()) >= budget.until;
}

void Dispatcher::let_go(std::size_t from, std::size_t to) noexcept {
  for (std::size_t i = from; i < to; ++i) {
    if (EventAccess::has_block(hand_[i])) [[unlikely]] {
      EventAccess::clear(hand_[i]);
    }
  }
}

// An event.

void Dispatcher::dispatch_next() noexcept {
  const std::size_t at = hand_next_++;
  if (!chain_.concerns(hand_[at])) [[likely]] {
    use_ready(false, at);
    fan_out(hand_[at]);
    ++ready_end_;
    return;
  }
  use_ready(true, staged_.size());
  chain_.process(std::move(hand_[at]), staged_);
  dispatch_staged();
}

void Dispatcher::dispatch_staged() noexcept {
  for (; staged_next_ < staged_.size(); ++staged_next_) {
    fan_out(staged_[staged_next_]);
    ++ready_end_;
    between_events();
  }
  if (!batch_awaits_ || staged_.size() >= batch_events_) {
    deliver_ready_batch();
  }
}

// The ready events are one contiguous run: switching between the places ends it.
void Dispatcher::use_ready(bool staged, std::size_t at) noexcept {
  if (ready_is_staged_ != staged) [[unlikely]] {
    deliver_ready_batch();
    at = staged ? 0 : at;
    ready_is_staged_ = staged;
  }
  if (ready_begin_ == ready_end_) {
    ready_begin_ = at;
    ready_end_ = at;
  }
}

void Dispatcher::fan_out(Event& event) noexcept {
  detail::EventSlot& slot = EventAccess::slot(event);
  const unsigned type = event.type_index();
  const bool awaited = table_.awaited_by_batch(event);
  slot.sequence = ++sequence_;
  slot.flags = awaited ? kAwaitedByBatch : 0;
  batch_awaits_ |= awaited;
  if (!measures_) {
    table_.deliver(event);
    return;
  }
  meter_.record_wait(type, slot.publish_ticks, last_ticks_);
  table_.deliver(event);
  last_ticks_ = base::Clock::now();
  if (!awaited) {
    meter_.record_delivery(type, slot.publish_ticks, last_ticks_);
  }
}

void Dispatcher::deliver_ready_batch() noexcept {
  if (batch_awaits_) {
    Event* const base = ready_is_staged_ ? staged_.data() : hand_.get();
    const std::span<const Event> ready(base + ready_begin_, base + ready_end_);
    table_.deliver_batch(ready);
    batch_awaits_ = false;
    if (measures_) {
      last_ticks_ = base::Clock::now();
      for (const Event& event : ready) {
        const detail::EventSlot& slot = EventAccess::slot(event);
        if ((slot.flags & kAwaitedByBatch) != 0) {
          meter_.record_delivery(event.type_index(), slot.publish_ticks, last_ticks_);
        }
      }
    }
  }
  staged_.clear();
  staged_next_ = 0;
  ready_begin_ = ready_end_ = 0;
}

void Dispatcher::between_events() noexcept {
  if (right_.pending()) [[unlikely]] {
    right_.run_commands();
  }
  if (untidy_) [[unlikely]] {
    tidy();
  }
}

// The end of a round.

void Dispatcher::run_deadlines() noexcept {
  if (!chain_.has_deadline()) [[likely]] {
    return;
  }
  last_ticks_ = base::Clock::now();
  use_ready(true, 0);
  const base::Ticks now = last_ticks_;
  while (chain_.run_deadline(now, staged_)) {
    dispatch_staged();
  }
  deliver_ready_batch();
}

void Dispatcher::serve_flushes() noexcept {
  while (!flushes_.idle()) {
    if (!flushes_.serving()) {
      if (!flushes_.next_group()) {
        return;
      }
      note_flush_limits();
    }
    if (!flush_reached()) {
      return;
    }
    flushes_.complete();
  }
}

void Dispatcher::note_flush_limits() noexcept {
  for (PublisherCore* lane : lanes_) {
    lane->flush_limit = lane->lane().announced();
  }
  shared_flush_limit_ = shared_.lane().tickets();
  shared_flush_missing_ = shared_flush_limit_ - shared_.lane().taken();
}

// Taken events still carry their ticket as sequence. Finding nothing means: all have come.
void Dispatcher::count_flushed(std::size_t events) noexcept {
  if (events == 0) {
    shared_flush_missing_ = 0;
    return;
  }
  for (std::size_t i = 0; i < events; ++i) {
    if (hand_[i].sequence() < shared_flush_limit_ && shared_flush_missing_ != 0) {
      --shared_flush_missing_;
    }
  }
}

// Deadlines that were made to expire belong to what a drain waits for.
bool Dispatcher::flush_reached() const noexcept {
  return !in_hand() && shared_flush_missing_ == 0 &&
         !(chain_.has_deadline() && chain_.next_deadline() <= 0) &&
         std::all_of(lanes_.begin(), lanes_.end(), [](const PublisherCore* lane) {
           return lane->lane().reached(lane->flush_limit);
         });
}

void Dispatcher::retire_lanes() noexcept {
  if (!lanes_to_retire_) [[likely]] {
    return;
  }
  lanes_to_retire_ = false;
  std::erase_if(lanes_, [this](PublisherCore* lane) {
    if (!lane->is_closing) {
      return false;
    }
    if (lane->lane().waiting() != 0) {
      lanes_to_retire_ = true;  // again after the next round
      return false;
    }
    registry_.give_back(*lane);
    return true;
  });
}

void Dispatcher::tidy() noexcept {
  untidy_ = false;
  table_.sweep();
  chain_.sweep();
  // Destroying callables may come back here, through the handles that they own.
  for (const std::shared_ptr<Attachment>& gone : std::exchange(leavers_, {})) {
    gone->destroy_callable();
  }
}

bool Dispatcher::has_work(base::Ticks now) const noexcept {
  if (in_hand() || shared_.lane().waiting() || !right_.empty() ||
      (chain_.has_deadline() && chain_.next_deadline() <= now)) {
    return true;
  }
  // Reached by a seal that named its count, and by no event: nobody else would tell.
  if (flushes_.serving() && flush_reached()) {
    return true;
  }
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](const PublisherCore* lane) { return lane->lane().waiting() != 0; });
}

bool Dispatcher::has_work_within_limits() const noexcept {
  const SharedPublisher::Lane& shared = shared_.lane();
  if (in_hand() || (shared.waiting() && shared.taken() < shared_pump_limit_)) {
    return true;
  }
  return std::any_of(lanes_.begin(), lanes_.end(), [](const PublisherCore* lane) {
    return lane->lane().taken() < lane->pump_limit;
  });
}

// Commands.

void Dispatcher::run(Right::Order& command) noexcept {
  auto& order = static_cast<Order&>(command);
  if (dispatching_) {
    execute(order);
    return;
  }
  const Scope scope(*this);  // what callables do when they are destroyed counts as a callback
  execute(order);
  serve_flushes();
  retire_lanes();
  if (untidy_) {
    tidy();
  }
}

void Dispatcher::execute(Order& order) noexcept {
  const std::shared_ptr<void> keep = std::move(order.keep);
  order.action(*this, order.subject);
  order.complete();
}

void Dispatcher::open_lane(PublisherCore& lane) {
  lane.pump_limit = 0;
  lane.flush_limit = 0;
  lanes_.push_back(&lane);
}

void Dispatcher::close_lane(PublisherCore& lane) noexcept {
  lane.is_closing = true;
  lanes_to_retire_ = true;
}

void Dispatcher::attach(Attachment& attachment) {
  if (attachment.state != Attachment::State::kNew) {
    return;  // Unsubscribed inside the callback that subscribed it.
  }
  attachment.state = Attachment::State::kAttached;
  if (attachment.is_middleware()) {
    chain_.attach(attachment);
  } else {
    table_.attach(attachment);
  }
}

void Dispatcher::detach(Attachment& attachment) noexcept {
  if (std::exchange(attachment.state, Attachment::State::kDetached) !=
      Attachment::State::kAttached) {
    return;
  }
  if (attachment.is_middleware()) {
    chain_.detach(attachment);
  } else {
    table_.detach(attachment);
  }
  untidy_ = true;
  attachment.attached.reset();  // The caller has another reference.
}

void Dispatcher::detach_in_callback(std::shared_ptr<Attachment> attachment) noexcept {
  detach(*attachment);
  leavers_.push_back(std::move(attachment));
  untidy_ = true;
}

void Dispatcher::activate_type(unsigned type_index) { table_.activate(type_index); }

void Dispatcher::flush(std::shared_ptr<FlushRequest> request) noexcept {
  flushes_.add(std::move(request));
}

void Dispatcher::discard_all() noexcept {
  const auto discard = [this](std::size_t events) {
    for (std::size_t i = 0; i < events; ++i) {
      EventAccess::clear(hand_[i]);
    }
    discarded_ += events;
    return events;
  };
  discarded_ += hand_end_ - hand_next_;
  let_go(hand_next_, hand_end_);
  hand_next_ = hand_end_ = 0;
  for (PublisherCore* lane : lanes_) {
    while (const std::size_t taken = take_from(*lane, false)) {
      lane->discarded += discard(taken);
    }
  }
  while (const std::size_t taken = take_shared(false)) {
    shared_.discarded += discard(taken);
  }
  const Scope scope(*this);  // as in run()
  table_.clear();
  chain_.clear();
  tidy();
  right_.run_commands();
  serve_flushes();
}

// Seeing.

SubscriptionStats Dispatcher::stats(const Attachment& attachment) const {
  return attachment.is_middleware() ? chain_.stats(attachment) : table_.stats(attachment);
}

void Dispatcher::fill(BusStats& stats) const {
  stats.publishers.push_back(shared_.stats());
  for (const PublisherCore* lane : lanes_) {
    stats.publishers.push_back(lane->stats());
  }
  stats.closed_publishers = registry_.closed_publishers();
  stats.closed_publishers.name = "closed";
  stats.total.name = "total";
  for (const PublisherStats& row : stats.publishers) {
    add(stats.total, row);
  }
  add(stats.total, stats.closed_publishers);
  stats.subscriptions = table_.all_stats();
  stats.middleware = chain_.all_stats();
  stats.dispatched = sequence_;
  stats.deliveries = table_.deliveries();
  const MiddlewareChain::Counts& counts = chain_.counts();
  stats.emitted = counts.emitted;
  stats.emit_refused = counts.refused;
  stats.middleware_dropped = counts.dropped;
  stats.held = counts.held;
  stats.discarded = discarded_;
  stats.queued = stats.total.queued + (hand_end_ - hand_next_);
  stats.exceptions = guard_.exceptions();
  stats.parks = parks_;
  stats.stalls = stalls_.stats();
  stats.lane_bytes = registry_.size_bytes() + shared_.reserved_bytes();
  stats.table_bytes = table_.size_bytes();
}

}  // namespace herald::core
