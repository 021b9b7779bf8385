#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace herald {

/// What one of the ready-made middleware (Sample, RateLimit, CoalesceText) did with the events that
/// came to it, and with the bytes of their text (0 for an event that is no text). Between two
/// events, and for ever after the middleware is gone:
///   events_in = events_out + events_joined + events_dropped + events_held
///   bytes_in = bytes_out + bytes_dropped + bytes_held
/// BusStats::middleware_dropped counts events_joined and events_dropped, BusStats::held those held.
struct FlowStats {
  std::uint64_t events_in = 0;
  std::uint64_t events_out = 0;
  std::uint64_t events_joined = 0;   ///< Ended, but their text went on in another event.
  std::uint64_t events_dropped = 0;  ///< By the limit, or held when the middleware was removed.
  std::uint64_t events_held = 0;     ///< Now.

  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_dropped = 0;
  std::uint64_t bytes_held = 0;  ///< Now.

  std::uint64_t dropped_by_type = 0;    ///< RateLimit: of the dropped, for want in their type.
  std::uint64_t dropped_by_stream = 0;  ///< RateLimit: the others, for want in their stream.
  std::uint64_t at_stream_limit = 0;    ///< How often the policy for max_streams decided.
  std::uint64_t sends_put_off = 0;      ///< CoalesceText: refused by max_emitted_per_event.
  std::uint64_t no_memory = 0;          ///< CoalesceText: not joined for want of memory.

  /// Whether the laws above hold. Meaningful at rest.
  [[nodiscard]] bool conserved() const noexcept;
};

namespace detail {

/// The numbers of FlowStats while they grow. One writer, the holder of the dispatch right; any
/// reader.
class FlowLedger {
 public:
  enum class Row : std::uint8_t {
    kEventsIn,
    kEventsOut,
    kEventsJoined,
    kEventsDropped,
    kEventsHeld,
    kBytesIn,
    kBytesOut,
    kBytesDropped,
    kBytesHeld,
    kDroppedByType,
    kDroppedByStream,
    kAtStreamLimit,
    kSendsPutOff,
    kNoMemory,
    kCount
  };

  void take(std::size_t bytes) noexcept { count(Row::kEventsIn, Row::kBytesIn, bytes); }
  void pass(std::size_t bytes) noexcept { count(Row::kEventsOut, Row::kBytesOut, bytes); }
  void drop(std::size_t bytes) noexcept { count(Row::kEventsDropped, Row::kBytesDropped, bytes); }
  void hold(std::size_t bytes) noexcept { count(Row::kEventsHeld, Row::kBytesHeld, bytes); }
  /// Its text goes on in one that is held.
  void join(std::size_t bytes) noexcept { count(Row::kEventsJoined, Row::kBytesHeld, bytes); }
  /// One that was held goes out.
  void release(std::size_t bytes) noexcept {
    put(Row::kEventsHeld, value(Row::kEventsHeld) - 1);
    put(Row::kBytesHeld, value(Row::kBytesHeld) - bytes);
    pass(bytes);
  }
  /// The end: nobody will send what is held.
  void drop_held() noexcept {
    put(Row::kEventsDropped, value(Row::kEventsDropped) + value(Row::kEventsHeld));
    put(Row::kBytesDropped, value(Row::kBytesDropped) + value(Row::kBytesHeld));
    put(Row::kEventsHeld, 0);
    put(Row::kBytesHeld, 0);
  }
  void add(Row row) noexcept { put(row, value(row) + 1); }

  [[nodiscard]] std::uint64_t value(Row row) const noexcept {
    // Relaxed: statistic only.
    return values_[static_cast<std::size_t>(row)].load(std::memory_order_relaxed);
  }

 private:
  void count(Row events, Row bytes, std::size_t size_bytes) noexcept {
    add(events);
    put(bytes, value(bytes) + size_bytes);
  }
  void put(Row row, std::uint64_t value) noexcept {
    // Relaxed: statistic only; there is one writer, so no addition is lost.
    values_[static_cast<std::size_t>(row)].store(value, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Row::kCount)> values_{};
};

}  // namespace detail

/// Reads the numbers of one middleware, which itself belongs to its bus once it is used there.
/// Threads: any, at any time; copies read the same numbers. Exact at rest (after Bus::flush, or
/// between two pumps), a moment's view otherwise. Ownership: may outlive middleware and bus.
class FlowMeter {
 public:
  explicit FlowMeter(std::shared_ptr<const detail::FlowLedger> ledger) noexcept
      : ledger_(std::move(ledger)) {}

  /// Wait-free.
  [[nodiscard]] FlowStats read() const noexcept;

 private:
  std::shared_ptr<const detail::FlowLedger> ledger_;
};

}  // namespace herald
