// Watchdog: a ring that takes reports on the sampler's thread, gives them to the holder of
// the dispatch right.
//
// Threads: the sampler puts; the holder takes.
// Invariants: reports [taken_, put_) lie in the ring, at most kReports; each cell is written before
//   put_ passes it, and not again before taken_ has.
// Synchronization:
//  [W2] put() stores put_ with release / take() loads it with acquire: the report is whole.
//  [W3] take() stores taken_ with release / put() loads it with acquire: the cell is free.
// Bounds: kReports of 80 bytes. A report that does not fit is refused, not waited for.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/cache_line.h"
#include "core/watchdog/stay.h"

namespace herald::core {

class StayRing {
 public:
  static constexpr std::size_t kReports = 128;

  // The sampler.

  /// False if there is no room.
  [[nodiscard]] bool put(const StayReport& report) noexcept {
    const std::uint64_t at = put_.load(std::memory_order_relaxed);  // Relaxed: its own.
    if (at - free_from() == kReports) {
      return false;
    }
    cells_[at % kReports] = report;
    publish(at + 1);
    return true;
  }
  [[nodiscard]] bool is_half_full() const noexcept {
    return put_.load(std::memory_order_relaxed) - free_from() >= kReports / 2;  // Relaxed: its own.
  }

  // The holder.

  /// Calls `visit(report)` for each that waits. Cost when there is none: two loads.
  template <typename Visit>
  void take(Visit&& visit) noexcept {
    const std::uint64_t end = filled_to();
    for (std::uint64_t at = taken(); at != end; ++at) {
      visit(cells_[at % kReports]);
      give_back(at + 1);
    }
  }

 private:
  // [W2] release: pairs with filled_to().
  void publish(std::uint64_t end) noexcept { put_.store(end, std::memory_order_release); }
  // [W2] acquire: pairs with publish().
  [[nodiscard]] std::uint64_t filled_to() const noexcept {
    return put_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t taken() const noexcept {
    return taken_.load(std::memory_order_relaxed);  // Relaxed: its own.
  }
  // [W3] release: pairs with free_from().
  void give_back(std::uint64_t end) noexcept { taken_.store(end, std::memory_order_release); }
  // [W3] acquire: pairs with give_back().
  [[nodiscard]] std::uint64_t free_from() const noexcept {
    return taken_.load(std::memory_order_acquire);
  }

  std::array<StayReport, kReports> cells_{};
  alignas(base::kFalseSharingBytes) std::atomic<std::uint64_t> put_{0};
  alignas(base::kFalseSharingBytes) std::atomic<std::uint64_t> taken_{0};
};

}  // namespace herald::core
