#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string_view>

#include "absl/status/status.h"
#include "herald/bus.h"
#include "herald/event_type.h"
#include "herald/filter.h"
#include "herald/publisher.h"

namespace herald {

namespace core {
class Runtime;
class StreamState;
}  // namespace core

/// What happens to a stream that nobody listens to any more. Only subscriptions whose filter names
/// the stream count, and only once there has been one.
enum class OnLastSubscriberGone : std::uint8_t {
  kKeep,  ///< The producer goes on.
  /// As Bus::cancel, unless another one comes within `linger`; on the dispatching thread, which
  /// then runs the callbacks of the stream's std::stop_token: they must not wait for the producer.
  kCancel,
};

struct TokenStreamOptions {
  /// When the answer was asked for: the anchor of TTFT and of the whole rate. Default, the epoch:
  /// when the stream is opened.
  std::chrono::steady_clock::time_point requested_at = {};
  OnLastSubscriberGone on_last_subscriber_gone = OnLastSubscriberGone::kKeep;
  /// How long kCancel waits for another subscriber: 0 to 1 h.
  std::chrono::nanoseconds linger = std::chrono::seconds(1);
};

/// What a stream measured by now.
struct TokenStreamReport {
  std::uint64_t tokens = 0;       ///< Calls of token() that brought bytes.
  std::uint64_t text_bytes = 0;   ///< Bytes handed to token().
  std::uint64_t lost_events = 0;  ///< Events that the lane did not take; their text is lost.
  std::uint64_t ill_formed = 0;   ///< Ill-formed UTF-8 sequences; each became one U+FFFD.
  std::uint64_t first_ill_formed_offset =
      0;                                   ///< In bytes from the stream's start, if there is one.
  std::chrono::nanoseconds first_token{};  ///< TTFT: request to first token; 0 before.
  std::chrono::nanoseconds total{};        ///< Request to the end, or by now.
  /// Time from one token to the next: quantiles at most 3.2 % or 20 ns off, up to 2^40 ticks of the
  /// processor (5 minutes at 4 GHz, 9 at 2), and longer ones count as that; 0 before the second
  /// token.
  std::chrono::nanoseconds inter_token_p50{};
  std::chrono::nanoseconds inter_token_p99{};
  double tokens_per_second = 0;         ///< tokens / total.
  double decode_tokens_per_second = 0;  ///< (tokens - 1) / (last token - first token).
};

/// One answer of a model: publishes its text as kToken events of one stream, ends it with exactly
/// one terminal event (kComplete or kError), and measures it meanwhile.
/// Threads: movable; used by one thread at a time, the one that uses the publisher. cancel() of the
///   bus and copies of stop_token() work from any thread.
/// Ownership: the publisher must stay where it is until the stream is destroyed; the bus need not.
///   Destruction without an end sends kError `abandoned`, or kComplete `cancelled` if a stop was
///   requested.
/// Its end: opening a stream promises it a place in the lane, which is kept from then on, or in a
///   full lane before its first event. So whoever saw something of a stream sees its end, however
///   full the lane and whatever its policy; one of which nothing was seen may end unseen in a full
///   lane that drops or has waited in vain. Each open stream so takes one of the lane's
///   capacity_events; the last of these is not given away.
/// Results: those of publish. kClosed also after the end; kRejected if status() is not ok. complete
///   and error that return neither kAccepted nor kClosed have not ended the stream: nothing of it
///   was published in a full lane (kDropped, kFull), or there is no memory (kRejected; an error and
///   the shared lane need it). Make room, and call again; destruction does not. Its `abandoned`
///   needs no memory but the shared lane's.
/// Ordering: the id is free for another stream when its terminal event is seen. A publisher keeps
///   the order of a stream whatever thread uses it; the shared lane, as Bus::publish, that of each
///   thread only: handed over to another one there, a stream may be overtaken by its own end.
/// Cost: opening and closing is O(1) (O(log n) while n streams linger), takes a lock of the bus,
///   and allocates nothing once as many streams have been open before.
class TokenStream {
 public:
  /// Publishes through `publisher`. Errors: see status().
  TokenStream(Publisher& publisher, StreamId stream,
              const TokenStreamOptions& options = {}) noexcept;
  /// Publishes through the shared lane of `bus`.
  TokenStream(Bus& bus, StreamId stream, const TokenStreamOptions& options = {}) noexcept;
  TokenStream(TokenStream&& other) noexcept;
  TokenStream& operator=(TokenStream&& other) noexcept;
  ~TokenStream();

  /// InvalidArgument (stream 0, a linger out of range), AlreadyExists (the stream is open),
  /// FailedPrecondition (the bus is closed), ResourceExhausted (memory, or the lane has promised
  /// places to as many open streams as it can); else ok.
  [[nodiscard]] const absl::Status& status() const noexcept { return status_; }

  // Producing.

  /// The next bytes of the answer; they need not end where a character ends. Publishes what is
  /// complete as one event, keeps at most 3 bytes for the next call, and puts one U+FFFD for each
  /// maximal ill-formed sequence (Unicode 15, section 3.9, table 3-8). kAccepted if nothing is
  /// complete yet. Cost: allocates only if the text does not fit an event (32 bytes).
  PublishResult token(std::string_view bytes) noexcept;
  /// A status message of this stream.
  PublishResult info(Info info) noexcept;
  /// What is known by now; absent fields are unchanged. An empty one is not sent: kAccepted.
  PublishResult update_metrics(const Metrics& metrics) noexcept;
  /// The same with what the stream itself measured: TTFT, tokens/s and inter-token p50.
  PublishResult update_metrics() noexcept;
  /// Tells that no metric is known any more: a kMetrics event without any field.
  PublishResult clear_metrics() noexcept;

  // Ending. Bytes still kept become one U+FFFD, which is lost if the lane is full and does not
  // wait. After a stop request both send kComplete `cancelled`.

  PublishResult complete(FinishReason reason = FinishReason::kStop, Usage usage = {}) noexcept;
  PublishResult error(Error error) noexcept;
  [[nodiscard]] bool ended() const noexcept;

  // Cancellation.

  /// Whether somebody asked for the end. Cost: one load. Look at it between tokens.
  [[nodiscard]] bool stop_requested() const noexcept;
  /// The same for what understands std::stop_token. The first call of a stream allocates.
  [[nodiscard]] std::stop_token stop_token();

  [[nodiscard]] StreamId stream() const noexcept;
  /// Also after the end.
  [[nodiscard]] TokenStreamReport report() const noexcept;

 private:
  TokenStream(Publisher* publisher, std::shared_ptr<core::Runtime> runtime, StreamId stream,
              const TokenStreamOptions& options) noexcept;

  void open(StreamId stream, const TokenStreamOptions& options);
  void close() noexcept;
  [[nodiscard]] PublishResult ready() const noexcept;
  [[nodiscard]] PublishResult ready_to_end() noexcept;
  [[nodiscard]] bool closed() const noexcept;
  [[nodiscard]] PublishResult keep_place() noexcept;
  void give_place_up() noexcept;
  template <typename T>
  bool make(detail::EventSlot& slot, const EventType<T>& type,
            PublishArgument<T> payload) const noexcept;
  void make_complete(detail::EventSlot& slot, FinishReason reason, Usage usage) noexcept;
  PublishResult refuse() noexcept;
  template <typename T>
  PublishResult send(const EventType<T>& type, PublishArgument<T> payload,
                     std::int64_t* ticks = nullptr) noexcept;
  void send_held() noexcept;
  PublishResult send_error(detail::EventSlot& slot) noexcept;
  PublishResult send_last(detail::EventSlot& slot) noexcept;

  Publisher* publisher_ = nullptr;  // null: the shared lane
  std::shared_ptr<core::Runtime> runtime_;
  core::StreamState* state_ = nullptr;
  absl::Status status_;
};

}  // namespace herald
