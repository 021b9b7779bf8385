// Mailbox, mail nodes: which nodes of a mailbox's queue are free.
//
// Threads: the dispatcher fetches and keeps; the owner gives back.
// Invariants: a node is in one place: a cell of the queue, the owner's hand, the dispatcher's free
//   list or the stack of those given back.
// Synchronization:
//  [B2] a node is given back with release after it was read / taken with acquire before it is
//       filled again.
// Bounds: as many nodes as it is made with.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/cache_line.h"

namespace herald::core {

/// `Store`: what is in them. Item; Node; put(node, Item&&), take(node); next(node), set_next(node,
/// Node).
template <typename Atomics, typename Store>
class MailNodes {
 public:
  using Node = std::uint32_t;
  static constexpr Node kNone = (Node{1} << 21U) - 1;

  MailNodes(Store store, std::size_t nodes) : store_(std::move(store)) {
    for (Node node = 0; node < nodes; ++node) {
      keep(node);
    }
  }

  [[nodiscard]] Store& contents() noexcept { return store_; }

  // Dispatcher.

  void keep(Node node) noexcept {
    store_.set_next(node, free_);
    free_ = node;
  }
  /// Requires: one is free.
  [[nodiscard]] Node fetch() noexcept {
    if (free_ == kNone) {
      free_ = given_back_.exchange(kNone, std::memory_order_acquire);  // [B2] all of them
    }
    return std::exchange(free_, store_.next(free_));
  }

  // Owner.

  /// [B2] release. Lock-free: it goes round again only if the dispatcher took them all meanwhile.
  /// No ABA: nobody else puts nodes there.
  void give_back(Node node) noexcept {
    Node top = given_back_.load(std::memory_order_relaxed);  // Stale: the exchange corrects it.
    do {
      store_.set_next(node, top);
    } while (!given_back_.compare_exchange_weak(top, node, std::memory_order_release,
                                                std::memory_order_relaxed));
  }

 private:
  Store store_;
  Node free_ = kNone;
  alignas(base::kFalseSharingBytes) typename Atomics::template Atomic<Node> given_back_{kNone};
};

}  // namespace herald::core
