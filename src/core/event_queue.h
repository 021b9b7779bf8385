// Stage 1, queues: moodycamel's queue under the lanes; takes slots, gives slots.
//
// Each publisher lane is an explicit producer of one ConcurrentQueue, drained producer by producer
// (its own try_dequeue favours full sub-queues). The shared lane is a second queue with implicit
// producers. Ordering is the lanes' own ([L1] [L2] [S1] [S2]): 1.0.3, which Debian has, predates
// upstream's memory-order fixes for weakly ordered processors.
//
// Bounds: a lane's blocks are made and touched by reserve() and then go round in a circle: one more
// than its events can span, and one for the block that is half read.
#pragma once

#include <concurrentqueue.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "herald/event.h"

namespace herald::core {

struct LaneQueueTraits : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr std::size_t BLOCK_SIZE = 256;  // wins back the cost of the lanes' own counters
};
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

/// One publisher's part of a queue.
class LaneQueue {
 public:
  using Item = detail::EventSlot;
  using Queue = moodycamel::ConcurrentQueue<Item, LaneQueueTraits>;

  /// Throws std::bad_alloc.
  explicit LaneQueue(Queue& queue) : queue_(&queue), token_(queue) {
    if (!token_.valid()) {
      throw_no_memory();
    }
  }

  /// Makes room for `events`, touches it, and never gives it back. Throws std::bad_alloc. By the
  /// publisher, before the lane is in use.
  void reserve(std::size_t events) {
    constexpr std::size_t kBlock = LaneQueueTraits::BLOCK_SIZE;
    if (events <= reserved_events_) {
      return;
    }
    const std::size_t wanted = events + 2 * kBlock;
    std::size_t made = 0;
    std::array<Item, kBlock> blank{};
    for (; made < wanted; made += kBlock) {
      if (!queue_->enqueue_bulk(token(), blank.data(), kBlock)) {
        drain_blank(blank);
        throw_no_memory();
      }
    }
    drain_blank(blank);
    reserved_events_ = events;
    reserved_bytes_ = made * sizeof(Item);
  }
  [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_bytes_; }

  bool enqueue(Item* items, std::size_t count) noexcept {
    return count == 1 ? queue_->try_enqueue(token(), *items)
                      : queue_->try_enqueue_bulk(token(), items, count);
  }
  std::size_t dequeue(Item* items, std::size_t max) noexcept {
    return queue_->try_dequeue_bulk_from_producer(token_, items, max);
  }

 private:
  // Never null, as the constructor saw to; GCC 12 warns of a null producer unless it is told.
  [[nodiscard]] const moodycamel::ProducerToken& token() const noexcept {
    if (!token_.valid()) {
      __builtin_unreachable();
    }
    return token_;
  }

  template <typename Blank>
  void drain_blank(Blank& blank) noexcept {
    while (dequeue(blank.data(), blank.size()) != 0) {
    }
  }
  Queue* queue_;
  moodycamel::ProducerToken token_;
  std::size_t reserved_events_ = 0;
  std::size_t reserved_bytes_ = 0;
};

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
