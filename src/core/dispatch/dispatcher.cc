// Dispatch: takes batches from the lanes, sends each event through middleware,
// gives it its sequence, fans it out and measures it.
#include "core/dispatch/dispatcher.h"

#include <algorithm>
#include <utility>

#include "core/dispatch/dispatch_scope.h"
#include "core/dispatch/plain_delivery.h"
#include "core/event/event_access.h"
#include "core/lane/lane_registry.h"

namespace herald::core {
Dispatcher::Dispatcher(const BusOptions& options, const ChainOptions& chain, LaneRegistry& registry,
                       SharedPublisher& shared, StreamRegistry& streams, LatencyMeter& meter,
                       WatchPost& post)
    : measures_(options.latency),
      batch_events_(options.batch_events),
      delivery_(options, chain, meter, post),
      registry_(registry),
      shared_(shared),
      streams_(streams),
      hand_(std::make_unique<Event[]>(options.batch_events)),
      right_(*this) {
  lanes_.reserve(options.max_publishers);
}

bool Dispatcher::dispatching_here() const noexcept { return DispatchScope::is_open(*this); }

// A round.

void Dispatcher::note_limits(base::Ticks now) noexcept {
  for (PublisherCore* lane : lanes_) {
    lane->pump_limit = lane->lane().limit();
  }
  const std::uint64_t arrived = shared_.lane().arrived();
  const SharedPublisher::Lane::Mark shared = shared_.lane().mark();
  shared_pump_limit_ = shared_.lane().taken() + shared.missing;
  pump_joiners_ = delivery_.desk().joined();
  shared_age_.note(now, arrived, shared);
}

std::uint64_t Dispatcher::dispatch(const DispatchBudget& given, bool bounded) noexcept {
  const DispatchScope scope(*this, dispatching_);
  DispatchBudget budget = given;
  has_progressed_ = false;
  if (is_behind()) [[unlikely]] {
    catch_up(budget);
  }
  if (!in_hand()) [[likely]] {
    dispatch_lanes(budget, bounded);
  }
  run_deadlines(budget);
  serve_joiners(budget);
  between_events();
  serve_flushes();
  retire_lanes();
  delivery_.end_work();
  return given.events - budget.events;
}

// What the last round had no time for. Due deadlines and the batch in hand lead in turn: either may
// take all the time there is.
void Dispatcher::catch_up(DispatchBudget& budget) noexcept {
  deadlines_lead_ = deadlines_first_ && !deadlines_lead_ && delivery_.pending() == 0;
  if (deadlines_lead_) {
    run_deadlines(budget);
  } else if (joiners_first_ && delivery_.pending() == 0) {
    lead_with_joiners(budget);
  }
  if (in_hand()) {
    delivery_.begin_batch(hand_.get(), reads_each(budget));
    dispatch_in_hand(budget);
  }
  if (deadlines_first_) {
    run_deadlines(budget);
  }
}

// One batch of each lane, until one stays in hand.
void Dispatcher::dispatch_lanes(DispatchBudget& budget, bool bounded) noexcept {
  for (std::size_t turns = lanes_.size() + 1; turns != 0 && budget.events != 0; --turns) {
    const std::size_t lane = next_lane_ > lanes_.size() ? 0 : next_lane_;
    next_lane_ = lane + 1;
    PublisherCore* const from = lane == lanes_.size() ? nullptr : lanes_[lane];
    const std::size_t count = from == nullptr ? take_shared(bounded) : take_from(*from, bounded);
    if (count != 0) {
      begin_batch(from, count, reads_each(budget));
      dispatch_in_hand(budget);
      keep_pace(from, count);
      if (in_hand()) {
        return;
      }
    }
  }
}

// Whether the clock is to be read after each fan-out.
bool Dispatcher::reads_each(const DispatchBudget& budget) const noexcept {
  return budget.exact && (measures_ || budget.until != INT64_MAX);
}

std::size_t Dispatcher::take_from(PublisherCore& lane, bool bounded) noexcept {
  if (!bounded && !is_ripe(lane)) {
    return 0;
  }
  // Nothing but the first batch of a round is urgent.
  const PublisherLane::Count limit =
      bounded ? lane.pump_limit : lane.lane().next_limit(!has_progressed_);
  return lane.lane().take(hand_slots(), batch_events_, limit);
}

// The shared lane has no pace of its own: its publishers are at odds with each other already.
void Dispatcher::keep_pace(PublisherCore* from, std::size_t count) noexcept {
  if (from != nullptr) {
    from->pace.looked(measures_ ? delivery_.last_ticks() : base::Clock::now(), count);
    from->lane().wake_for(from->pace.is_slow() ? 1 : from->wake_room);
    from->lane().look_at_marks(!from->pace.is_dense());
  }
}

std::size_t Dispatcher::take_shared(bool bounded) noexcept {
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
  shared_age_.left({hand_.get(), count});
  if (flushes_.serving()) {
    flushes_.came({hand_.get(), count});
  }
  return count;
}

void Dispatcher::begin_batch(PublisherCore* from, std::size_t count, bool exact) noexcept {
  hand_from_ = from;
  hand_next_ = 0;
  hand_end_ = count;
  if (right_.pending()) {
    right_.run_commands();
  }
  delivery_.begin_batch(hand_.get(), exact);
}

void Dispatcher::dispatch_in_hand(DispatchBudget& budget) noexcept {
  const std::size_t first = hand_next_;
  bool all = delivery_.pending() == 0 || fan_out(budget);  // what the last call left
  while (all && hand_next_ < hand_end_ && budget.events != 0 && !out_of_time(budget) &&
         !delivery_.holds_up(hand_next_)) {
    if (delivery_.is_plain(hand_next_)) {
      dispatch_plain(budget);
    } else {
      delivery_.take(hand_next_++);
      --budget.events;
      all = fan_out(budget);
      has_progressed_ = true;
    }
  }
  delivery_.end_run();
  delivery_.announce();
  let_go(first, hand_next_);
  serve_flushes();  // A round that is out of time ends with the next batch in hand.
}

// Until there is something else to do between two events.
void Dispatcher::dispatch_plain(DispatchBudget& budget) noexcept {
  const std::size_t first = hand_next_;
  const std::size_t end = first + std::min<std::uint64_t>(hand_end_ - first, budget.events);
  has_progressed_ = true;
  delivery_.deliver_plain(
      hand_next_, end, [this] { return right_.pending() || delivery_.untidy(); },
      [this, &budget] { return out_of_time(budget); });
  budget.events -= hand_next_ - first;
  between_events();
}

// What became of one event: the first of them, and more as long as there is time. False if some are
// left.
bool Dispatcher::fan_out(const DispatchBudget& budget) noexcept {
  while (!delivery_.holds_up_next() && delivery_.fan_out_next()) {
    has_progressed_ = true;
    between_events();
    if (delivery_.pending() != 0 && out_of_time(budget)) {
      return false;
    }
  }
  return delivery_.pending() == 0;
}

// One fan-out, or one deadline, is always done: otherwise a small budget would never end.
bool Dispatcher::out_of_time(const DispatchBudget& budget) const noexcept {
  if (budget.until == INT64_MAX) [[likely]] {
    return false;
  }
  return has_progressed_ &&
         (measures_ ? delivery_.last_ticks() : base::Clock::now()) >= budget.until;
}

void Dispatcher::let_go(std::size_t from, std::size_t to) noexcept {
  for (std::size_t i = from; i < to; ++i) {
    if (EventAccess::has_block(hand_[i])) [[unlikely]] {
      EventAccess::clear(hand_[i]);
    }
  }
}

void Dispatcher::between_events() noexcept {
  if (right_.pending()) [[unlikely]] {
    right_.run_commands();
  }
  while (delivery_.untidy()) [[unlikely]] {
      delivery_.tidy();
    }
}

// The end of a round.

void Dispatcher::run_deadlines(const DispatchBudget& budget) noexcept {
  if (next_deadline() == base::Clock::kNever) [[likely]] {
    deadlines_first_ = false;
    return;
  }
  const base::Ticks now = base::Clock::now();
  constexpr int kMostStreams = 64;  // in a round, so that other things have their turn
  for (int i = 0; i < kMostStreams && streams_.next_expiry() <= now; ++i) {
    streams_.expire_one(now);
  }
  // With events in hand too: max_events does not hold a deadline up.
  while (delivery_.pending() == 0 && !out_of_time(budget) && delivery_.take_deadline(now)) {
    fan_out(budget);
    has_progressed_ = true;
    delivery_.end_run();
    delivery_.announce();
  }
  deadlines_first_ = delivery_.has_deadline() && delivery_.next_deadline() <= now;
}

void Dispatcher::serve_flushes() noexcept {
  while (!flushes_.idle()) {
    if (!flushes_.serving() &&
        !flushes_.next_group(lanes_, shared_.lane().mark(), delivery_.desk().joined())) {
      return;
    }
    if (!flush_reached()) {
      return;
    }
    flushes_.complete();
  }
}

// Deadlines that were made to expire belong to what a drain waits for.
bool Dispatcher::flush_reached() const noexcept {
  return !in_hand() && !(delivery_.has_deadline() && delivery_.next_deadline() <= 0) &&
         flushes_.reached(lanes_, shared_.lane().mark(), delivery_.desk().served());
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
    if (lane->lane().waiting() != 0 || (in_hand() && hand_from_ == lane)) {
      lanes_to_retire_ = true;  // again after the next round
      return false;
    }
    registry_.give_back(*lane);
    return true;
  });
}

bool Dispatcher::has_work(base::Ticks now) const noexcept {
  if (delivery_.is_held_up()) {
    return !right_.empty();
  }
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](PublisherCore* lane) { return lane->lane().sees_any(); }) ||
         has_other_work(now);
}

bool Dispatcher::has_ripe_work(base::Ticks now) noexcept {
  if (delivery_.is_held_up()) {
    return !right_.empty();
  }
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    if (lanes_[lane]->pace.may_look(now) && lanes_[lane]->lane().sees_next()) {
      if (!in_hand()) {
        next_lane_ = lane;
      }
      return true;
    }
  }
  return has_other_work(now);
}

bool Dispatcher::has_other_work(base::Ticks now) const noexcept {
  if (in_hand() || shared_.lane().waiting() || !right_.empty() || next_deadline() <= now ||
      delivery_.can_serve_joiner()) {
    return true;
  }
  // Reached by a seal that named its count, and by no event: nobody else would tell.
  return flushes_.serving() && flush_reached();
}

bool Dispatcher::has_work_within_limits() const noexcept {
  const SharedPublisher::Lane& shared = shared_.lane();
  if (delivery_.is_held_up()) {
    return false;
  }
  if (in_hand() || deadlines_first_ ||
      (delivery_.desk().served() < pump_joiners_ && delivery_.can_serve_joiner()) ||
      (shared.waiting() && shared.taken() < shared_pump_limit_)) {
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
  // What callables do when they are destroyed counts as a callback.
  const DispatchScope scope(*this, dispatching_);
  execute(order);
  serve_flushes();
  retire_lanes();
  while (delivery_.untidy()) {
    delivery_.tidy();
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
  lane.pace = DrainPace(lane.lane().capacity());
  lanes_.push_back(&lane);
}

void Dispatcher::close_lane(PublisherCore& lane) noexcept {
  lane.is_closing = true;
  lanes_to_retire_ = true;
}

void Dispatcher::flush(std::shared_ptr<FlushRequest> request) noexcept {
  flushes_.add(std::move(request));
}

void Dispatcher::discard_all() noexcept {
  const DispatchScope scope(*this, dispatching_);  // as in run(): payloads are destroyed here, too
  discard(hand_from_, hand_next_, hand_end_);
  hand_next_ = hand_end_ = 0;
  discarded_ += delivery_.discard_pending();
  for (PublisherCore* lane : lanes_) {
    PublisherLane& rest = lane->lane();
    while (const std::size_t taken = rest.take(hand_slots(), batch_events_, rest.limit())) {
      discard(lane, 0, taken);
    }
  }
  while (const std::size_t taken = take_shared(false)) {
    discard(nullptr, 0, taken);
  }
  delivery_.clear();
  right_.run_commands();
  serve_flushes();
}

void Dispatcher::discard(PublisherCore* from, std::size_t begin, std::size_t end) noexcept {
  let_go(begin, end);
  discarded_ += end - begin;
  (from == nullptr ? shared_.discarded : from->discarded) += end - begin;
}

}  // namespace herald::core
