// Lane, promised places: limits how many places of the shared lane are promised to the ends of
// streams.
//
// Threads: any.
// Invariant: never more than `capacity` - 1, so that other events always have one, and each promise
//   can be kept once the lane is drained.
// Synchronization: none; the lane's own counts say what is free. So relaxed throughout.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace herald::core {

/// What a stream has in its lane for its end.
enum class EndPlace : std::uint8_t { kNone, kPromised, kKept };

template <typename Atomics>
class PromisedPlaces {
 public:
  explicit PromisedPlaces(std::size_t capacity) noexcept : capacity_(capacity) {}

  /// Lock-free: it goes round again only if another thread counted. ABA: the same count allows the
  /// same.
  [[nodiscard]] bool add() noexcept {
    std::size_t seen = count_.load(std::memory_order_relaxed);
    do {
      if (seen + 1 >= capacity_) {
        return false;
      }
    } while (!count_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed,
                                           std::memory_order_relaxed));
    return true;
  }
  void remove() noexcept { count_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  const std::size_t capacity_;
  typename Atomics::template Atomic<std::size_t> count_{0};
};

}  // namespace herald::core
