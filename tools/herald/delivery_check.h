// Holds what arrived against what was sent.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "herald/event.h"
#include "sample_log.h"
#include "schedule.h"
#include "stamp.h"
#include "tally.h"
#include "workload.h"

namespace herald::cli {

/// What must not happen to a delivery.
struct Faults {
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t torn = 0;

  [[nodiscard]] bool any() const noexcept { return (lost | duplicated | reordered | torn) != 0; }
  Faults& operator+=(const Faults& other) noexcept;
  friend bool operator==(const Faults&, const Faults&) = default;
};

/// Looks at every event of one type at one subscriber: whole, and next in its publisher's count?
class Witness {
 public:
  Witness(const Workload& workload, std::size_t type);

  /// Nothing: the event is torn.
  void see(const std::optional<Stamp>& stamp) noexcept;
  /// The faults, when each publisher has sent as many as told and all is at rest.
  [[nodiscard]] Faults conclude(std::span<const std::uint64_t> sent) const;

 private:
  std::size_t step_;
  std::vector<std::uint64_t> next_;  // the number that is due, by publisher
  Faults faults_;
};

/// The subscribers' side of a run. Three proofs hold each other up:
/// 1. Two witnesses for each type, its first and its last subscriber, check each of its events.
/// 2. The last ones also keep, for each group, the hash that its members must have in the end.
/// 3. Every subscriber's count must be what was sent, and its hash that of its group.
/// So a fault at any subscriber shows, at the cost of a few instructions for each delivery.
///
/// Threads: tallies and on_event_of_witness belong to the dispatching thread; everything else while
/// it is
///   at rest, or after the bus is gone.
class DeliveryCheck {
 public:
  DeliveryCheck(const Workload& workload, const Schedule& schedule, SampleLog& samples);

  /// Says which index the bus gave to a type of the workload.
  void set_type_index(std::size_t type, unsigned index) noexcept { type_of_[index] = type; }

  [[nodiscard]] Tally& tally(std::size_t subscriber) noexcept { return tallies_[subscriber]; }
  [[nodiscard]] bool is_witness(std::size_t subscriber) const noexcept;

  /// What a witness does with an event, beyond its tally. If it is the last subscriber of the
  /// event's type, the event's latency ends here, before the checks.
  template <typename Payload>
  void on_event_of_witness(std::size_t subscriber, const Event& event) noexcept;

  /// Deliveries, and their faults when each publisher has sent as many as told.
  [[nodiscard]] std::uint64_t deliveries() const noexcept;
  [[nodiscard]] Faults conclude(std::span<const std::uint64_t> sent) const;

 private:
  static constexpr std::size_t kNoType = 64;

  [[nodiscard]] std::vector<std::uint64_t> sent_by_type(std::span<const std::uint64_t> sent) const;
  [[nodiscard]] Faults tally_faults(std::size_t subscriber,
                                    std::span<const std::uint64_t> sent_of_type) const;
  [[nodiscard]] Faults witness_faults(std::size_t subscriber,
                                      std::span<const std::uint64_t> sent) const;
  void extend_references(std::size_t type, std::uint64_t word) noexcept;
  void take_sample(const Event& event, const Stamp& stamp, Instant end) noexcept;

  const Workload& workload_;
  const Schedule& schedule_;
  SampleLog& samples_;
  std::array<std::size_t, 64> type_of_;  // by index in the bus
  std::vector<Tally> tallies_;           // by subscriber
  std::vector<Witness> first_;           // by type
  std::vector<Witness> last_;            // by type
  std::vector<Tally> references_;        // by group
  std::vector<std::vector<std::size_t>> groups_of_type_;
  std::uint64_t strays_ = 0;  // events of a type that nobody sends
};

template <typename Payload>
void DeliveryCheck::on_event_of_witness(std::size_t subscriber, const Event& event) noexcept {
  const unsigned index = event.type_index();
  const std::size_t type = index < type_of_.size() ? type_of_[index] : kNoType;
  if (type == kNoType) {
    ++strays_;
    return;
  }
  const bool is_last = workload_.last_subscriber(type) == subscriber;
  const Instant end = is_last ? std::chrono::steady_clock::now() : Instant();
  std::optional<Stamp> stamp = Payload::read(event, workload_.size().payload_bytes);
  if (stamp.has_value() && (stamp->publisher >= workload_.size().publishers ||
                            workload_.type_of(stamp->publisher, stamp->number) != type)) {
    stamp.reset();
  }
  if (workload_.first_subscriber(type) == subscriber) {
    first_[type].see(stamp);
  }
  if (!is_last) {
    return;
  }
  last_[type].see(stamp);
  extend_references(type, Payload::word(event));
  if (stamp.has_value() && samples_.wants(stamp->checksum)) {
    take_sample(event, *stamp, end);
  }
}

/// A callback that only keeps its tally.
template <typename Payload>
struct Subscriber {
  Tally* tally;

  void operator()(const Event& event) const noexcept { tally->add(Payload::word(event)); }
};

/// A callback that keeps its tally, then looks closer.
template <typename Payload>
struct WitnessSubscriber {
  Tally* tally;
  DeliveryCheck* check;
  std::size_t subscriber;

  void operator()(const Event& event) const noexcept {
    tally->add(Payload::word(event));
    check->on_event_of_witness<Payload>(subscriber, event);
  }
};

}  // namespace herald::cli
