// Lane, shared queue: moodycamel's queue under the shared lane; takes slots of any thread, gives
// slots.
//
// Ordering is the lane's own ([S1] [S2] in shared_lane.h): 1.0.3, which Debian has, predates
// upstream's memory-order fixes for weakly ordered processors.
#pragma once

#include <concurrentqueue.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "herald/event.h"

namespace herald::core {

struct SharedQueueTraits : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr std::size_t BLOCK_SIZE = 64;  // each publishing thread holds at least one
  // A thread's index of its blocks is allocated with its first event; it grows, and allocates, only
  // when one thread alone has more than 32,768 events waiting.
  static constexpr std::size_t IMPLICIT_INITIAL_INDEX_SIZE = 512;
};

[[noreturn]] inline void throw_no_memory() {
#if defined(__cpp_exceptions)
  throw std::bad_alloc();
#else
  std::abort();
#endif
}

/// The queue that all threads share.
class SharedQueue {
 public:
  using Item = detail::EventSlot;

  /// Throws std::bad_alloc.
  explicit SharedQueue(std::size_t events)
      : queue_(std::make_unique<Queue>(events + kSpareBlocks * SharedQueueTraits::BLOCK_SIZE)),
        consumer_(std::make_unique<moodycamel::ConsumerToken>(*queue_)),
        reserved_bytes_(events * sizeof(Item)) {
    touch(events);
  }
  [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_bytes_; }

  /// Allocates for the first event of a thread, and when more than kSpareBlocks threads hold
  /// half-used blocks while the lane is full.
  bool enqueue(Item& item) noexcept { return queue_->enqueue(item); }
  std::size_t dequeue(Item* items, std::size_t max) noexcept {
    return queue_->try_dequeue_bulk(*consumer_, items, max);
  }

 private:
  using Queue = moodycamel::ConcurrentQueue<Item, SharedQueueTraits>;
  static constexpr std::size_t kSpareBlocks = 32;

  void touch(std::size_t events) {
    Item blank{};
    for (std::size_t i = 0; i < events; ++i) {
      if (!queue_->enqueue(blank)) {
        throw_no_memory();
      }
    }
    std::array<Item, 64> out{};
    while (queue_->try_dequeue_bulk(*consumer_, out.data(), out.size()) != 0) {
    }
  }

  std::unique_ptr<Queue> queue_;
  std::unique_ptr<moodycamel::ConsumerToken> consumer_;
  std::size_t reserved_bytes_;
};

}  // namespace herald::core
