// A bound for queues that have none: how many events each publisher may have under way.
//
// Threads: take() by the publisher of that number, give() by the consumer.
// Invariant: taken - given <= capacity, for each publisher.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "event.h"

namespace peers {

class Credits {
 public:
  Credits(unsigned publishers, std::size_t capacity)
      : capacity_(capacity), takers_(publishers), givers_(publishers) {}

  /// False, and nothing taken, if there is not enough.
  [[nodiscard]] bool take(unsigned publisher, std::size_t count = 1) noexcept {
    Taker& taker = takers_[publisher];
    if (taker.taken + count - taker.known_given > capacity_) {
      // acquire: what the consumer freed is free; pairs with the release in give().
      taker.known_given = givers_[publisher].given.load(std::memory_order_acquire);
      if (taker.taken + count - taker.known_given > capacity_) {
        return false;
      }
    }
    taker.taken += count;
    return true;
  }

  void give(unsigned publisher, std::size_t count) noexcept {
    std::atomic<std::uint64_t>& given = givers_[publisher].given;
    // relaxed load: the consumer's own word. release: pairs with the acquire in take().
    given.store(given.load(std::memory_order_relaxed) + count, std::memory_order_release);
  }
  /// Gives each event back to its publisher, those in a row at once.
  void give(std::span<const Event> events) noexcept {
    while (!events.empty()) {
      const std::uint64_t publisher = events.front().publisher;
      std::size_t count = 1;
      while (count < events.size() && events[count].publisher == publisher) {
        ++count;
      }
      give(static_cast<unsigned>(publisher), count);
      events = events.subspan(count);
    }
  }

 private:
  struct alignas(64) Taker {  // a publisher's line
    std::uint64_t taken = 0;
    std::uint64_t known_given = 0;
  };
  struct alignas(64) Giver {  // the consumer's line
    std::atomic<std::uint64_t> given{0};
  };

  const std::size_t capacity_;
  std::vector<Taker> takers_;
  std::vector<Giver> givers_;
};

}  // namespace peers
