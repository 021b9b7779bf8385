// Token streams: takes the bytes of one answer, publishes them as events and ends them once.
#include "herald/token_stream.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/exceptions.h"
#include "core/publisher_core.h"
#include "core/runtime.h"
#include "core/stream_registry.h"
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
  state_ = *opened;
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
  if (!state_->ended) {
    // Short enough to need no memory: nobody could be told that there is none.
    error({std::string(error_code::kAbandoned), "producer left", true});
  }
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

// `ticks`, if given, becomes the event's publish time; 0 if it has none.
template <typename T>
PublishResult TokenStream::send(const EventType<T>& type, PublishArgument<T> payload,
                                std::int64_t* ticks) noexcept {
  detail::EventSlot slot;
  if ((detail::needs_block<T>(payload) && closed()) ||
      !detail::make_slot<T>(slot, type, static_cast<PublishArgument<T>&&>(payload), state_->id,
                            runtime_->id(), runtime_->options().payload_resource)) {
    return publisher_ != nullptr ? publisher_->refuse() : runtime_->shared().refuse();
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
PublishResult TokenStream::send_held() noexcept {
  if (state_->splitter.held_bytes() == 0) {
    return PublishResult::kAccepted;
  }
  const PublishResult result = send<Text>(kToken, core::Utf8Splitter::kReplacement);
  if (result == PublishResult::kAccepted) {
    static_cast<void>(state_->splitter.finish());
  }
  return result;
}

PublishResult TokenStream::send_complete(FinishReason reason, Usage usage) noexcept {
  const core::TokenTimes& times = state_->times;
  return send<Complete>(
      kComplete, {reason, usage, {times.first_token_ns(), times.total_ns(base::Clock::now())}});
}

// All waiting comes first: as long as the stream waits it is open, and may be cancelled. (In the
// shared lane others may take the room before its last event has it.)
template <typename SendTerminal>
PublishResult TokenStream::end(SendTerminal send_terminal) noexcept {
  PublishResult result = ready();
  if (result != PublishResult::kAccepted) {
    return result;
  }
  result = send_held();
  if (result == PublishResult::kAccepted && publisher_ != nullptr && !closed()) {
    result = publisher_->core_->await_room();
  }
  if (result == PublishResult::kAccepted) {
    // Before the event: whoever sees it may open the next answer of that id.
    const bool cancelled = runtime_->streams().end(*state_);
    result = send_terminal(cancelled);
    if (result != PublishResult::kAccepted && result != PublishResult::kClosed) {
      runtime_->go_on(*state_);
    }
  }
  if (result == PublishResult::kAccepted || result == PublishResult::kClosed) {
    state_->ended = true;
    state_->times.end(base::Clock::now());
  }
  return result;
}

PublishResult TokenStream::complete(FinishReason reason, Usage usage) noexcept {
  return end([&](bool cancelled) {
    return send_complete(cancelled ? FinishReason::kCancelled : reason, usage);
  });
}

PublishResult TokenStream::error(Error error) noexcept {
  return end([&](bool cancelled) {
    return cancelled ? send_complete(FinishReason::kCancelled, {})
                     : send<Error>(kError, std::move(error));
  });
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
