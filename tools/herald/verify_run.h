// One row of `herald verify`: a bus, its load, and what became of it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "delivery_check.h"
#include "herald/bus.h"
#include "publisher_threads.h"
#include "sample_log.h"
#include "schedule.h"
#include "terminal.h"
#include "topology.h"
#include "verify_options.h"
#include "verify_row.h"
#include "workload.h"

namespace herald::cli {

/// A short warm-up, then the time that counts. Both deliver everything before they end, so that the
/// figures of the second begin and end at rest.
///
/// Bounds: kMostSamples samples of 16 bytes and, for the report, as many latencies of 16; lanes of
///   some 4 MB in all and the payloads in them; 16 bytes and a bus's subscription a subscriber.
class VerifyRun {
 public:
  static constexpr std::size_t kMostSamples = 2'000'000;

  VerifyRun(const VerifyOptions& options, std::uint64_t subscribers, ProgressLine& progress);

  /// Once. Errors: what the bus says about types, subscribers, publishers.
  absl::StatusOr<VerifyRow> run();

 private:
  /// What is counted over the measured time.
  struct Counters {
    std::uint64_t allocations;
    long involuntary_switches;

    [[nodiscard]] static Counters now() noexcept;
  };

  absl::Status build();
  /// Sets the schedule to begin anew.
  void begin_phase();
  /// Publishes for a time from then on. `what` is for the progress line.
  void publish_for(std::chrono::nanoseconds time, const char* what);
  /// Waits until all that was published is delivered. False: not in time.
  [[nodiscard]] bool deliver_all();
  /// The time that counts. False if not everything was delivered in the end.
  [[nodiscard]] bool measure();
  /// Compares the bus's own books with ours, at rest.
  void audit();
  /// Asks the bus who was slow.
  void name_culprits();
  /// What the row gave up, so that the bus need not complain of it.
  void drop_undelivered();
  /// From then on no callback runs.
  void end_bus();
  void conclude();
  void conclude_latency();

  [[nodiscard]] std::vector<std::uint64_t> sent() const;
  [[nodiscard]] std::uint64_t sent_in_all() const;
  void contradict(const char* what, std::uint64_t of_bus, std::uint64_t ours);

  const VerifyOptions& options_;
  ProgressLine& progress_;
  Workload workload_;
  Schedule schedule_;
  SampleLog samples_;
  DeliveryCheck check_;
  VerifyRow row_;

  Instant finished_;
  std::uint64_t sent_before_ = 0;       // in the warm-up
  std::uint64_t histogram_before_ = 0;  // samples in the bus's histogram then
  std::uint64_t stalls_before_ = 0;     // of the dispatcher
  std::vector<Interval> stalls_;

  // The bus is made after, and ends before, what its callbacks use.
  std::optional<Bus> bus_;
  Topology topology_;
  std::optional<PublisherThreads> threads_;
};

}  // namespace herald::cli
