// Mailbox, queue: takes items from the dispatcher, gives them to the mailbox's owner, and
// lets the dispatcher take the oldest back or replace one that waits.
//
// Threads: one dispatcher and one owner at a time; who they are may change, in turn.
// Invariants:
//  1. Position p lies in cell p mod size. A cell holds the position it was last used for, and the
//     node with the item, or none once that is out. Whoever changes node to none, by one
//     compare-and-swap, has the item; so each is given to one side, once.
//  2. Items lie at positions from first_ on, up to tail_, and those are never more than the
//     capacity. first_ passes over cells without a node only.
//  3. An owner that finds a later position in its cell than its own has been overtaken: everything
//     before first_ is gone.
//  4. At most `capacity` nodes are in cells and one is in the owner's hand. There are two more than
//     the capacity, so a push and a replacement always find one (mail_nodes.h).
//  5. A cell tells whether its item may be taken back: the dispatcher need not read what may be in
//     the owner's hand by then.
// Synchronization:
//  [B1] a cell is changed with release after its node is filled / emptied with acquire by the owner
//       before it reads the node.
//  [B2] a node that was read is filled again: see mail_nodes.h.
// Progress: either side goes round again only over cells that the other has changed.
// Bounds: `capacity` items, at most kMostItems.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/cache_line.h"
#include "core/mailbox/mail_nodes.h"

namespace herald::core {

/// What became of an attempt to take the oldest item back.
enum class TakenBack : std::uint8_t {
  kOldest,
  kNothing,  ///< The owner has them all.
  kKept,     ///< It may not be taken back.
};

/// `Store`: see mail_nodes.h.
template <typename Atomics, typename Store>
class MailboxQueue {
 public:
  using Item = typename Store::Item;
  using Node = std::uint32_t;
  using Position = std::uint64_t;

  static constexpr std::size_t kMostItems = std::size_t{1} << 20U;
  [[nodiscard]] static constexpr std::size_t nodes_for(std::size_t capacity) noexcept {
    return capacity + 2;
  }

  /// `store` has nodes_for(capacity) nodes.
  MailboxQueue(Store store, std::size_t capacity)
      : capacity_(capacity),
        mask_(std::bit_ceil(capacity) - 1),
        cells_(std::make_unique<Cell[]>(mask_ + 1)),
        nodes_(std::move(store), nodes_for(capacity)) {
    for (Position i = 0; i <= mask_; ++i) {
      // Relaxed: nobody else knows of it yet.
      cells_[i].store(pack(i - mask_ - 1, kNone), std::memory_order_relaxed);
    }
  }
  MailboxQueue(const MailboxQueue&) = delete;
  MailboxQueue& operator=(const MailboxQueue&) = delete;

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Without what is in the nodes.
  [[nodiscard]] std::size_t size_bytes() const noexcept {
    return (mask_ + 1) * sizeof(Cell) + nodes_for(capacity_) * Store::kNodeBytes;
  }

  // Dispatcher.

  /// Where the next item will lie.
  [[nodiscard]] Position tail() const noexcept { return tail_; }
  /// The oldest that may be there.
  [[nodiscard]] Position first() const noexcept { return first_known_; }
  /// Items that fit now, at least. Looks at the cells only if fewer than `wanted` are known.
  [[nodiscard]] std::size_t room(std::size_t wanted) noexcept {
    if (known_room() < wanted) {
      pass_empty_cells();
    }
    return known_room();
  }
  /// Requires: room. `kept`: it may not be taken back.
  void push(Item&& item, bool kept) noexcept {
    const Node node = nodes_.fetch();
    nodes_.contents().put(node, std::move(item));
    fill(tail_, pack(tail_, node) | (kept ? kKeptBit : 0));
    ++tail_;
  }
  /// Takes the oldest out, unless it is kept.
  [[nodiscard]] TakenBack take_back(Item& oldest) noexcept {
    for (pass_empty_cells(); first_known_ != tail_; pass_empty_cells()) {
      const std::uint64_t seen = peek(first_known_);
      if (node_of(seen) == kNone) {
        continue;
      }
      if ((seen & kKeptBit) != 0) {
        return TakenBack::kKept;
      }
      if (empty(first_known_, seen)) {
        oldest = take(node_of(seen));
        pass_empty_cells();  // there is room now, and the cell may be filled again
        return TakenBack::kOldest;
      }
    }
    return TakenBack::kNothing;
  }
  /// Exchanges `item` for that at `at`. False, and unchanged, if that is out.
  [[nodiscard]] bool replace(Position at, Item& item) noexcept {
    std::uint64_t seen = peek(at);
    if (distance(seen, at) != 0 || node_of(seen) == kNone) {
      return false;
    }
    const Node node = nodes_.fetch();
    nodes_.contents().put(node, std::move(item));
    if (!exchange(at, seen, node)) {
      item = take(node);
      return false;
    }
    item = take(node_of(seen));
    return true;
  }

  // Owner.

  /// Where it will look next. All before it has left the queue.
  [[nodiscard]] Position next() const noexcept { return next_; }
  /// Of those, what the dispatcher has taken back.
  [[nodiscard]] std::uint64_t skipped() const noexcept { return next_ - popped_; }
  [[nodiscard]] bool is_empty() const noexcept { return distance(look(next_), next_) < 0; }
  /// The oldest; false if there is none.
  [[nodiscard]] bool pop(Item& item) noexcept {
    for (;;) {
      const std::uint64_t seen = look(next_);
      const std::int64_t ahead = distance(seen, next_);
      if (ahead < 0) {
        return false;  // nothing has been put there yet
      }
      if (ahead > 0) {
        next_ = overtaken_to();
      } else if (node_of(seen) == kNone) {
        ++next_;  // the dispatcher took it back
      } else if (empty(next_, seen)) {
        item = nodes_.contents().take(node_of(seen));
        nodes_.give_back(node_of(seen));
        ++next_;
        ++popped_;
        return true;
      }
    }
  }

 private:
  using Cell = typename Atomics::template Atomic<std::uint64_t>;
  static constexpr unsigned kNodeBits = 21;
  static constexpr Node kNone = MailNodes<Atomics, Store>::kNone;
  static_assert(kNone == (Node{1} << kNodeBits) - 1);
  static constexpr std::uint64_t kKeptBit = std::uint64_t{1} << kNodeBits;
  static constexpr unsigned kPositionShift = kNodeBits + 1;
  static_assert(nodes_for(kMostItems) <= kNone);

  // The lower 42 bits of a position: enough for 2^41 items between two looks of the owner.
  [[nodiscard]] static std::uint64_t pack(Position at, Node node) noexcept {
    return (at << kPositionShift) | node;
  }
  [[nodiscard]] static Node node_of(std::uint64_t packed) noexcept {
    return static_cast<Node>(packed) & kNone;
  }
  // By how much the cell's position is ahead of `at`.
  [[nodiscard]] static std::int64_t distance(std::uint64_t packed, Position at) noexcept {
    const std::uint64_t own = packed >> kPositionShift << kPositionShift;
    return static_cast<std::int64_t>(own - (at << kPositionShift)) >> kPositionShift;
  }
  [[nodiscard]] Cell& cell(Position at) const noexcept { return cells_[at & mask_]; }

  // Cells, either side.

  // Takes out the node that was seen. [B1] acquire: pairs with fill() and exchange(). One try. ABA:
  // replaced twice, the node may be the one seen and the item another; either is right.
  [[nodiscard]] bool empty(Position at, std::uint64_t seen) noexcept {
    return cell(at).compare_exchange_strong(seen, pack(at, kNone), std::memory_order_acquire,
                                            std::memory_order_relaxed);
  }

  // Cells, the dispatcher's side.

  // Relaxed: its own, unless the owner has emptied it, which may be seen late.
  [[nodiscard]] std::uint64_t peek(Position at) const noexcept { return look(at); }
  // [B1] release: the node is filled; pairs with empty().
  void fill(Position at, std::uint64_t packed) noexcept {
    cell(at).store(packed, std::memory_order_release);
  }
  // [B1] release: as fill(). Relaxed if it fails: nothing of the old node is read. One try; ABA: as
  // in empty().
  [[nodiscard]] bool exchange(Position at, std::uint64_t& seen, Node node) noexcept {
    return cell(at).compare_exchange_strong(seen, pack(at, node), std::memory_order_release,
                                            std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t known_room() const noexcept {
    return capacity_ - static_cast<std::size_t>(tail_ - first_known_);
  }
  void pass_empty_cells() noexcept {
    while (first_known_ != tail_ && node_of(peek(first_known_)) == kNone) {
      ++first_known_;
    }
    // Relaxed: only a hint, see overtaken_to().
    first_.store(first_known_, std::memory_order_relaxed);
  }

  // Cells, the owner's side.

  // Relaxed: empty() acquires what is read.
  [[nodiscard]] std::uint64_t look(Position at) const noexcept {
    return cell(at).load(std::memory_order_relaxed);
  }
  // Relaxed: from an older one on, cells are empty or tell of a later position again.
  [[nodiscard]] Position overtaken_to() const noexcept {
    return first_.load(std::memory_order_relaxed);
  }

  // The dispatcher's, of its own node.
  [[nodiscard]] Item take(Node node) noexcept {
    Item item = nodes_.contents().take(node);
    nodes_.keep(node);
    return item;
  }

  // Fixed.
  const std::size_t capacity_;
  const std::size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  MailNodes<Atomics, Store> nodes_;
  // Written by the dispatcher.
  alignas(base::kFalseSharingBytes) Position tail_ = 0;
  Position first_known_ = 0;  // what first_ holds
  typename Atomics::template Atomic<Position> first_{0};
  // Written by the owner.
  alignas(base::kFalseSharingBytes) Position next_ = 0;
  std::uint64_t popped_ = 0;
};

}  // namespace herald::core
