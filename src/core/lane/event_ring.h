// Lane, ring: the memory of one lane; takes slots, gives slots, each by its position.
//
// Threads: one publisher puts, one dispatcher gets. The lane alone orders them ([L1] [L2] [L6]
//   in lane.h): nothing here is shared but the cells.
// Invariants: position p lies in cell p mod size; of the positions in use, which are consecutive,
//   there are never more than the lane's capacity, and no more than cells. A cell's mark lies where
//   a dispatched event has its sequence, and nothing else here touches it: it is in the event's
//   cache line. So who waits for the next event at its mark gets it with the line that tells of it;
//   by the lane's count two lines would have to cross, one after the other.
// Bounds: as many cells as the capacity, rounded up to a power of two, at least kFewestCells. They
//   are made and touched by reserve().
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/prefetch.h"
#include "herald/event.h"

namespace herald::core {

class EventRing {
 public:
  using Item = detail::EventSlot;
  using Position = std::uint64_t;

  /// Makes room for `events`, never less than there was. Only while nothing is inside. Throws
  /// std::bad_alloc, and then nothing has changed.
  void reserve(std::size_t events) {
    const std::size_t cells = std::bit_ceil(std::max(events, kFewestCells));
    if (cells > size()) {
      cells_ = std::make_unique<Item[]>(cells);
      mask_ = cells - 1;
    }
  }
  [[nodiscard]] std::size_t reserved_bytes() const noexcept { return size() * sizeof(Item); }

  void put(Position at, const Item* items, std::size_t count) noexcept {
    Item* const cells = cells_.get();
    const std::size_t mask = mask_;
    for (std::size_t i = 0; i < count; ++i) {
      base::prefetch_to_write(&cells[(at + i + kCellsAhead) & mask]);
      detail::copy_made(cells[(at + i) & mask], items[i]);
    }
  }
  [[nodiscard]] Item& cell(Position at) noexcept {
    base::prefetch_to_write(&cells_[(at + kCellsAhead) & mask_]);
    return cells_[at & mask_];
  }
  /// The cells from `at` on, up to `most`, as far as they lie in a row.
  [[nodiscard]] std::span<Item> cells(Position at, std::size_t most) noexcept {
    const std::size_t first = at & mask_;
    const std::size_t count = std::min(most, size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      base::prefetch_to_write(&cells_[(first + i + kCellsAhead) & mask_]);
    }
    return {&cells_[first], count};
  }
  [[nodiscard]] const Item& at(Position at) const noexcept { return cells_[at & mask_]; }
  [[nodiscard]] std::atomic_ref<Position> mark(Position at) const noexcept {
    return std::atomic_ref<Position>(cells_[at & mask_].sequence);
  }
  /// The items have no sequence: those there keep what they had.
  void get(Position at, Item* items, std::size_t count) noexcept {
    const Item* const cells = cells_.get();
    const std::size_t mask = mask_;
    for (std::size_t i = 0; i < count; ++i) {
      detail::copy_made(items[i], cells[(at + i) & mask]);
    }
  }

 private:
  // The dispatcher had each cell last. The publisher asks for it this many events before it comes
  // there, so that it never waits for a line to cross: without, it is half as fast where the cores
  // are far from each other. No line that is still to be read is asked for in a small lane.
  static constexpr std::size_t kCellsAhead = 16;
  static constexpr std::size_t kFewestCells = 4 * kCellsAhead;

  [[nodiscard]] std::size_t size() const noexcept { return cells_ == nullptr ? 0 : mask_ + 1; }

  std::unique_ptr<Item[]> cells_;
  std::size_t mask_ = 0;  // cells - 1, once there are some
};

}  // namespace herald::core
