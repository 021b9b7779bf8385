// Queues that are right by looking at them. What lies in them is plain data (Var), so a protocol
// that does not order its two ends well enough is found as a data race.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "model/fail.h"
#include "model/model_atomics.h"
#include "model/var.h"

namespace herald::model {

/// For Lane: the cells of exactly `capacity` positions, ordered by the lane alone. Which of them
/// are full is known to the model, not to its threads.
template <typename T>
class ReferenceRing {
 public:
  using Item = T;
  using Position = std::uint64_t;

  explicit ReferenceRing(std::size_t capacity) : cells_(std::make_unique<Cells>(capacity)) {}

  void put(Position at, const T* items, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Cell& cell = cell_at(at + i);
      check(!std::exchange(cell.full, true), "over capacity");
      cell.item.set(items[i]);
    }
  }
  void get(Position at, T* items, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Cell& cell = cell_at(at + i);
      check(std::exchange(cell.full, false), "taken short");
      items[i] = cell.item.get();
    }
  }
  [[nodiscard]] Atomic<std::uint64_t>& mark(Position at) const { return cell_at(at).mark; }
  [[nodiscard]] std::size_t inside() const {
    return static_cast<std::size_t>(
        std::count_if(cells_->begin(), cells_->end(), [](const Cell& cell) { return cell.full; }));
  }

 private:
  struct Cell {
    Var<T> item;
    Atomic<std::uint64_t> mark{0};
    bool full = false;
  };
  using Cells = std::vector<Cell>;

  [[nodiscard]] Cell& cell_at(Position at) const { return (*cells_)[at % cells_->size()]; }

  std::unique_ptr<Cells> cells_;
};

/// For SharedLane: many producers, one consumer. Promises no more than a lane may ask for: each
/// producer's order; what is taken is visible; nothing is found only if all that was put in before
/// (happens-before) is out. Producers' events overtake each other. An event lies in one of
/// `capacity` cells, free again when it was taken.
template <typename T>
class ReferenceSharedQueue {
 public:
  using Item = T;

  /// `producers`: the threads 1 to that number may put in `most_events` each.
  ReferenceSharedQueue(std::size_t capacity, std::size_t producers, std::size_t most_events)
      : store_(std::make_unique<Store>(capacity, producers, most_events)) {}

  bool enqueue(const T& item) {
    Store& store = *store_;
    if (store.fail_at == ++store.attempts) {
      return false;
    }
    check(++store.inside <= store.capacity, "over capacity");
    Producer& producer = store.producers[scheduler().running() - 1];
    producer.cells[producer.own_put].set(item);
    producer.put.store(++producer.own_put, std::memory_order_release);
    return true;
  }

  // The youngest producer first: so they overtake each other most.
  std::size_t dequeue(T* items, std::size_t max) {
    Store& store = *store_;
    std::size_t count = 0;
    for (std::size_t i = store.producers.size(); i-- > 0 && count < max;) {
      Producer& producer = store.producers[i];
      const std::uint64_t put = producer.put.load(std::memory_order_acquire);
      for (; producer.taken < put && count < max; ++producer.taken) {
        items[count++] = producer.cells[producer.taken].get();
      }
    }
    store.inside -= count;
    return count;
  }

  /// The `attempt`th enqueue, counted from 1, finds no memory.
  void fail_at(std::size_t attempt) { store_->fail_at = attempt; }

 private:
  struct Producer {
    explicit Producer(std::size_t most_events) : cells(most_events) {}
    std::vector<Var<T>> cells;
    Atomic<std::uint64_t> put{0};
    std::uint64_t own_put = 0;
    std::uint64_t taken = 0;
  };
  struct Store {
    Store(std::size_t capacity_events, std::size_t count, std::size_t most_events)
        : capacity(capacity_events) {
      while (producers.size() < count) {
        producers.emplace_back(most_events);
      }
    }
    const std::size_t capacity;
    std::deque<Producer> producers;
    std::size_t inside = 0;
    std::size_t attempts = 0;
    std::size_t fail_at = 0;
  };
  std::unique_ptr<Store> store_;
};

}  // namespace herald::model
