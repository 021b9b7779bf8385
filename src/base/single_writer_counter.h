// A statistic that one thread at a time counts and any thread may read.
#pragma once

#include <atomic>
#include <cstdint>

namespace herald::base {

// Relaxed throughout: a statistic only; whoever needs it exact is ordered by something else.
class SingleWriterCounter {
 public:
  void add(std::uint64_t count) noexcept { value_.store(get() + count, std::memory_order_relaxed); }
  void reset() noexcept { value_.store(0, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// The same where who sees a count also sees what was done before it.
class PublishedCounter {
 public:
  /// [Q1] release: pairs with get().
  void add(std::uint64_t count) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_release);
  }
  /// [Q1] acquire: pairs with add().
  [[nodiscard]] std::uint64_t get() const noexcept {
    return value_.load(std::memory_order_acquire);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace herald::base
