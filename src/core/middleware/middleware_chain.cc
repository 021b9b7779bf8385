// Middleware: takes an accepted event, gives the events that become of it, in order.
#include "core/middleware/middleware_chain.h"

#include <algorithm>
#include <utility>

#include "base/exceptions.h"
#include "core/event/event_access.h"

namespace herald::core {

void MiddlewareChain::attach(Attachment& middleware) {
  sweep();  // one that left in the same moment is still a gap
  const auto behind = std::upper_bound(
      links_.begin(), links_.end(), middleware.priority(),
      [](int priority, const Attachment* link) { return priority < link->priority(); });
  links_.insert(behind, &middleware);
  types_ |= middleware.filter().types.bits();
}

void MiddlewareChain::detach(Attachment& middleware) noexcept {
  std::replace(links_.begin(), links_.end(), &middleware, static_cast<Attachment*>(nullptr));
  deadlines_.remove(middleware);
  counts_.held -= middleware.held;
  counts_.dropped += middleware.held;
  middleware.held = 0;
}

void MiddlewareChain::sweep() noexcept {
  std::erase(links_, nullptr);
  types_ = 0;
  for (const Attachment* link : links_) {
    types_ |= link->filter().types.bits();
  }
}

void MiddlewareChain::clear() noexcept {
  for (Attachment* link : links_) {
    if (link != nullptr) {
      detach(*link);
      link->state = Attachment::State::kDetached;
      const std::shared_ptr<Attachment> kept = std::move(link->attached);
      kept->destroy_callable();
    }
  }
  sweep();
}

void MiddlewareChain::process(Event&& event, std::vector<Event>& output) noexcept {
  output_ = &output;
  sent_ = 0;
  run(std::move(event), 0);
  back_to(0);
}

// What a link sends inside its own visit; then that goes on.
void MiddlewareChain::run_inside(Event&& event, std::size_t position) noexcept {
  const std::uint64_t visiting = watch();
  sends_ += kSent;
  run(std::move(event), position);
  sends_ += kSent;  // for the event that goes on
  back_to(visiting);
}

void MiddlewareChain::run(Event&& event, std::size_t position) noexcept {
  const std::size_t mark = after_.size();
  bool passed = true;
  for (; passed && position < links_.size(); ++position) {
    Attachment* link = links_[position];
    if (link != nullptr && link->filter().matches(event.type_index(), event.stream())) {
      passed = settle(*link, visit(*link, event, position));
    }
  }
  if (passed && is_whole(event)) {
    output_->push_back(std::move(event));
  } else if (passed) {
    ++counts_.dropped;
  }
  run_after(mark);
}

// A link may have moved the payload away, or assigned or resumed an event that it kept from another
// bus. Subscribers do not look again.
bool MiddlewareChain::is_whole(const Event& event) const noexcept {
  const detail::EventSlot& slot = EventAccess::slot(event);
  const TypeRegistry::Entry* type = options_.types->entry(event.type_index());
  return type != nullptr && type->payload == slot.type_entry >> 8U &&
         slot.kind != detail::PayloadKind::kNone;
}

void MiddlewareChain::run_after(std::size_t mark) noexcept {
  for (std::size_t i = mark; i < after_.size(); ++i) {
    After next = std::move(after_[i]);
    sends_ += kSent;
    run(std::move(next.event), next.position);
  }
  after_.resize(mark);
}

Verdict MiddlewareChain::visit(Attachment& link, Event& event, std::size_t position) noexcept {
  ++link.offered;
  enter(position);
  Emitter emitter(*this, position);
  HERALD_TRY {
    detail::MiddlewareCallback& middleware = link.middleware();
    return middleware.event.function(middleware.event.object.get(), event, emitter);
  }
  HERALD_CATCH_ALL { guard_.caught(link); }
  return Verdict::kPass;
}

bool MiddlewareChain::settle(Attachment& link, Verdict verdict) noexcept {
  if (verdict == Verdict::kPass) {
    return true;
  }
  // One that removed itself in this call can no longer resume: what it holds is dropped.
  if (verdict == Verdict::kHold && link.state == Attachment::State::kAttached) {
    ++link.held;
    ++counts_.held;
  } else {
    ++counts_.dropped;
  }
  return false;
}

bool MiddlewareChain::run_deadline(base::Ticks now, std::vector<Event>& output) noexcept {
  Attachment* due = deadlines_.take_due(now);
  if (due == nullptr) {
    return false;
  }
  output_ = &output;
  sent_ = 0;
  running_deadlines_of_ = now;
  const std::size_t mark = after_.size();
  const auto found = std::find(links_.begin(), links_.end(), due);
  const auto position = static_cast<std::size_t>(found - links_.begin());
  enter(position);
  Emitter emitter(*this, position);
  HERALD_TRY {
    detail::MiddlewareCallback& middleware = due->middleware();
    middleware.deadline(middleware.event.object.get(), emitter);
  }
  HERALD_CATCH_ALL { guard_.caught(*due); }
  run_after(mark);
  back_to(0);
  return true;
}

std::uint64_t MiddlewareChain::distance_of_held() const noexcept {
  std::uint64_t distance = 0;
  for (std::size_t position = 0; position < links_.size(); ++position) {
    if (links_[position] != nullptr) {
      distance += links_[position]->held * (links_.size() - position);
    }
  }
  return distance;
}

void MiddlewareChain::expire_all() noexcept {
  draining_ = true;
  for (Attachment* link : links_) {
    if (link != nullptr && link->held != 0 && link->middleware().deadline != nullptr) {
      deadlines_.set(*link, 0);
    }
  }
}

bool MiddlewareChain::may_send() noexcept {
  if (sent_ >= options_.max_emitted) {
    return refuse();
  }
  ++sent_;
  return true;
}

bool MiddlewareChain::refuse() noexcept {
  ++counts_.refused;
  return false;
}

bool MiddlewareChain::emit(detail::EventSlot& slot, const PublishOptions& options, bool before,
                           std::size_t position) noexcept {
  if (!may_send()) {
    drop(slot);
    return false;
  }
  if (!options_.stamps_time) {
    slot.publish_ticks = 0;
  } else if (options.at == std::chrono::steady_clock::time_point{}) {
    slot.publish_ticks = base::Clock::now();
  } else {
    slot.publish_ticks = base::Clock::from_steady(options.at);
  }
  slot.sequence = 0;
  ++counts_.emitted;
  Event event = EventAccess::adopt(slot);
  if (before) {
    run_inside(std::move(event), position + 1);
  } else {
    after_.push_back({std::move(event), position + 1});
  }
  return true;
}

bool MiddlewareChain::resume(Event&& event, std::size_t position) noexcept {
  Attachment* link = links_[position];
  if (link == nullptr || link->held == 0 || sent_ > options_.max_emitted) {
    return refuse();
  }
  ++sent_;
  --link->held;
  --counts_.held;
  run_inside(std::move(event), position + 1);
  return true;
}

void MiddlewareChain::wake_at(std::chrono::steady_clock::time_point time,
                              std::size_t position) noexcept {
  Attachment* link = links_[position];
  if (link != nullptr && link->middleware().deadline != nullptr) {
    // Not due again in the round of deadlines that is running: that one would never end.
    deadlines_.set(*link, std::max(base::Clock::from_steady(time), running_deadlines_of_ + 1));
  }
}

SubscriptionStats MiddlewareChain::stats(const Attachment& middleware, base::Ticks watched) const {
  SubscriptionStats row{middleware.id(), middleware.name(), middleware.offered, middleware.offered,
                        middleware.exceptions};
  middleware.slowness.describe(watched, row);
  return row;
}

std::vector<SubscriptionStats> MiddlewareChain::all_stats(base::Ticks watched) const {
  std::vector<SubscriptionStats> rows;
  for (const Attachment* link : links_) {
    if (link != nullptr) {
      rows.push_back(stats(*link, watched));
    }
  }
  return rows;
}

}  // namespace herald::core

namespace herald {

Emitter::Emitter(core::MiddlewareChain& chain, std::size_t position) noexcept
    : chain_(chain),
      position_(position),
      resource_(chain.options().resource),
      bus_id_(chain.options().bus_id) {}

bool Emitter::emit(detail::EventSlot& slot, const PublishOptions& options, bool before) noexcept {
  return chain_.emit(slot, options, before, position_);
}
bool Emitter::refuse() noexcept { return chain_.refuse(); }
bool Emitter::resume(Event&& event) noexcept { return chain_.resume(std::move(event), position_); }
void Emitter::wake_at(std::chrono::steady_clock::time_point time) noexcept {
  chain_.wake_at(time, position_);
}
bool Emitter::draining() const noexcept { return chain_.draining_; }

}  // namespace herald
