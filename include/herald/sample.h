#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "herald/event.h"
#include "herald/event_type.h"
#include "herald/flow_stats.h"
#include "herald/middleware.h"

namespace herald {

struct SampleOptions {
  /// Of so many events of one type, one passes: the first, then each one_in-th. 1 to 4,294,967,295;
  /// default 1, which is off: all pass.
  std::uint32_t one_in = 1;
  /// Types of which all pass. Default: those that end a stream; add your own terminal types.
  TypeMask always = kComplete | kError;
};

/// A middleware that lets 1 in N events of each type pass and drops the others: for metrics and
/// status, where the next event makes up for the last. Not for text, of which pieces would miss.
///
///   auto sample = herald::Sample::create({.one_in = 10});
///   const herald::FlowMeter meter = sample->meter();
///   auto guard = bus.use({.types = herald::kMetrics}, *std::move(sample));
///
/// Threads: as any middleware, the dispatching thread of the one bus that uses it; meter() before.
/// Ordering: what passes keeps its order; it is changed in nothing.
/// Counting: of n events of a type, exactly ceil(n / one_in) pass, whatever their streams. Dropped
///   ones are BusStats::middleware_dropped and FlowStats::events_dropped.
/// Cost: O(1), a few ns; allocates when it is made, never afterwards. Memory: some 500 bytes.
class Sample {
 public:
  /// Errors: InvalidArgument names option, value and allowed range.
  [[nodiscard]] static absl::StatusOr<Sample> create(const SampleOptions& options);

  Sample(Sample&&) noexcept = default;
  Sample& operator=(Sample&&) noexcept = default;

  /// What it did; keep it before you move the middleware into the bus.
  [[nodiscard]] FlowMeter meter() const noexcept { return FlowMeter(ledger_); }

  Verdict operator()(Event& event, Emitter& emitter) noexcept;

 private:
  explicit Sample(const SampleOptions& options);

  std::uint32_t one_in_;
  TypeMask always_;
  std::array<std::uint32_t, 64> skip_{};  // by type: how many are dropped before the next passes
  std::shared_ptr<detail::FlowLedger> ledger_;
};

}  // namespace herald
