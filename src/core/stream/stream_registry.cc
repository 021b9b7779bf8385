// Stream, registry: knows which streams are open and who listens to them; takes stop requests.
#include "core/stream/stream_registry.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/exceptions.h"

namespace herald::core {

absl::StatusOr<StreamState*> StreamRegistry::open(StreamId stream,
                                                  const TokenStreamOptions& options) {
  const std::scoped_lock lock(mutex_);
  if (free_.empty()) {
    states_.push_back(std::make_unique<StreamState>());
    free_.reserve(states_.size());  // so that close() cannot fail
    // Above 25 entries in 32 slots the map grows, once, to get rid of those that have left.
    entries_.reserve(states_.size() + states_.size() / 8 + 1);
    free_.push_back(states_.back().get());
  }
  if (options.on_last_subscriber_gone == OnLastSubscriberGone::kCancel) {
    reserve_lonely_place(*free_.back());
  }
  Entry& entry = entry_of(stream);
  if (entry.open != nullptr) {
    return absl::AlreadyExistsError(
        absl::StrCat("TokenStream: stream ", stream, " is already open; end that one first"));
  }
  StreamState& state = *free_.back();
  free_.pop_back();
  entry.open = &state;
  state.id = stream;
  state.ended = false;
  state.lost_events = 0;
  state.splitter.reset();
  // Relaxed: nobody else knows the state yet; later readers are its producer.
  state.stop_requested_.store(false, std::memory_order_relaxed);
  state.stop_.reset();
  state.when_lonely_ = options.on_last_subscriber_gone;
  state.linger_ = base::Clock::to_ticks(options.linger.count());
  return &state;
}

void StreamRegistry::reserve_lonely_place(StreamState& state) {
  if (state.lonely_place_.empty()) {
    state.lonely_place_ = lonely_.extract(lonely_.emplace(base::Clock::kNever, &state).first);
  }
}

bool StreamRegistry::end(StreamState& state) noexcept {
  const std::scoped_lock lock(mutex_);
  end_locked(state);
  return state.stop_requested();
}

void StreamRegistry::close(StreamState& state) noexcept {
  const std::scoped_lock lock(mutex_);
  end_locked(state);
  state.stop_.reset();
  if (state.joined.capacity() > StreamState::kMostKeptBytes) {
    std::string().swap(state.joined);
  }
  free_.push_back(&state);
}

void StreamRegistry::end_locked(StreamState& state) noexcept {
  const auto found = entries_.find(state.id);
  if (found == entries_.end() || found->second.open != &state) {
    return;
  }
  comfort(state);
  found->second.open = nullptr;
  if (found->second.subscriptions == 0) {
    entries_.erase(found);
  }
}

std::stop_token StreamRegistry::stop_token(StreamState& state) {
  const std::scoped_lock lock(mutex_);
  if (!state.stop_.has_value()) {
    state.stop_.emplace();
    if (state.stop_requested()) {
      state.stop_->request_stop();
    }
  }
  return state.stop_->get_token();
}

bool StreamRegistry::cancel(StreamId stream) noexcept {
  std::optional<std::stop_source> source;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(stream);
    if (found == entries_.end() || found->second.open == nullptr) {
      return false;
    }
    source = request_stop(*found->second.open);
  }
  // Without the lock: it runs the user's callbacks.
  if (source.has_value()) {
    source->request_stop();
  }
  return true;
}

// Relaxed: see stop_requested().
std::optional<std::stop_source> StreamRegistry::request_stop(StreamState& state) noexcept {
  state.stop_requested_.store(true, std::memory_order_relaxed);
  return state.stop_;
}

void StreamRegistry::came(StreamId stream) {
  const std::scoped_lock lock(mutex_);
  Entry& entry = entry_of(stream);
  ++entry.subscriptions;
  if (entry.open != nullptr) {
    comfort(*entry.open);
  }
}

bool StreamRegistry::left(StreamId stream) noexcept {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(stream);
  if (--found->second.subscriptions != 0) {
    return false;
  }
  StreamState* const state = found->second.open;
  if (state == nullptr) {
    entries_.erase(found);
    return false;
  }
  if (state->when_lonely_ == OnLastSubscriberGone::kKeep) {
    return false;
  }
  leave_lonely(*state, base::Clock::now() + state->linger_);
  return true;
}

void StreamRegistry::leave_lonely(StreamState& state, base::Ticks until) noexcept {
  state.lonely_until_ = until;
  state.lonely_place_.value() = {until, &state};
  lonely_.insert(std::move(state.lonely_place_));
  note_expiry();
}

void StreamRegistry::comfort(StreamState& state) noexcept {
  if (state.lonely_until_ != 0) {
    state.lonely_place_ = lonely_.extract({state.lonely_until_, &state});
    state.lonely_until_ = 0;
    note_expiry();
  }
}

// seq_cst: the light side's store of the race in base/fence.h, strong enough for both modes.
void StreamRegistry::note_expiry() noexcept {
  next_expiry_.store(lonely_.empty() ? base::Clock::kNever : lonely_.begin()->first,
                     std::memory_order_seq_cst);
}

void StreamRegistry::expire_one(base::Ticks now) noexcept {
  std::optional<std::stop_source> source;
  {
    const std::scoped_lock lock(mutex_);
    if (!lonely_.empty() && lonely_.begin()->first <= now) {
      StreamState& state = *lonely_.begin()->second;
      comfort(state);
      source = request_stop(state);
    }
  }
  if (source.has_value()) {
    source->request_stop();
  }
}

}  // namespace herald::core
