// Latency: takes the ticks of an event's life, keeps two histograms for each type, and a
// third of what goes into both.
//
// Threads: the holder of the dispatch right records; any thread takes a report.
// Cost: two conversions and two histogram updates an event; one of each where an event's fan-out
//   began and ended at the same read of the clock.
// Bounds: 57 KiB for each type in use.
// Synchronization: [M1] a recorder is stored with release when its type is defined / loaded with
//   acquire by reporters. The counters inside are the recorders' own matter.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "core/event/type_registry.h"
#include "core/latency/latency_recorder.h"
#include "herald/stats.h"

namespace herald::core {

class LatencyMeter {
 public:
  explicit LatencyMeter(std::chrono::nanoseconds slo) noexcept : slo_(slo) {}
  ~LatencyMeter();
  LatencyMeter(const LatencyMeter&) = delete;
  LatencyMeter& operator=(const LatencyMeter&) = delete;

  /// Before the first event of the type is recorded.
  void activate(unsigned type_index);

  /// `published` to the start of the fan-out.
  void record_wait(unsigned type_index, base::Ticks published, base::Ticks start) noexcept {
    row(type_index).wait.record(base::Clock::to_ns(start - published));
  }
  /// `published` to the return of the last subscriber.
  void record_delivery(unsigned type_index, base::Ticks published, base::Ticks end) noexcept {
    row(type_index).delivery.record(base::Clock::to_ns(end - published));
  }

  /// Both, of `count` events whose fan-out began and ended at the same read of the clock.
  void record_wait_and_delivery(unsigned type_index, base::Ticks published, base::Ticks end,
                                std::uint64_t count) noexcept {
    row(type_index).both.record(base::Clock::to_ns(end - published), count);
  }

  [[nodiscard]] LatencyReport report(const TypeRegistry& types) const;
  [[nodiscard]] std::uint64_t negative() const noexcept;

 private:
  struct Row {
    explicit Row(std::chrono::nanoseconds slo) noexcept : wait(slo), delivery(slo), both(slo) {}
    LatencyRecorder wait;
    LatencyRecorder delivery;
    LatencyRecorder both;  // of the samples that belong to both
  };

  // Relaxed: the holder stored it itself, or an earlier holder did.
  [[nodiscard]] Row& row(unsigned type_index) noexcept {
    return *rows_[type_index].load(std::memory_order_relaxed);
  }
  // [M1] acquire: pairs with activate().
  [[nodiscard]] const Row* seen_row(unsigned type_index) const noexcept {
    return rows_[type_index].load(std::memory_order_acquire);
  }

  const std::chrono::nanoseconds slo_;
  std::array<std::atomic<Row*>, TypeRegistry::kMaxTypes> rows_{};
};

}  // namespace herald::core
