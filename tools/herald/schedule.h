// When each event is due.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sample_log.h"

namespace herald::cli {

/// Open loop: events of all publishers together are due at even distances, whatever became of those
/// before. Publishers take turns: event i of a phase is one of publisher i % publishers.
/// Closed loop: nothing is ever due; each event follows the one before it.
///
/// Threads: begin() while nothing is published; the rest from any thread.
class Schedule {
 public:
  /// `rate` is in events a second, in all; absent for a closed loop.
  Schedule(std::optional<double> rate, std::size_t publishers)
      : period_ns_(rate.has_value() ? 1e9 / *rate : 0), bases_(publishers, 0) {}

  [[nodiscard]] bool is_open() const noexcept { return period_ns_ > 0; }
  /// Events due in a time from the origin on, at least one. Requires: is_open().
  [[nodiscard]] std::uint64_t events_in(std::chrono::nanoseconds time) const noexcept {
    const double events = static_cast<double>(time.count()) / period_ns_ + 1e-6;
    return events < 1 ? 1 : static_cast<std::uint64_t>(events);
  }

  /// A new phase: event 0 is due at `origin`, and each publisher has already sent as many as told.
  void begin(Instant origin, std::vector<std::uint64_t> sent) {
    origin_ = origin;
    bases_ = std::move(sent);
  }
  [[nodiscard]] Instant origin() const noexcept { return origin_; }

  /// When event `index` of the phase is due. Requires: is_open().
  [[nodiscard]] Instant due_at(std::uint64_t index) const noexcept {
    const double offset_ns = static_cast<double>(index) * period_ns_;
    return origin_ + std::chrono::nanoseconds(static_cast<std::int64_t>(offset_ns));
  }
  /// The same by publisher and number. Requires: the event belongs to this phase.
  [[nodiscard]] Instant due(std::size_t publisher, std::uint64_t number) const noexcept {
    return due_at((number - 1 - bases_[publisher]) * bases_.size() + publisher);
  }

 private:
  double period_ns_;
  Instant origin_;
  std::vector<std::uint64_t> bases_;  // numbers sent before this phase, by publisher
};

}  // namespace herald::cli
