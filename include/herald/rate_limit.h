#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "herald/event.h"
#include "herald/event_type.h"
#include "herald/flow_stats.h"
#include "herald/middleware.h"

namespace herald {

/// A token bucket: it begins full, each event that passes takes one from it, and it fills evenly.
/// In any span of time T at most burst + events * T / per events pass; the arithmetic is exact.
struct Rate {
  /// Events that may pass in each `per`: 0 to 1,000,000. Default 0: off, no limit.
  std::uint32_t events = 0;
  /// 1 us to 1 h. Default 1 s.
  std::chrono::nanoseconds per = std::chrono::seconds(1);
  /// What a full bucket holds: 1 to 1,000,000 events. Default 1: evenly spaced.
  std::uint32_t burst = 1;
};

/// What becomes of one more stream when max_streams have a bucket. If that of the stream unused for
/// longest is full again, it is given up in any case: nobody can tell the difference.
enum class RateLimitStreams : std::uint8_t {
  /// The stream unused for longest loses its bucket; when it comes again it begins with a full one,
  /// so with many streams in turn more may pass than the rate.
  kForgetOldest,
  /// Those for which there is none share one bucket of the same rate: never more than the rate, but
  /// they take from each other.
  kShareOne,
};

struct RateLimitOptions {
  Rate per_type = {};    ///< For each type by itself, of all streams together. Default: off.
  Rate per_stream = {};  ///< For each stream by itself, of all types together. Default: off.
  /// Types that are never limited and take nothing from a bucket. Default: those that end a stream;
  /// add your own terminal types.
  TypeMask always = kComplete | kError;
  /// Streams that have a bucket of their own: 1 to 1,048,576. Default 1,024. Each takes 48 bytes,
  /// reserved at once, unless per_stream is off.
  std::size_t max_streams = 1'024;
  RateLimitStreams at_max_streams = RateLimitStreams::kForgetOldest;
  /// The time by which buckets fill; called on the dispatching thread, must not throw. Default,
  /// empty: std::chrono::steady_clock.
  std::function<std::chrono::steady_clock::time_point()> clock = {};
};

/// A middleware that drops events above a rate for each type, for each stream, or both: an event
/// passes if every bucket that concerns it has one left, and else takes from none.
///
///   auto limit = herald::RateLimit::create({.per_stream = {.events = 100, .burst = 20}});
///   const herald::FlowMeter meter = limit->meter();
///   auto guard = bus.use({.types = herald::kInfo | herald::kMetrics}, *std::move(limit));
///
/// Time is that of dispatch, not Event::publish_time: subscribers are what it protects, publish
///   times of several publishers are in no order, and a publisher could give itself credit with
///   `.at`. So a backlog that is dispatched at once is limited as a burst.
/// Threads: as any middleware, the dispatching thread of the one bus that uses it; meter() before.
/// Ordering: what passes keeps its order; it is changed in nothing.
/// Counting: dropped ones are BusStats::middleware_dropped and FlowStats::events_dropped, by reason
///   dropped_by_type (also if both buckets were empty) and dropped_by_stream.
/// Cost: O(1), one clock read for each event of a limited type; allocates when it is made, never
///   afterwards. Memory: 2 KB, and max_streams as said there.
class RateLimit {
 public:
  /// Errors: InvalidArgument names option, value and allowed range.
  [[nodiscard]] static absl::StatusOr<RateLimit> create(RateLimitOptions options);

  RateLimit(RateLimit&&) noexcept;
  RateLimit& operator=(RateLimit&&) noexcept;
  ~RateLimit();

  /// What it did; keep it before you move the middleware into the bus.
  [[nodiscard]] FlowMeter meter() const noexcept;

  Verdict operator()(Event& event, Emitter& emitter) noexcept;

 private:
  class Buckets;
  explicit RateLimit(std::unique_ptr<Buckets> buckets) noexcept;

  std::unique_ptr<Buckets> buckets_;
};

}  // namespace herald
