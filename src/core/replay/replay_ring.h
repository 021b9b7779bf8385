// Replay, ring: takes dispatched events, keeps the last of them for those who join late.
//
// Threads: the holder of the dispatch right.
// Invariants:
//  1. It holds the sequences [oldest(), newest()] without a hole; each lies in the cell of its
//     sequence modulo the cells. An event whose block is too large stands there without it:
//     is_kept() is false.
//  2. block_bytes_ is the sum of the blocks of [oldest(), newest()], at most max_block_bytes_.
//  3. An event leaves the ring before its block is let go of: a payload's destructor, which is the
//     user's, finds 1. and 2. as they are to be.
//  4. Apart from that it holds the latest event of each type, also when that has left the cells.
// Bounds: 64 bytes for each event, rounded up to a power of two, reserved when it is made; blocks
//   of max_block_bytes_ in the cells, and one of at most as much for each type beside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/event/event_access.h"
#include "herald/event.h"
#include "herald/filter.h"

namespace herald::core {

class ReplayRing {
 public:
  /// `capacity_events` 0: off, holds nothing ever. Throws std::bad_alloc.
  ReplayRing(std::size_t capacity_events, std::size_t max_block_bytes);

  [[nodiscard]] bool is_on() const noexcept { return cells_ != nullptr; }

  /// Requires: is_on(), and that the sequences of `run` follow newest() one by one.
  void append(std::span<const Event> run) noexcept;
  /// Lets go of all events. The sequences go on.
  void clear() noexcept;

  /// The first sequence that is held; newest() + 1 if none is.
  [[nodiscard]] std::uint64_t oldest() const noexcept { return oldest_; }
  /// The last that was appended; 0 before the first.
  [[nodiscard]] std::uint64_t newest() const noexcept { return newest_; }
  /// Valid until the next append(). Requires: oldest() <= sequence <= newest().
  [[nodiscard]] const Event& at(std::uint64_t sequence) const noexcept {
    return cells_[sequence & mask_];
  }
  /// False for one that was too large: only its head is there.
  [[nodiscard]] static bool is_kept(const Event& event) noexcept {
    return EventAccess::slot(event).kind != detail::PayloadKind::kNone;
  }
  /// The latest event of each type that has had one and matches, in order of sequence.
  [[nodiscard]] std::vector<Event> latest(const Filter& filter) const;

  [[nodiscard]] std::uint64_t events() const noexcept { return newest_ + 1 - oldest_; }
  [[nodiscard]] std::size_t size_bytes() const noexcept;

 private:
  static constexpr std::size_t kTypes = 64;

  void keep(const Event& event) noexcept;
  void evict() noexcept;
  [[nodiscard]] Event without_large_block(const Event& event) const noexcept;
  void note_latest(std::span<const Event> run) noexcept;

  const std::size_t capacity_events_;
  const std::size_t max_block_bytes_;
  const std::uint64_t mask_;
  std::unique_ptr<Event[]> cells_;
  std::unique_ptr<Event[]> latest_;  // by type; sequence 0: none yet
  std::uint64_t oldest_ = 1;
  std::uint64_t newest_ = 0;
  std::size_t block_bytes_ = 0;
};

}  // namespace herald::core
