// Replay, desk: takes subscribers that ask for history, shows them what the replay ring
// holds, and puts each into the subscriber table when it has seen everything dispatched.
//
// The hand-over is the matter of one thread. A joiner has a cursor, the sequence that it gets next.
// It goes live between two events, when its cursor is one above the ring's newest: the ring had the
// last event, the table will have the next one. So it misses none and sees none twice.
//
// Threads: the holder of the dispatch right. Nothing here is called in the middle of a fan-out but
//   leave() and what only looks.
// Invariants:
//  1. A joiner stands here or in the table, never in both; it comes to the table but once.
//  2. serve_first() is called only when the ring holds the last dispatched event and no run of
//     events is open, so that no batch of before the hand-over is shown after it.
//  3. It shows at most one event, or tells one gap, or puts one joiner into the table: then
//     commands may run. A callback that is running may remove any joiner, itself too.
//  4. Joiners are served in order of joining, each until it is live. A round gives at least twice
//     as many looks as there were events since the last one, so the first one catches up, if its
//     callback lets it. Whoever is too slow, or waits behind it, may be overtaken by the ring; that
//     is told as a gap.
//  5. Tickets count joiners. All below served() are live or gone.
// Bounds: a pointer for each waiting joiner, and behind a waiting one for each that has left. The
//   latest events of at most 64 types for each that asked for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "core/fan_out/subscriber_rows.h"
#include "core/fan_out/subscriber_table.h"
#include "core/mailbox/mailbox_core.h"
#include "core/replay/replay_ring.h"
#include "core/subscriber/attachment.h"
#include "core/subscriber/callback_guard.h"
#include "herald/event.h"

namespace herald::core {

class ReplayDesk {
 public:
  /// Looks at events of the ring that a round gives besides those of invariant 4.
  static constexpr std::uint64_t kFreeLooks = 256;

  ReplayDesk(const ReplayRing& ring, SubscriberTable& table, CallbackGuard& guard) noexcept
      : ring_(ring), table_(table), guard_(guard) {}

  // Joiners.

  /// Requires: the ring is on and holds the last dispatched event.
  void join(Attachment& joiner);
  /// False if it is not here.
  bool leave(Attachment& joiner) noexcept;
  /// The end of all that wait.
  void clear() noexcept;

  [[nodiscard]] bool empty() const noexcept { return joiners_.empty(); }
  [[nodiscard]] std::uint64_t joined() const noexcept { return served_ + joiners_.size(); }
  [[nodiscard]] std::uint64_t served() const noexcept { return served_; }

  // Serving.

  /// A round begins. Returns its looks, those of invariant 4 and kFreeLooks.
  [[nodiscard]] std::uint64_t begin_round() noexcept;
  /// Moves the first joiner on. `looks` goes down by the events looked at, at most to 0.
  /// Requires: not empty(), looks > 0.
  void serve_first(std::uint64_t& looks) noexcept;

  // Seeing.

  /// Requires: not empty().
  [[nodiscard]] bool first_waits_for_room() const noexcept {
    const Attachment& first = *joiners_.front();
    return first.mail != nullptr && first.mail->mailbox->blocks() &&
           !first.mail->mailbox->has_room();
  }
  [[nodiscard]] std::uint64_t deliveries() const noexcept { return deliveries_; }
  void fill(SubscriberRows& rows) const;

 private:
  [[nodiscard]] std::uint64_t first_sequence(const Replay& replay) const noexcept;
  [[nodiscard]] const Event& take_next(LateJoin& late) noexcept;
  [[nodiscard]] bool is_through(const LateJoin& late) const noexcept;
  void show(Attachment& joiner, const Event& event) noexcept;
  void tell_gap(Attachment& joiner, std::uint64_t requested, std::uint64_t oldest) noexcept;
  void go_live(Attachment& joiner) noexcept;
  void drop_gone() noexcept;

  const ReplayRing& ring_;
  SubscriberTable& table_;
  CallbackGuard& guard_;
  std::deque<Attachment*> joiners_;  // by ticket, from served_ on; null: gone
  std::uint64_t served_ = 0;
  std::uint64_t round_newest_ = 0;  // of the ring, when the last round began or the desk had none
  std::uint64_t deliveries_ = 0;
};

}  // namespace herald::core
