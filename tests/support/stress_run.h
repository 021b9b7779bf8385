// What every stress test has: a seed that is printed and can be replayed, bounded counts that grow
// with HERALD_FULL=1 and shrink under sanitizers, and a watchdog that turns no progress into a
// message and an abort.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <mutex>
#include <thread>

namespace herald::stress {

/// Numbers for one thread, the same for the same seed (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept;
  /// 0 to limit - 1. Requires: limit > 0.
  std::uint64_t below(std::uint64_t limit) noexcept { return next() % limit; }
  bool one_in(std::uint64_t limit) noexcept { return below(limit) == 0; }

 private:
  std::uint64_t state_;
};

/// Passes a random short time: nothing, up to `most` turns of a spin loop, or a yield.
void dawdle(Random& random, std::uint64_t most = 200) noexcept;

/// `usual`, or `full` with HERALD_FULL=1; a tenth of it under ThreadSanitizer or AddressSanitizer.
[[nodiscard]] std::uint64_t rounds(std::uint64_t usual, std::uint64_t full) noexcept;
[[nodiscard]] bool full_run() noexcept;
/// Whether a sanitizer keeps memory of its own.
[[nodiscard]] bool sanitized() noexcept;

/// Ends the process with a message when progress() was not called for a minute: a wake-up was lost,
/// or something is locked for ever. Ten minutes of patience for one step are never needed.
class Watchdog {
 public:
  /// `describe` prints what is known; it may hang itself, the process ends anyway.
  explicit Watchdog(std::function<void()> describe = {});
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Any thread.
  void progress() noexcept { steps_.fetch_add(1, std::memory_order_relaxed); }

 private:
  void watch();
  [[noreturn]] void bite();

  const std::function<void()> describe_;
  std::atomic<std::uint64_t> steps_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

/// Prints the seed: HERALD_SEED, or a new one.
class Test : public ::testing::Test {
 protected:
  Test();

  /// A generator of its own for each thread or part.
  [[nodiscard]] Random random(std::uint64_t part) const noexcept;

  const std::uint64_t seed_;
};

}  // namespace herald::stress
