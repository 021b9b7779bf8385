// Dispatch: takes batches from the lanes, sends each event through middleware,
// gives it its sequence, fans it out and measures it.
//
// Threads: the holder of the dispatch right, but for right(), wake() and dispatching_here().
// Invariants:
//  1. Commands run after each drain, before its first event, and between events. So a command
//     submitted before an event was published runs before this event is dispatched, and one that
//     waits, waits for at most one event's fan-out.
//  2. Events in hand (taken and not yet dispatched) go before anything else is taken.
//  3. One round takes at most one batch of each lane: a flooding publisher delays a quiet one by at
//     most one batch a lane.
//  4. No callback runs inside another one of this dispatcher: what a callback publishes waits in
//     its lane.
//  5. Late joiners are served when a round has dispatched what it could, and no run is open.
// Bounds: one batch in hand.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "core/control/dispatch_right.h"
#include "core/dispatch/backlog.h"
#include "core/dispatch/delivery.h"
#include "core/dispatch/flush_desk.h"
#include "core/dispatch/shared_age.h"
#include "core/dispatch/stall_log.h"
#include "core/lane/publisher_core.h"
#include "core/lane/shared_publisher.h"
#include "core/stream/stream_registry.h"
#include "herald/event.h"
#include "herald/options.h"

namespace herald::core {

class LaneRegistry;

/// How much one call may do.
struct DispatchBudget {
  std::uint64_t events = UINT64_MAX;
  base::Ticks until = INT64_MAX;  // not looked at before the first fan-out
  bool exact =
      true;  // `until` is looked at after each fan-out; else where the clock is read anyway
};

class Dispatcher {
 public:
  using Right = DispatchRight<base::NativeAtomics, Dispatcher>;

  Dispatcher(const BusOptions& options, const ChainOptions& chain, LaneRegistry& lanes,
             SharedPublisher& shared, StreamRegistry& streams, LatencyMeter& meter,
             WatchPost& post);
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Any thread.

  [[nodiscard]] Right& right() noexcept { return right_; }
  /// Whether the calling thread is inside dispatch(): in a callback, then.
  [[nodiscard]] bool dispatching_here() const noexcept;

  // The holder's: events.

  /// Notes what is accepted at `now` as the limit of the dispatch(bounded) calls to come.
  void note_limits(base::Ticks now) noexcept;
  /// One round over the lanes, up to the noted limits or not. Returns the events dispatched.
  std::uint64_t dispatch(const DispatchBudget& budget, bool bounded) noexcept;
  /// Whether there is something to dispatch, a due deadline, a waiting command or a late joiner.
  [[nodiscard]] bool has_work(base::Ticks now) const noexcept;
  /// The same for who asks over and over: without what is in lanes whose pace (drain_pace.h) asks
  /// for a pause, and as Lane::sees_next(). Not before a sleep: nobody would ring. The next round
  /// begins with the lane in which something was found, unless events are in hand: rounds that only
  /// go on with those must not end with the same lane's turn again and again.
  [[nodiscard]] bool has_ripe_work(base::Ticks now) noexcept;
  /// The same within the noted limits.
  [[nodiscard]] bool has_work_within_limits() const noexcept;
  /// What waits to be dispatched.
  [[nodiscard]] Backlog backlog() const noexcept;
  /// Whether the next event waits until a mailbox has room: nothing is dispatched meanwhile.
  /// Whoever makes room rings the doorbell.
  [[nodiscard]] bool is_held_up() const noexcept { return delivery_.is_held_up(); }
  /// The same of the next late joiner alone.
  [[nodiscard]] bool joiner_waits() const noexcept {
    return !delivery_.desk().empty() && !delivery_.can_serve_joiner();
  }
  /// Of middleware and streams; base::Clock::kNever if there is none, or nothing can be done.
  [[nodiscard]] base::Ticks next_deadline() const noexcept {
    if (is_held_up()) {
      return base::Clock::kNever;
    }
    const base::Ticks of_streams = streams_.next_expiry();
    return delivery_.has_deadline() ? std::min(delivery_.next_deadline(), of_streams) : of_streams;
  }
  /// Subscribers and middleware.
  [[nodiscard]] Delivery& delivery() noexcept { return delivery_; }
  [[nodiscard]] const Delivery& delivery() const noexcept { return delivery_; }

  // The holder's: commands.

  void run(Right::Order& order) noexcept;
  void open_lane(PublisherCore& lane);
  void close_lane(PublisherCore& lane) noexcept;
  void flush(std::shared_ptr<FlushRequest> request) noexcept;
  /// The end: throws away what is left, and all callbacks.
  void discard_all() noexcept;

  // The holder's: seeing.

  /// All but the rows of the subscribers.
  void fill(BusStats& stats) const;
  [[nodiscard]] StallLog& stalls() noexcept { return stalls_; }
  void count_park() noexcept { ++parks_; }

 private:
  void execute(Order& order) noexcept;

  // A round.
  [[nodiscard]] bool is_behind() const noexcept {
    return deadlines_first_ || deadlines_lead_ || joiners_first_ || in_hand();
  }
  void catch_up(DispatchBudget& budget) noexcept;
  void dispatch_lanes(DispatchBudget& budget, bool bounded) noexcept;

  // A batch.
  // Most lanes are in no pause, and need no clock.
  [[nodiscard]] static bool is_ripe(const PublisherCore& lane) noexcept {
    return !lane.pace.is_paused() || lane.pace.may_look(base::Clock::now());
  }
  std::size_t take_from(PublisherCore& lane, bool bounded) noexcept;
  std::size_t take_shared(bool bounded) noexcept;
  void keep_pace(PublisherCore* from, std::size_t count) noexcept;
  void begin_batch(PublisherCore* from, std::size_t count, bool exact) noexcept;
  void dispatch_in_hand(DispatchBudget& budget) noexcept;
  void dispatch_plain(DispatchBudget& budget) noexcept;
  void let_go(std::size_t from, std::size_t to) noexcept;
  void discard(PublisherCore* from, std::size_t begin, std::size_t end) noexcept;
  // Events are taken into hand_ as bare slots: an Event is nothing but its slot.
  [[nodiscard]] detail::EventSlot* hand_slots() noexcept { return &EventAccess::slot(hand_[0]); }
  [[nodiscard]] bool in_hand() const noexcept {
    return hand_next_ < hand_end_ || delivery_.pending() != 0;
  }
  [[nodiscard]] bool has_other_work(base::Ticks now) const noexcept;
  bool fan_out(const DispatchBudget& budget) noexcept;
  [[nodiscard]] bool reads_each(const DispatchBudget& budget) const noexcept;
  [[nodiscard]] bool out_of_time(const DispatchBudget& budget) const noexcept;

  void between_events() noexcept;

  // The end of a round.
  void run_deadlines(const DispatchBudget& budget) noexcept;
  void lead_with_joiners(const DispatchBudget& budget) noexcept;
  void serve_joiners(const DispatchBudget& budget) noexcept;
  void serve_flushes() noexcept;
  [[nodiscard]] bool flush_reached() const noexcept;
  void retire_lanes() noexcept;

  const bool measures_;
  const std::size_t batch_events_;
  Delivery delivery_;
  LaneRegistry& registry_;
  SharedPublisher& shared_;
  StreamRegistry& streams_;
  FlushDesk flushes_;
  StallLog stalls_;

  std::vector<PublisherCore*> lanes_;
  std::size_t next_lane_ = 0;  // where the next round begins; lanes_.size(): the shared lane
  bool lanes_to_retire_ = false;
  std::uint64_t shared_pump_limit_ = 0;  // of taken(): a ticket may lead to no event
  std::uint64_t pump_joiners_ = 0;       // that had come
  SharedAge shared_age_;

  std::unique_ptr<Event[]> hand_;  // the batch, dispatched in place where no middleware is
  std::size_t hand_next_ = 0;
  std::size_t hand_end_ = 0;
  PublisherCore* hand_from_ = nullptr;  // whose events they are; null: the shared lane's

  std::uint64_t discarded_ = 0;
  std::uint64_t parks_ = 0;
  bool dispatching_ = false;      // inside dispatch()
  bool has_progressed_ = false;   // in this dispatch()
  bool deadlines_first_ = false;  // they had no time in the last one
  bool deadlines_lead_ = false;   // they go before the batch in hand
  bool joiners_first_ = false;    // late joiners had no time in the last one
  bool joiners_lead_ = false;     // they go before the batch in hand

  Right right_;
};

}  // namespace herald::core
