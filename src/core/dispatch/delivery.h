// Dispatch, delivery: takes the events of a batch one by one, sends each through middleware,
// gives it its sequence, fans it out and measures it.
//
// Threads: the holder of the dispatch right.
// Use: begin_batch, then deliver_plain (plain_delivery.h) for events that concern no middleware;
//   for each other one take, and fan_out_next until it is false; end_run at the end. Commands may
//   run between any two of these calls. It may be left at any point with end_run, to go on with
//   begin_batch and fan_out_next.
// Invariants:
//  1. Events lie where they were taken unless middleware is concerned; what it makes of them is
//     staged. Either way those already fanned out form one contiguous run, which batch subscribers
//     get when it ends: at the end of the batch, or where the place changes.
//     The replay ring gets it then, too, or up to there when somebody joins.
//  2. Known events are those fanned out, [ready_begin_, ready_end_), and those still to come, up to
//     known_end_.
// Bounds: most_staged_ + 1 + max_emitted_per_event staged events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "core/event/event_access.h"
#include "core/fan_out/subscriber_table.h"
#include "core/latency/latency_meter.h"
#include "core/latency/read_sharing.h"
#include "core/mailbox/mailbox_desk.h"
#include "core/middleware/middleware_chain.h"
#include "core/replay/replay_desk.h"
#include "core/replay/replay_ring.h"
#include "core/subscriber/callback_guard.h"
#include "core/watchdog/slow_ledger.h"
#include "core/watchdog/stay.h"
#include "core/watchdog/watch_post.h"
#include "herald/event.h"
#include "herald/options.h"
#include "herald/stats.h"

namespace herald::core {

class Delivery {
 public:
  Delivery(const BusOptions& options, const ChainOptions& chain, LatencyMeter& meter,
           WatchPost& post);

  // A batch.

  /// Also before it goes on with a batch after a pause. `exact`: each event is measured alone,
  /// and asked after: for who must end in time.
  void begin_batch(Event* batch, bool exact) noexcept;
  /// Whether the event concerns no middleware, by now.
  [[nodiscard]] bool is_plain(std::size_t index) const noexcept {
    return !chain_.concerns(batch_[index]);
  }
  /// Whether the event must wait until a mailbox has room.
  [[nodiscard]] bool holds_up(std::size_t index) noexcept {
    return mailboxes_.holds_up(batch_[index]);
  }
  /// The same of the next that came of the last take.
  [[nodiscard]] bool holds_up_next() noexcept {
    return mailboxes_.blocking_types() != 0 && pending() != 0 &&
           mailboxes_.holds_up(ready_is_staged_ ? staged_[ready_end_] : batch_[ready_end_]);
  }
  /// Whether there is a late joiner, and the first need not wait for room.
  [[nodiscard]] bool can_serve_joiner() const noexcept {
    return !desk_.empty() && !desk_.first_waits_for_room();
  }
  /// Whether an event that had to wait still must.
  [[nodiscard]] bool is_held_up() const noexcept { return mailboxes_.is_held_up(); }
  /// Delivers the event `next`, which is plain, and those behind it, up to `end`, the first that is
  /// not plain, or until `stop()`, asked between any two, or `late()`, asked when last_ticks() has
  /// changed, and between any two if begin_batch() was told to be exact. Moves `next` behind each
  /// before its fan-out.
  template <typename Stop, typename Late>
  void deliver_plain(std::size_t& next, std::size_t end, Stop stop, Late late) noexcept;
  /// Sends the event through middleware. Requires: the last take is fanned out.
  void take(std::size_t index) noexcept;
  /// Delivers one event that came of the last take; false if there is none left.
  bool fan_out_next() noexcept;
  /// Shows the run of delivered events to the batch subscribers.
  void end_run() noexcept;
  /// Tells the owners of mailboxes what has come for them: after each batch or deadline.
  void announce() noexcept { mailboxes_.announce(); }
  /// Events that came of the last take and are not fanned out.
  [[nodiscard]] std::size_t pending() const noexcept { return known_end_ - ready_end_; }
  /// When the first of those was published. Requires: there is one.
  [[nodiscard]] base::Ticks next_publish_ticks() const noexcept;
  /// Throws those away. Returns how many there were.
  std::size_t discard_pending() noexcept;
  /// Runs one deadline of a middleware that is due at `now`, as a take; false if none is. One that
  /// is set again meanwhile is not due at the same `now`.
  bool take_deadline(base::Ticks now) noexcept;

  // Subscribers and middleware.

  /// Not inside a callback.
  void attach(Attachment& attachment);
  /// As a command: no call is running, so the caller may destroy the callable.
  void detach(Attachment& attachment) noexcept;
  /// Inside a callback: the callable lives until it is back. Then `done` is called, if it is one.
  void detach_in_callback(std::shared_ptr<Attachment> attachment,
                          std::function<void()> done = nullptr) noexcept;
  /// All that deliver on the mailbox.
  void detach_all(MailboxCore& mailbox) noexcept;
  void activate_type(unsigned type_index) { table_.activate(type_index); }
  /// Something has left since the last tidy().
  [[nodiscard]] bool untidy() const noexcept { return untidy_; }
  void tidy() noexcept;
  void clear() noexcept;  ///< The end of all subscribers and middleware.

  [[nodiscard]] bool has_deadline() const noexcept { return chain_.has_deadline(); }
  [[nodiscard]] base::Ticks next_deadline() const noexcept { return chain_.next_deadline(); }
  [[nodiscard]] std::uint64_t distance_of_held() const noexcept {
    return chain_.distance_of_held();
  }
  void expire_deadlines() noexcept { chain_.expire_all(); }
  /// The end of the last fan-out or middleware, or the start of the batch; 0 if not measured.
  [[nodiscard]] base::Ticks last_ticks() const noexcept { return last_ticks_; }
  void refresh_clock() noexcept;
  /// Of the last event that was fanned out, or is being.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  /// Those who have not yet seen all of it.
  [[nodiscard]] ReplayDesk& desk() noexcept { return desk_; }
  [[nodiscard]] const ReplayDesk& desk() const noexcept { return desk_; }

  // The watchdog.

  /// The sampler: where the dispatching thread is.
  [[nodiscard]] Stay stay() const noexcept;
  /// The end of a round.
  void end_work() noexcept { post_.end_work(); }
  /// Adds up what the sampler has told, before those it concerns move or leave.
  void collect() noexcept;
  /// Between two events, by the sampler's order: does what was asked for those that were slow, or
  /// before the next event if no round is on.
  void act_on_strikes() noexcept;

  // Seeing.

  [[nodiscard]] SubscriptionStats stats(const Attachment& attachment) const;
  /// All but the rows of the subscribers.
  void fill(BusStats& stats) const;
  void fill(SubscriberRows& rows) const {
    rows.set_watched(ledger_.watched());
    table_.fill(rows);
    desk_.fill(rows);
  }

 private:
  static constexpr std::size_t kMostInRow = 64;        // events that are stamped ahead: 4 KiB
  static constexpr std::uint16_t kAwaitedByBatch = 1;  // a flag of an event on its way

  void use_place(bool staged) noexcept;
  void stamp(Event& event, std::size_t index) noexcept;
  template <typename Stop, typename ReadClock>
  void deliver_row(std::size_t& next, std::size_t end, Stop stop, ReadClock read_clock) noexcept;
  void measure(Event* begin, Event* end) noexcept;
  void measure_several(const Event* begin, const Event* end) noexcept;
  void measure_one(Event& event, base::Ticks start) noexcept;
  void keep_run() noexcept;
  void close_run() noexcept;
  void deliver_run(std::span<const Event> run) noexcept;
  [[nodiscard]] Attachment* owner(const Stay& stay) const noexcept;
  void begin_work() noexcept;
  void tell_struck() noexcept;
  void quarantine(Attachment& attachment) noexcept;

  const bool measures_;
  const std::size_t most_staged_;
  CallbackGuard guard_;
  MiddlewareChain chain_;
  bool untidy_ = false;
  MailboxDesk mailboxes_{untidy_};
  SubscriberTable table_;
  ReplayRing ring_;
  ReplayDesk desk_;
  LatencyMeter& meter_;
  WatchPost& post_;
  SlowLedger ledger_;

  Event* batch_ = nullptr;
  std::vector<Event> staged_;     // what middleware made of events
  bool ready_is_staged_ = false;  // where the run lies: in staged_ or in batch_
  std::size_t ready_begin_ = 0;
  std::size_t ready_end_ = 0;
  std::size_t known_end_ = 0;
  bool batch_awaits_ = false;  // some event of the run is awaited by a batch subscriber

  base::Ticks last_ticks_ = 0;
  ReadSharing sharing_{measures_};
  std::uint64_t sequence_ = 0;
  WatchedCount layout_;  // changes when entries of lists or of the chain may have moved
  // Detached, but a call of theirs may be running; and who wants to know when it is over.
  std::vector<std::pair<std::shared_ptr<Attachment>, std::function<void()>>> leavers_;
};

// Where the run lies from now on. It is contiguous, so that of another place ends here.
inline void Delivery::use_place(bool staged) noexcept {
  if (staged != ready_is_staged_) [[unlikely]] {
    end_run();
    ready_is_staged_ = staged;
  }
}

}  // namespace herald::core
