// Stream: takes the bytes of one answer, publishes them as events and ends them once.
#include "herald/token_stream.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/exceptions.h"
#include "core/event/event_access.h"
#include "core/lane/publisher_core.h"
#include "core/runtime.h"
#include "core/stream/abandoned_error.h"
#include "core/stream/stream_registry.h"
#include "herald/stream_end.h"

namespace herald {
namespace {

absl::Status check(StreamId stream, const TokenStreamOptions& options) {
  if (stream == 0) {
    return absl::InvalidArgumentError(
        "TokenStream: stream is 0; allowed: 1 or more, 0 is for events that name no stream");
  }
  if (options.linger < std::chrono::nanoseconds::zero() || options.linger > std::chrono::hours(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("TokenStream: linger is ", options.linger.count(), " ns; allowed: 0 to 1 h"));
  }
  return absl::OkStatus();
}

float milliseconds(std::int64_t ns) { return static_cast<float>(static_cast<double>(ns) / 1e6); }

}  // namespace

// Opening and closing.

TokenStream::TokenStream(Publisher& publisher, StreamId stream,
                         const TokenStreamOptions& options) noexcept
    : TokenStream(
          &publisher,
          publisher.core_ == nullptr ? nullptr : publisher.core_->runtime().shared_from_this(),
          stream, options) {}

TokenStream::TokenStream(Bus& bus, StreamId stream, const TokenStreamOptions& options) noexcept
    : TokenStream(nullptr, bus.runtime_, stream, options) {}

TokenStream::TokenStream(Publisher* publisher, std::shared_ptr<core::Runtime> runtime,
                         StreamId stream, const TokenStreamOptions& options) noexcept
    : publisher_(publisher), runtime_(std::move(runtime)) {
  // Made while there is memory for it.
  static const absl::Status no_memory =
      absl::ResourceExhaustedError("TokenStream: no memory for another stream");
  HERALD_TRY { open(stream, options); }
  HERALD_CATCH_ALL { status_ = no_memory; }
}

void TokenStream::open(StreamId stream, const TokenStreamOptions& options) {
  status_ = check(stream, options);
  if (!status_.ok()) {
    return;
  }
  if (runtime_ == nullptr || closed()) {
    status_ = absl::FailedPreconditionError("TokenStream: the publisher or its bus is closed");
    return;
  }
  const absl::StatusOr<core::StreamState*> opened = runtime_->streams().open(stream, options);
  if (!opened.ok()) {
    status_ = opened.status();
    return;
  }
  const core::EndPlace place = publisher_ != nullptr ? publisher_->core_->promise_place()
                                                     : runtime_->shared().promise_place();
  if (place == core::EndPlace::kNone) {
    runtime_->streams().close(**opened);
    status_ = absl::ResourceExhaustedError(
        "TokenStream: the lane has a place for the end of each open stream, and none left; "
        "allowed: fewer open streams than its capacity_events");
    return;
  }
  state_ = *opened;
  state_->place = place;
  state_->times.start(options.requested_at == std::chrono::steady_clock::time_point{}
                          ? base::Clock::now()
                          : base::Clock::from_steady(options.requested_at));
}

TokenStream::TokenStream(TokenStream&& other) noexcept
    : publisher_(other.publisher_),
      runtime_(std::move(other.runtime_)),
      state_(std::exchange(other.state_, nullptr)),
      status_(std::exchange(other.status_, absl::OkStatus())) {}

TokenStream& TokenStream::operator=(TokenStream&& other) noexcept {
  if (this != &other) {
    close();
    publisher_ = other.publisher_;
    runtime_ = std::move(other.runtime_);
    state_ = std::exchange(other.state_, nullptr);
    status_ = std::exchange(other.status_, absl::OkStatus());
  }
  return *this;
}

TokenStream::~TokenStream() { close(); }

void TokenStream::close() noexcept {
  if (state_ == nullptr) {
    return;
  }
  if (!state_->ended && ready_to_end() == PublishResult::kAccepted) {
    Event event = core::abandoned_error();
    detail::EventSlot slot = std::exchange(EventAccess::slot(event), {});
    slot.stream = state_->id;
    static_cast<void>(send_error(slot));
  }
  give_place_up();
  runtime_->streams().close(*std::exchange(state_, nullptr));
}

bool TokenStream::closed() const noexcept {
  return publisher_ != nullptr ? publisher_->closed() : runtime_->closed();
}

// Producing.

// kAccepted if events may be sent.
PublishResult TokenStream::ready() const noexcept {
  if (!status_.ok()) {
    return PublishResult::kRejected;
  }
  return ended() ? PublishResult::kClosed : PublishResult::kAccepted;
}

// Before anything of the stream is published: who sees that will see its end.
PublishResult TokenStream::keep_place() noexcept {
  if (state_->place == core::EndPlace::kKept) [[likely]] {
    return PublishResult::kAccepted;
  }
  if (closed()) {
    return PublishResult::kClosed;
  }
  const PublishResult kept =
      publisher_ != nullptr ? publisher_->core_->keep_place() : runtime_->shared().keep_place();
  state_->place =
      kept == PublishResult::kAccepted ? core::EndPlace::kKept : core::EndPlace::kPromised;
  return kept;
}

void TokenStream::give_place_up() noexcept {
  const core::EndPlace had = std::exchange(state_->place, core::EndPlace::kNone);
  if (publisher_ == nullptr) {
    runtime_->shared().give_place_up(had);
  } else if (publisher_->core_ != nullptr) {
    publisher_->core_->give_place_up(had);
  }
}

// False if there is no memory for it.
template <typename T>
bool TokenStream::make(detail::EventSlot& slot, const EventType<T>& type,
                       PublishArgument<T> payload) const noexcept {
  return !(detail::needs_block<T>(payload) && closed()) &&
         detail::make_slot<T>(slot, type, static_cast<PublishArgument<T>&&>(payload), state_->id,
                              runtime_->id(), runtime_->options().payload_resource);
}

PublishResult TokenStream::refuse() noexcept {
  return publisher_ != nullptr ? publisher_->refuse() : runtime_->shared().refuse();
}

// `ticks`, if given, becomes the event's publish time; 0 if it has none.
template <typename T>
PublishResult TokenStream::send(const EventType<T>& type, PublishArgument<T> payload,
                                std::int64_t* ticks) noexcept {
  const PublishResult kept = keep_place();
  if (kept != PublishResult::kAccepted && kept != PublishResult::kClosed) {
    return kept;
  }
  detail::EventSlot slot;
  if (!make<T>(slot, type, static_cast<PublishArgument<T>&&>(payload))) {
    return refuse();
  }
  const PublishResult result = publisher_ != nullptr ? publisher_->push(slot, {}, true)
                                                     : runtime_->shared().publish(slot, {});
  if (ticks != nullptr) {
    *ticks = slot.publish_ticks;
  }
  return result;
}

PublishResult TokenStream::token(std::string_view bytes) noexcept {
  const PublishResult may = ready();
  if (may != PublishResult::kAccepted || bytes.empty()) {
    return may;
  }
  PublishResult result = PublishResult::kAccepted;
  base::Ticks now = 0;
  HERALD_TRY {
    const std::string_view text = state_->splitter.next(bytes, state_->joined);
    if (!text.empty()) {
      result = send<Text>(kToken, text, &now);
    }
  }
  HERALD_CATCH_ALL {
    state_->splitter.give_up();
    result = PublishResult::kRejected;
  }
  state_->times.token(now != 0 ? now : base::Clock::now());
  state_->lost_events += result == PublishResult::kAccepted ? 0 : 1;
  return result;
}

PublishResult TokenStream::info(Info info) noexcept {
  const PublishResult may = ready();
  return may == PublishResult::kAccepted ? send<Info>(kInfo, std::move(info)) : may;
}

PublishResult TokenStream::update_metrics(const Metrics& metrics) noexcept {
  const PublishResult may = ready();
  const bool any = metrics.first_token_ms.has_value() || metrics.tokens_per_second.has_value() ||
                   metrics.inter_token_ms.has_value() || metrics.progress.has_value();
  return may == PublishResult::kAccepted && any ? send<Metrics>(kMetrics, metrics) : may;
}

PublishResult TokenStream::update_metrics() noexcept {
  const PublishResult may = ready();
  if (may != PublishResult::kAccepted) {
    return may;
  }
  const core::TokenTimes& times = state_->times;
  Metrics metrics;
  if (times.tokens() > 0) {
    metrics.first_token_ms = milliseconds(times.first_token_ns());
    metrics.tokens_per_second = static_cast<float>(times.tokens_per_second(base::Clock::now()));
  }
  if (times.tokens() > 1) {
    metrics.inter_token_ms = milliseconds(times.inter_token_ns(0.5));
  }
  return update_metrics(metrics);
}

PublishResult TokenStream::clear_metrics() noexcept {
  const PublishResult may = ready();
  return may == PublishResult::kAccepted ? send<Metrics>(kMetrics, Metrics{}) : may;
}

// Ending.

// A character that was begun and will not be ended.
void TokenStream::send_held() noexcept {
  if (state_->splitter.held_bytes() != 0) {
    static_cast<void>(state_->splitter.finish());
    const PublishResult result = send<Text>(kToken, core::Utf8Splitter::kReplacement);
    state_->lost_events += result == PublishResult::kAccepted ? 0 : 1;
  }
}

// All waiting comes first: as long as the stream waits it is open, and may be cancelled.
PublishResult TokenStream::ready_to_end() noexcept {
  PublishResult result = ready();
  if (result == PublishResult::kAccepted) {
    result = keep_place();
  }
  if (result == PublishResult::kAccepted) {
    send_held();
  }
  return result == PublishResult::kClosed && !ended() ? PublishResult::kAccepted : result;
}

// Into the kept place. Who sees the event may open the next answer of that id, so the stream has
// left the registry.
PublishResult TokenStream::send_last(detail::EventSlot& slot) noexcept {
  PublishResult result = PublishResult::kClosed;
  if (publisher_ == nullptr) {
    const bool kept = state_->place == core::EndPlace::kKept;
    result = kept ? runtime_->shared().publish_to_kept_place(slot)
                  : runtime_->shared().publish(slot, {});
    state_->place = kept && result != PublishResult::kAccepted ? core::EndPlace::kKept
                                                               : core::EndPlace::kPromised;
  } else {
    if (state_->place == core::EndPlace::kKept) {
      give_place_up();
    }
    result = publisher_->push(slot, {}, true);
  }
  if (result == PublishResult::kAccepted || result == PublishResult::kClosed) {
    give_place_up();
    state_->ended = true;
    state_->times.end(base::Clock::now());
  }
  return result;
}

PublishResult TokenStream::complete(FinishReason reason, Usage usage) noexcept {
  const PublishResult may = ready_to_end();
  if (may != PublishResult::kAccepted) {
    return may;
  }
  const bool cancelled = runtime_->streams().end(*state_);
  detail::EventSlot slot;
  make_complete(slot, cancelled ? FinishReason::kCancelled : reason, usage);
  return send_last(slot);
}

PublishResult TokenStream::error(Error error) noexcept {
  const PublishResult may = ready_to_end();
  if (may != PublishResult::kAccepted) {
    return may;
  }
  // Made first: there may be no memory for it, and then the stream goes on.
  detail::EventSlot slot;
  if (!make<Error>(slot, kError, std::move(error))) {
    return refuse();
  }
  return send_error(slot);
}

// Or `cancelled` in its place.
PublishResult TokenStream::send_error(detail::EventSlot& slot) noexcept {
  if (runtime_->streams().end(*state_)) {
    drop(slot);
    make_complete(slot, FinishReason::kCancelled, {});
  }
  return send_last(slot);
}

void TokenStream::make_complete(detail::EventSlot& slot, FinishReason reason,
                                Usage usage) noexcept {
  static_assert(detail::kIsInline<Complete>, "it must need no memory");
  const core::TokenTimes& times = state_->times;
  static_cast<void>(make<Complete>(
      slot, kComplete,
      {reason, usage, {times.first_token_ns(), times.total_ns(base::Clock::now())}}));
}

bool TokenStream::ended() const noexcept { return state_ == nullptr || state_->ended; }

// Cancellation.

bool TokenStream::stop_requested() const noexcept {
  return state_ != nullptr && state_->stop_requested();
}

std::stop_token TokenStream::stop_token() {
  return state_ == nullptr ? std::stop_token() : runtime_->streams().stop_token(*state_);
}

// Seeing.

StreamId TokenStream::stream() const noexcept { return state_ == nullptr ? 0 : state_->id; }

TokenStreamReport TokenStream::report() const noexcept {
  TokenStreamReport report;
  if (state_ == nullptr) {
    return report;
  }
  using std::chrono::nanoseconds;
  const base::Ticks now = base::Clock::now();
  const core::TokenTimes& times = state_->times;
  const core::Utf8Splitter& splitter = state_->splitter;
  report.tokens = times.tokens();
  report.text_bytes = splitter.bytes_taken();
  report.lost_events = state_->lost_events;
  report.ill_formed = splitter.ill_formed();
  report.first_ill_formed_offset = splitter.first_ill_formed_offset();
  report.first_token = nanoseconds(times.first_token_ns());
  report.total = nanoseconds(times.total_ns(now));
  report.inter_token_p50 = nanoseconds(times.inter_token_ns(0.5));
  report.inter_token_p99 = nanoseconds(times.inter_token_ns(0.99));
  report.tokens_per_second = times.tokens_per_second(now);
  report.decode_tokens_per_second = times.decode_tokens_per_second();
  return report;
}

}  // namespace herald
