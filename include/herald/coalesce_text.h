#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>

#include "absl/status/statusor.h"
#include "herald/event.h"
#include "herald/event_type.h"
#include "herald/filter.h"
#include "herald/flow_stats.h"
#include "herald/middleware.h"

namespace herald {

/// What becomes of one more stream when text of max_streams is held. Neither loses text.
enum class CoalesceStreams : std::uint8_t {
  kSendOldest,   ///< The text held for longest, of another stream, goes out at once.
  kPassThrough,  ///< The new stream's text passes, not joined, until another one's is sent.
};

struct CoalesceTextOptions {
  /// Types whose text is joined, each with its own kind only. Default kToken; not empty. Types
  /// other than text are let through.
  TypeMask types = kToken;
  /// Types, besides the joined ones, for filter(). Default: those that end a stream; add your own
  /// terminal types.
  TypeMask flush_on = kComplete | kError;
  /// How long text is held at most, from the dispatch of its first event: 1 us to 1 h. Default
  /// 20 ms. Early by at most 0.1 % and 10 us; late by the time the dispatcher needs for the events
  /// that it has at hand.
  std::chrono::nanoseconds window = std::chrono::milliseconds(20);
  /// Events joined into one at most: 2 to 1,048,576. Default 0: off, no limit of their number.
  std::uint32_t max_events = 0;
  /// Bytes joined into one event at most: 1 to 65,536. Default 1,024. Text that is as long by
  /// itself passes as it is.
  std::size_t max_bytes = 1'024;
  /// Streams whose text is held at a time: 1 to 1,048,576. Default 1,024. Each takes 200
  /// bytes, reserved at once, and at most max_bytes of payload_resource.
  std::size_t max_streams = 1'024;
  CoalesceStreams at_max_streams = CoalesceStreams::kSendOldest;
  /// Where joined text of more than 32 bytes lives, as in BusOptions, whose resource it should be.
  /// Default: new and delete. Null is refused.
  std::pmr::memory_resource* payload_resource = std::pmr::new_delete_resource();
  /// The time by which windows end; called on the dispatching thread, must not throw. Default,
  /// empty: std::chrono::steady_clock.
  std::function<std::chrono::steady_clock::time_point()> clock = {};
};

/// A middleware that joins the text events of one stream into fewer, longer ones: the subscribers
/// of an answer are called some fifty times a second instead of once a token.
///
///   auto coalesce = herald::CoalesceText::create({.window = 20ms});
///   const herald::FlowMeter meter = coalesce->meter();
///   auto guard = bus.use(coalesce->filter(), *std::move(coalesce));
///
/// The first text of a stream is held, later ones are joined to it. It goes out when the window's
///   time is over (the dispatcher wakes for it), when max_events or max_bytes are reached or would
///   be exceeded, and before any other event of its stream that the filter of use() lets it see.
///   It is the first event still: its latency counts from that one's publish time.
/// Ordering: the events of one stream that it sees keep their order; the concatenated text of a
///   stream and type is the same as without it. So use it with filter(), or with more types: an end
///   that it does not see overtakes the text. Between streams the order is not kept.
///   Events of no stream (id 0) are taken for one stream.
/// Loss: none while it is in use. A send refused by BusOptions::max_emitted_per_event is put off,
///   and what comes behind waits for it (FlowStats::sends_put_off, BusStats::emit_refused). Without
///   memory for the joined text the two events stay apart (no_memory). Bus::drain and the bus's
///   destructor, if it drains, send what is held; Bus::flush does not wait for it. Unsubscribing
///   drops it, counted in BusStats::middleware_dropped and FlowStats::events_dropped and
///   bytes_dropped: to lose none, let nothing come, and wait until events_held is 0, a window at
///   most.
/// Counting: joined events are BusStats::middleware_dropped and FlowStats::events_joined.
/// Threads: as any middleware, the dispatching thread of the one bus that uses it; meter() and
///   filter() before.
/// Cost: for each event joined, O(1) look-up, one clock read, and a copy of the text held for its
///   stream, O(max_bytes). Allocates when it is made, and then one block of payload_resource, in
///   exchange for the last, for each event joined beyond 32 bytes; nothing below.
/// Memory: max_streams and max_bytes as said there.
class CoalesceText {
 public:
  /// Errors: InvalidArgument names option, value and allowed range.
  [[nodiscard]] static absl::StatusOr<CoalesceText> create(CoalesceTextOptions options);

  CoalesceText(CoalesceText&&) noexcept;
  CoalesceText& operator=(CoalesceText&&) noexcept;
  ~CoalesceText();

  /// What it did; keep it before you move the middleware into the bus.
  [[nodiscard]] FlowMeter meter() const noexcept;
  /// What it must see: the joined types and flush_on, of every stream.
  [[nodiscard]] Filter filter() const noexcept;

  Verdict operator()(Event& event, Emitter& emitter) noexcept;
  void on_deadline(Emitter& emitter) noexcept;

 private:
  class Windows;
  explicit CoalesceText(std::unique_ptr<Windows> windows) noexcept;

  std::unique_ptr<Windows> windows_;
};

}  // namespace herald
