// Stage 2 to 8, dispatcher: takes batches from the lanes, sends each event through middleware, gives
// it its sequence, fans it out and measures it.
//
// Threads: the holder of the dispatch right, but for right(), wake() and dispatching_here().
// Invariants:
//  1. Commands run after each drain, before its first event, and between events. So a command
//     submitted before an event was published runs before this event is dispatched, and one that
//     waits, waits for at most one event's fan-out.
//  2. Events in hand (taken and not yet dispatched) go before anything else is taken.
//  3. One round takes at most one batch of each lane: a flooding publisher delays a quiet one by at
//     most one batch a lane.
//  4. No callback runs inside another one of this dispatcher: what a callback publishes waits in its
//     lane.
// Bounds: one batch in hand; 1 + max_emitted_per_event staged events for each of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "core/callback_guard.h"
#include "core/dispatch_right.h"
#include "core/flush_desk.h"
#include "core/latency_meter.h"
#include "core/middleware_chain.h"
#include "core/publisher_core.h"
#include "core/shared_publisher.h"
#include "core/stall_log.h"
#include "core/subscriber_table.h"
#include "herald/event.h"
#include "herald/options.h"

namespace herald::core {

class LaneRegistry;

/// How much one call may do.
struct DispatchBudget {
  std::uint64_t events = UINT64_MAX;
  base::Ticks until = INT64_MAX;
};

class Dispatcher {
 public:
  using Right = DispatchRight<base::NativeAtomics, Dispatcher>;

  Dispatcher(const BusOptions& options, const ChainOptions& chain, LaneRegistry& lanes,
             SharedPublisher& shared, LatencyMeter& meter);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Any thread.

  [[nodiscard]] Right& right() noexcept { return right_; }
  /// Whether the calling thread is inside dispatch(): in a callback, then.
  [[nodiscard]] bool dispatching_here() const noexcept;

  // The holder's: events.

  /// Notes what is accepted now as the limit of the dispatch(bounded) calls to come.
  void note_limits() noexcept;
  /// One round over the lanes, up to the noted limits or not. Returns the events dispatched.
  std::uint64_t dispatch(const DispatchBudget& budget, bool bounded) noexcept;
  /// Whether there is something to dispatch, a due deadline or a waiting command.
  [[nodiscard]] bool has_work(base::Ticks now) const noexcept;
  /// The same within the noted limits.
  [[nodiscard]] bool has_work_within_limits() const noexcept;
  [[nodiscard]] bool has_deadline() const noexcept { return chain_.has_deadline(); }
  [[nodiscard]] base::Ticks next_deadline() const noexcept { return chain_.next_deadline(); }

  // The holder's: commands.

  void run(Right::Order& order) noexcept;
  void open_lane(PublisherCore& lane);
  void close_lane(PublisherCore& lane) noexcept;
  void attach(Attachment& attachment);
  /// As a command: no call is running, so the caller may destroy the callable.
  void detach(Attachment& attachment) noexcept;
  /// Inside a callback: the callable lives until it is back.
  void detach_in_callback(std::shared_ptr<Attachment> attachment) noexcept;
  void activate_type(unsigned type_index);
  void flush(std::shared_ptr<FlushRequest> request) noexcept;
  void expire_deadlines() noexcept { chain_.expire_all(); }
  /// The end: throws away what is left, and all callbacks.
  void discard_all() noexcept;

  // The holder's: seeing.

  [[nodiscard]] SubscriptionStats stats(const Attachment& attachment) const;
  void fill(BusStats& stats) const;
  [[nodiscard]] const std::vector<PublisherCore*>& lanes() const noexcept { return lanes_; }
  [[nodiscard]] StallLog& stalls() noexcept { return stalls_; }
  void count_park() noexcept { ++parks_; }

 private:
  class Scope;

  void execute(Order& order) noexcept;

  // A batch.
  std::uint64_t take_from(PublisherCore& lane, bool bounded) noexcept;
  std::uint64_t take_shared(bool bounded) noexcept;
  void begin_batch(std::size_t count) noexcept;
  void dispatch_in_hand(DispatchBudget& budget) noexcept;
  void let_go(std::size_t from, std::size_t to) noexcept;
  [[nodiscard]] bool spent(const DispatchBudget& budget) const noexcept;
  [[nodiscard]] detail::EventSlot* hand_slots() noexcept;
  [[nodiscard]] bool in_hand() const noexcept { return hand_next_ < hand_end_; }

  // An event.
  void dispatch_next() noexcept;
  void dispatch_staged() noexcept;
  void fan_out(Event& event) noexcept;
  void use_ready(bool staged, std::size_t at) noexcept;
  void deliver_ready_batch() noexcept;
  void between_events() noexcept;

  // The end of a round.
  void run_deadlines() noexcept;
  void note_flush_limits() noexcept;
  void count_flushed(std::size_t events) noexcept;
  void serve_flushes() noexcept;
  [[nodiscard]] bool flush_reached() const noexcept;
  void retire_lanes() noexcept;
  void tidy() noexcept;

  const bool measures_;
  const std::size_t batch_events_;
  CallbackGuard guard_;
  MiddlewareChain chain_;
  SubscriberTable table_;
  LatencyMeter& meter_;
  LaneRegistry& registry_;
  SharedPublisher& shared_;
  FlushDesk flushes_;
  StallLog stalls_;

  std::vector<PublisherCore*> lanes_;
  std::size_t next_lane_ = 0;  // where the next round begins; lanes_.size(): the shared lane
  bool lanes_to_retire_ = false;
  std::uint64_t shared_pump_limit_ = 0;
  std::uint64_t shared_flush_limit_ = 0;   // tickets below it are flushed
  std::uint64_t shared_flush_missing_ = 0;  // how many of them are still to come

  std::unique_ptr<Event[]> hand_;  // the batch, dispatched in place where no middleware is
  std::size_t hand_next_ = 0;
  std::size_t hand_end_ = 0;
  std::vector<Event> staged_;       // what middleware made of events
  std::size_t staged_next_ = 0;
  bool ready_is_staged_ = false;    // where the ready events lie: in staged_ or in hand_
  std::size_t ready_begin_ = 0;     // ready: fanned out, not yet shown to batch subscribers
  std::size_t ready_end_ = 0;
  bool batch_awaits_ = false;       // some ready event is awaited by a batch subscriber

  base::Ticks last_ticks_ = 0;  // the end of the last fan-out, or the start of the batch
  std::uint64_t sequence_ = 0;
  std::uint64_t discarded_ = 0;
  std::uint64_t parks_ = 0;
  std::vector<std::shared_ptr<Attachment>> leavers_;  // detached; a call of theirs may be running
  bool untidy_ = false;       // something has left
  bool dispatching_ = false;  // inside dispatch()

  Right right_;
};

}  // namespace herald::core
