// Dispatch, delivery: takes the events of a batch one by one, sends each through middleware,
// gives it its sequence, fans it out and measures it.
#include "core/dispatch/delivery.h"

#include <utility>

namespace herald::core {
namespace {

// Events that were published in one batch have one latency, if they are delivered as one.
bool measures_alike(const detail::EventSlot& one, const detail::EventSlot& other) noexcept {
  return one.publish_ticks == other.publish_ticks && one.type_entry == other.type_entry &&
         one.flags == other.flags;
}

}  // namespace

Delivery::Delivery(const BusOptions& options, const ChainOptions& chain, LatencyMeter& meter,
                   WatchPost& post)
    : measures_(options.latency),
      most_staged_(options.batch_events),
      guard_(options.on_error),
      chain_(chain, guard_),
      table_(guard_),
      ring_(options.replay_events, options.replay_bytes),
      desk_(ring_, table_, guard_),
      meter_(meter),
      post_(post),
      ledger_(options.on_slow) {
  staged_.reserve(options.batch_events + options.max_emitted_per_event + 1);
}

// A batch.

void Delivery::begin_batch(Event* batch, bool exact) noexcept {
  begin_work();
  batch_ = batch;
  sharing_.begin(exact);
  refresh_clock();
}

void Delivery::refresh_clock() noexcept {
  if (measures_) {
    last_ticks_ = base::Clock::now();
  }
}

void Delivery::take(std::size_t index) noexcept {
  use_place(true);
  table_.begin_turn();
  EventAccess::slot(batch_[index]).sequence = 0;  // a ticket, or that of what lay here before
  chain_.process(std::move(batch_[index]), staged_);
  known_end_ = staged_.size();
  refresh_clock();  // Middleware took its time, and what it emitted is younger than the last read.
}

// Called between two events. What is not kept yet was fanned out last, so it ends the run.
void Delivery::keep_run() noexcept {
  const std::uint64_t count = sequence_ - ring_.newest();
  const Event* const end = (ready_is_staged_ ? staged_.data() : batch_) + ready_end_;
  ring_.append(std::span<const Event>(end - count, count));
}

void Delivery::end_run() noexcept { close_run(); }

// Inline also where middleware ends a run with each event.
[[gnu::always_inline]] inline void Delivery::close_run() noexcept {
  if (ring_.is_on()) [[unlikely]] {
    keep_run();
  }
  if (batch_awaits_) {
    Event* const base = ready_is_staged_ ? staged_.data() : batch_;
    deliver_run(std::span<const Event>(base + ready_begin_, base + ready_end_));
    batch_awaits_ = false;
  }
  if (pending() != 0) {
    ready_begin_ = ready_end_;
    return;
  }
  staged_.clear();
  ready_begin_ = ready_end_ = known_end_ = 0;
}

bool Delivery::fan_out_next() noexcept {
  if (ready_end_ >= known_end_) {
    if (ready_is_staged_ && (!batch_awaits_ || staged_.size() >= most_staged_)) {
      close_run();
    }
    return false;
  }
  const std::size_t index = ready_end_++;
  Event& event = ready_is_staged_ ? staged_[index] : batch_[index];
  stamp(event, index);
  table_.deliver(event);
  measure(&event, &event + 1);
  return true;
}

void Delivery::stamp(Event& event, std::size_t index) noexcept {
  detail::EventSlot& slot = EventAccess::slot(event);
  const bool awaited = table_.awaited_by_batch(event);
  slot.sequence = ++sequence_;
  slot.flags = awaited ? kAwaitedByBatch : 0;
  if (awaited && !batch_awaits_) {
    batch_awaits_ = true;
    ready_begin_ = index;  // Nobody waits for those before it.
  }
}

// They have been fanned out since the last read of the clock.
void Delivery::measure(Event* begin, Event* end) noexcept {
  if (!measures_ || begin == end) {
    return;
  }
  const base::Ticks start = std::exchange(last_ticks_, base::Clock::now());
  if (end - begin == 1) {
    measure_one(*begin, start);
  } else {
    measure_several(begin, end);
  }
  sharing_.read(last_ticks_ - start, last_ticks_ - EventAccess::slot(end[-1]).publish_ticks);
}

// Each counts as if its fan-out had begun and ended now: longer than it was, never shorter.
void Delivery::measure_several(const Event* begin, const Event* end) noexcept {
  for (const Event* event = begin; event != end;) {
    const detail::EventSlot& slot = EventAccess::slot(*event);
    const Event* const first = event++;
    if ((slot.flags & kAwaitedByBatch) != 0) [[unlikely]] {
      meter_.record_wait(first->type_index(), slot.publish_ticks, last_ticks_);
      continue;
    }
    while (event != end && measures_alike(slot, EventAccess::slot(*event))) {
      ++event;
    }
    meter_.record_wait_and_delivery(first->type_index(), slot.publish_ticks, last_ticks_,
                                    static_cast<std::uint64_t>(event - first));
  }
}

void Delivery::measure_one(Event& event, base::Ticks start) noexcept {
  detail::EventSlot& slot = EventAccess::slot(event);
  if (slot.publish_ticks == 0) [[unlikely]] {
    slot.publish_ticks = start;  // a middleware made it without a time
  }
  meter_.record_wait(event.type_index(), slot.publish_ticks, start);
  if ((slot.flags & kAwaitedByBatch) == 0) {
    meter_.record_delivery(event.type_index(), slot.publish_ticks, last_ticks_);
  }
}

base::Ticks Delivery::next_publish_ticks() const noexcept {
  return EventAccess::slot(ready_is_staged_ ? staged_[ready_end_] : batch_[ready_end_])
      .publish_ticks;
}

std::size_t Delivery::discard_pending() noexcept {
  const std::size_t count = pending();
  known_end_ = ready_end_;
  end_run();
  return count;
}

void Delivery::deliver_run(std::span<const Event> run) noexcept {
  table_.deliver_batch(run);
  if (!measures_) {
    return;
  }
  last_ticks_ = base::Clock::now();
  for (const Event& event : run) {
    const detail::EventSlot& slot = EventAccess::slot(event);
    if ((slot.flags & kAwaitedByBatch) != 0) {
      meter_.record_delivery(event.type_index(), slot.publish_ticks, last_ticks_);
    }
  }
}

bool Delivery::take_deadline(base::Ticks now) noexcept {
  end_run();
  ready_is_staged_ = true;
  begin_work();
  const bool ran = chain_.run_deadline(now, staged_);
  known_end_ = staged_.size();
  refresh_clock();
  return ran;
}

// Subscribers and middleware.

void Delivery::attach(Attachment& attachment) {
  if (attachment.state != Attachment::State::kNew) {
    attachment.attached.reset();  // Unsubscribed inside the callback that subscribed it.
    return;
  }
  attachment.state = Attachment::State::kAttached;
  if (attachment.mail != nullptr) {
    mailboxes_.attach(attachment);
  }
  if (attachment.is_middleware()) {
    collect();
    chain_.attach(attachment);
    ++layout_;
  } else if (attachment.late != nullptr) {
    keep_run();
    desk_.join(attachment);
  } else {
    table_.attach(attachment);
  }
}

void Delivery::detach(Attachment& attachment) noexcept {
  if (std::exchange(attachment.state, Attachment::State::kDetached) !=
      Attachment::State::kAttached) {
    return;
  }
  collect();
  if (attachment.is_middleware()) {
    chain_.detach(attachment);
  } else if (!desk_.leave(attachment)) {
    table_.detach(attachment);
  }
  if (attachment.mail != nullptr) {
    mailboxes_.detach(attachment);
  }
  untidy_ = true;
  attachment.attached.reset();  // The caller has another reference.
}

void Delivery::detach_in_callback(std::shared_ptr<Attachment> attachment,
                                  std::function<void()> done) noexcept {
  detach(*attachment);
  leavers_.emplace_back(std::move(attachment), std::move(done));
  untidy_ = true;
}

void Delivery::detach_all(MailboxCore& mailbox) noexcept {
  while (!mailbox.receivers().empty()) {
    detach(*mailbox.receivers().back());
  }
}

void Delivery::tidy() noexcept {
  untidy_ = false;
  collect();
  table_.sweep();
  chain_.sweep();
  ++layout_;
  if (MailboxCore* const failed = mailboxes_.failed(); failed != nullptr) {
    detach_all(*failed);
  }
  // Destroying callables may come back here, through the handles that they own.
  for (const auto& [gone, done] : std::exchange(leavers_, {})) {
    gone->destroy_callable();
    if (done != nullptr) {
      done();
    }
  }
}

void Delivery::clear() noexcept {
  collect();
  table_.clear();
  desk_.clear();
  chain_.clear();
  ++layout_;
  mailboxes_.clear();
  ring_.clear();
  tidy();
  ledger_.clear();
}

// The watchdog.

Stay Delivery::stay() const noexcept {
  Stay stay;
  stay.layout = layout_.watch();
  stay.thread = post_.thread();
  table_.watch(stay);
  stay.link = chain_.watch();
  return stay;
}

void Delivery::collect() noexcept {
  post_.take([this](const StayReport& report) { ledger_.add(report, owner(report.stay)); });
}

Attachment* Delivery::owner(const Stay& stay) const noexcept {
  if (stay.layout != layout_) {
    return nullptr;
  }
  return stay.link != 0 ? chain_.link_of(stay.link) : table_.owner(stay);
}

void Delivery::begin_work() noexcept {
  table_.begin_turn();
  // Also what was told after the last round, whether the sampler's order has run since or not.
  if (post_.begin_work() && (post_.is_asked() || !ledger_.struck().empty())) [[unlikely]] {
    collect();
    tell_struck();
  }
}

void Delivery::act_on_strikes() noexcept {
  post_.answered();
  collect();
  if (post_.at_work()) {
    tell_struck();
  }
}

// What the handler and the end of a callable do may come back here, and add to those struck.
void Delivery::tell_struck() noexcept {
  for (std::size_t i = 0; i < ledger_.struck().size(); ++i) {
    const SlowLedger::Struck struck = ledger_.struck()[i];
    if (struck.attachment->deserves_quarantine()) {
      quarantine(*struck.attachment);
    }
    ledger_.tell(*struck.attachment, struck.seen);
  }
  ledger_.clear_struck();
}

void Delivery::quarantine(Attachment& attachment) noexcept {
  // The calls of one that delivers on a mailbox are elsewhere: what was slow was the machine.
  if (attachment.state == Attachment::State::kAttached && attachment.mail == nullptr) {
    attachment.slowness.quarantined = true;
    ledger_.count_quarantined();
    detach(attachment);
    attachment.destroy_callable();  // Its owner may come to do so once it is detached: not later.
  }
}

// Seeing.

SubscriptionStats Delivery::stats(const Attachment& attachment) const {
  return attachment.is_middleware() ? chain_.stats(attachment, ledger_.watched())
                                    : table_.stats(attachment, ledger_.watched());
}

void Delivery::fill(BusStats& stats) const {
  stats.middleware = chain_.all_stats(ledger_.watched());
  stats.watch = ledger_.stats();
  stats.watch.lost = post_.lost();
  stats.watch.looks = post_.looks();
  for (const auto& culprit : ledger_.culprits()) {
    stats.culprits.push_back(this->stats(*culprit));
  }
  stats.dispatched = sequence_;
  stats.deliveries = table_.deliveries() + desk_.deliveries();
  const MiddlewareChain::Counts& counts = chain_.counts();
  stats.emitted = counts.emitted;
  stats.emit_refused = counts.refused;
  stats.middleware_dropped = counts.dropped;
  stats.held = counts.held;
  stats.exceptions = guard_.exceptions();
  stats.table_bytes = table_.size_bytes();
  stats.replay_events = ring_.events();
  stats.replay_bytes = ring_.size_bytes();
}

}  // namespace herald::core
