// Stream, registry: knows which streams are open and who listens to them; takes stop requests.
//
// Threads: open, end, close, cancel, came, left: any. expire_one: the holder of the dispatch
//   right. What a StreamState marks as the producer's belongs to its TokenStream.
// Invariants:
//  1. A stream has an entry while it is open or a subscription names it.
//  2. At most one open TokenStream for an id. Its state is in the registry until close(), and
//     found by id until end(), which comes before its terminal event is published.
//  3. A stop, once requested, stays.
// Synchronization: one mutex, on the control plane; stop_requested is a flag that says nothing
//   about other memory. next_expiry() takes part in the race drawn in base/fence.h: left() stores
//   it, and its caller then rings the dispatcher's doorbell; the dispatcher arms the doorbell and
//   then loads it.
// Bounds: as many states as streams were open at one time; they are kept for the next ones, each
//   with at most StreamState::kMostKeptBytes for text.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "core/lane/promised_places.h"
#include "core/stream/token_times.h"
#include "core/stream/utf8_splitter.h"
#include "herald/filter.h"
#include "herald/token_stream.h"

namespace herald::core {

/// Everything behind one open TokenStream; reused for the next one.
class StreamState {
 public:
  /// Far more than a token has, so that ordinary streams allocate nothing.
  static constexpr std::size_t kMostKeptBytes = 1'024;

  // Relaxed: a hint to stop, which orders nothing.
  [[nodiscard]] bool stop_requested() const noexcept {
    return stop_requested_.load(std::memory_order_relaxed);
  }

  // The producer's.
  StreamId id = 0;
  bool ended = false;
  EndPlace place = EndPlace::kNone;
  std::uint64_t lost_events = 0;
  TokenTimes times;
  Utf8Splitter splitter;
  std::string joined;  // text whose bytes came with different tokens

 private:
  friend class StreamRegistry;

  std::atomic<bool> stop_requested_{false};
  // Under the registry's mutex.
  std::optional<std::stop_source> stop_;  // made when somebody asks for a token of it
  OnLastSubscriberGone when_lonely_ = OnLastSubscriberGone::kKeep;
  base::Ticks linger_ = 0;
  base::Ticks lonely_until_ = 0;  // 0: not lonely
  // Its place among those, made when it is opened: becoming lonely must not need memory.
  std::set<std::pair<base::Ticks, StreamState*>>::node_type lonely_place_;
};

class StreamRegistry {
 public:
  // Producers.

  /// Errors: AlreadyExists; ResourceExhausted.
  absl::StatusOr<StreamState*> open(StreamId stream, const TokenStreamOptions& options);
  /// The id is free again. Returns whether a stop was requested: exactly if some cancel(), or the
  /// end of its linger time, found the stream; none does from now on.
  [[nodiscard]] bool end(StreamState& state) noexcept;
  /// The state may be used for another stream. Ends it.
  void close(StreamState& state) noexcept;
  [[nodiscard]] std::stop_token stop_token(StreamState& state);

  // Everybody.

  /// Whether the stream was open. Runs the callbacks of its stop token.
  bool cancel(StreamId stream) noexcept;

  // Subscriptions that name a stream.

  void came(StreamId stream);
  /// Whether the dispatcher has to know: the stream is to be cancelled unless somebody comes.
  [[nodiscard]] bool left(StreamId stream) noexcept;

  // The dispatcher.

  /// When the next linger time ends; base::Clock::kNever if there is none.
  // seq_cst: the heavy side's load of the race in base/fence.h.
  [[nodiscard]] base::Ticks next_expiry() const noexcept {
    return next_expiry_.load(std::memory_order_seq_cst);
  }
  /// Cancels one stream that has been lonely for its linger time.
  void expire_one(base::Ticks now) noexcept;

 private:
  struct Entry {
    StreamState* open = nullptr;
    std::uint64_t subscriptions = 0;
  };

  /// noexcept: a map that found no memory cannot be used any more, so the process ends.
  [[nodiscard]] Entry& entry_of(StreamId stream) noexcept { return entries_[stream]; }
  void end_locked(StreamState& state) noexcept;
  void reserve_lonely_place(StreamState& state);
  void comfort(StreamState& state) noexcept;
  void leave_lonely(StreamState& state, base::Ticks until) noexcept;
  void note_expiry() noexcept;
  [[nodiscard]] static std::optional<std::stop_source> request_stop(StreamState& state) noexcept;

  std::mutex mutex_;
  absl::flat_hash_map<StreamId, Entry> entries_;
  std::set<std::pair<base::Ticks, StreamState*>> lonely_;  // by the end of their linger time
  std::vector<std::unique_ptr<StreamState>> states_;
  std::vector<StreamState*> free_;
  std::atomic<base::Ticks> next_expiry_{base::Clock::kNever};  // of lonely_'s first
};

}  // namespace herald::core
