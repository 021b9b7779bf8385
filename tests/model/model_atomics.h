// The provider of atomics that the protocols run on under the controlled scheduler. Same interface
// as base::NativeAtomics; what it allows is written in memory.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "model/scheduler.h"

namespace herald::model {

template <typename T>
Bits to_bits(T value) noexcept {
  static_assert(sizeof(T) <= sizeof(Bits) && std::is_trivially_copyable_v<T>);
  Bits bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}

template <typename T>
T from_bits(Bits bits) noexcept {
  T value;
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

/// As std::atomic<T>, where the order must be said.
template <typename T>
class Atomic {
 public:
  Atomic() noexcept : Atomic(T{}) {}
  Atomic(T value) noexcept : word_(scheduler().create(this, to_bits(value))) {}
  ~Atomic() { scheduler().destroy(word_, this); }
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(std::memory_order order) const noexcept {
    return from_bits<T>(scheduler().load(word_, this, order));
  }
  void store(T value, std::memory_order order) noexcept {
    scheduler().store(word_, this, to_bits(value), order);
  }
  T exchange(T value, std::memory_order order) noexcept {
    return change(order, [value](T) { return value; });
  }
  T fetch_add(T by, std::memory_order order) noexcept {
    return change(order, [by](T value) { return static_cast<T>(value + by); });
  }
  T fetch_sub(T by, std::memory_order order) noexcept {
    return change(order, [by](T value) { return static_cast<T>(value - by); });
  }
  T fetch_or(T with, std::memory_order order) noexcept {
    return change(order, [with](T value) { return static_cast<T>(value | with); });
  }
  T fetch_and(T with, std::memory_order order) noexcept {
    return change(order, [with](T value) { return static_cast<T>(value & with); });
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) noexcept {
    return compare_exchange(expected, desired, false, success, failure);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) noexcept {
    return compare_exchange(expected, desired, true, success, failure);
  }

 private:
  friend struct ModelAtomics;

  template <typename Change>
  T change(std::memory_order order, Change make) noexcept {
    return from_bits<T>(scheduler().modify(
        word_, this, order, [make](Bits bits) { return to_bits(make(from_bits<T>(bits))); }));
  }
  bool compare_exchange(T& expected, T desired, bool weak, std::memory_order success,
                        std::memory_order failure) noexcept {
    Bits bits = to_bits(expected);
    const bool done =
        scheduler().compare_exchange(word_, this, bits, to_bits(desired), weak, success, failure);
    expected = from_bits<T>(bits);
    return done;
  }

  WordId word_;
};

struct ModelAtomics {
  template <typename T>
  using Atomic = model::Atomic<T>;

  static constexpr std::int64_t kNoDeadline = INT64_MAX;

  /// Nothing: the model does not move the accesses of one thread but by memory.h.
  static void compiler_barrier() noexcept {}
  static void membarrier() noexcept { scheduler().membarrier(); }
  static bool membarrier_available() noexcept { return true; }
  /// Any deadline but kNoDeadline may come at any time, and comes when nothing else can happen.
  static bool futex_wait(const Atomic<std::uint32_t>& word, std::uint32_t expected,
                         std::int64_t deadline_ns) noexcept {
    return scheduler().futex_wait(word.word_, &word, expected, deadline_ns != kNoDeadline);
  }
  static void futex_wake_all(const Atomic<std::uint32_t>& word) noexcept {
    scheduler().futex_wake_all(word.word_, &word);
  }
  static void yield() noexcept { scheduler().yield(); }
};

}  // namespace herald::model
