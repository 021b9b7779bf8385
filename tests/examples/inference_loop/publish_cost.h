// What the bus costs the thread that decodes.
#pragma once

#include <chrono>
#include <cstdint>

namespace inference_loop {

/// Calls of operator new, in any form, by this thread. The program's operator new is replaced by
/// one that counts.
[[nodiscard]] std::uint64_t allocations_of_this_thread() noexcept;

/// The sum over calls into Herald, made by one thread.
struct PublishCost {
  std::uint64_t calls = 0;
  std::uint64_t allocations = 0;
  std::chrono::nanoseconds time{0};

  /// Makes the call and adds it.
  template <typename Call>
  void add(Call&& call) {
    const std::uint64_t allocations_before = allocations_of_this_thread();
    const auto begin = std::chrono::steady_clock::now();
    call();
    time += std::chrono::steady_clock::now() - begin;
    allocations += allocations_of_this_thread() - allocations_before;
    ++calls;
  }

  PublishCost& operator+=(const PublishCost& other) noexcept {
    calls += other.calls;
    allocations += other.allocations;
    time += other.time;
    return *this;
  }
};

}  // namespace inference_loop
