// Stage 4 to 8, delivery: takes the events of a batch one by one, sends each through middleware,
// gives it its sequence, fans it out and measures it.
//
// Threads: the holder of the dispatch right.
// Use: begin_batch, then for each event: take, and fan_out_next until it is false; end_run at the
// end.
//   Commands may run between any two of these calls.
// Invariants:
//  1. Events lie where they were taken unless middleware is concerned; what it makes of them is
//     staged. Either way those already fanned out form one contiguous run, which batch subscribers
//     get when it ends: at the end of the batch, or where the place changes.
//  2. known events = fanned out + still to fan out: [ready_begin_, ready_end_) and up to
//  known_end_.
// Bounds: most_staged_ + 1 + max_emitted_per_event staged events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "core/callback_guard.h"
#include "core/latency_meter.h"
#include "core/middleware_chain.h"
#include "core/subscriber_table.h"
#include "herald/event.h"
#include "herald/options.h"
#include "herald/stats.h"

namespace herald::core {

class Delivery {
 public:
  Delivery(const BusOptions& options, const ChainOptions& chain, LatencyMeter& meter);

  // A batch.

  /// Also before it goes on with a batch after a pause.
  void begin_batch(Event* batch) noexcept;
  /// Sends the event through middleware, if it concerns any. Requires: the last take is fanned out.
  void take(std::size_t index) noexcept;
  /// Delivers one event that came of the last take; false if there is none left.
  bool fan_out_next() noexcept;
  /// Shows the run of delivered events to the batch subscribers.
  void end_run() noexcept;
  /// Runs one deadline of a middleware that is due at `now`, as a take; false if none is. One that
  /// is set again meanwhile is not due at the same `now`.
  bool take_deadline(base::Ticks now) noexcept;

  // Subscribers and middleware.

  /// Not inside a callback.
  void attach(Attachment& attachment);
  /// As a command: no call is running, so the caller may destroy the callable.
  void detach(Attachment& attachment) noexcept;
  /// Inside a callback: the callable lives until it is back.
  void detach_in_callback(std::shared_ptr<Attachment> attachment) noexcept;
  void activate_type(unsigned type_index) { table_.activate(type_index); }
  /// Something has left since the last tidy().
  [[nodiscard]] bool untidy() const noexcept { return untidy_; }
  void tidy() noexcept;
  /// The end of all subscribers and middleware.
  void clear() noexcept;

  [[nodiscard]] bool has_deadline() const noexcept { return chain_.has_deadline(); }
  [[nodiscard]] base::Ticks next_deadline() const noexcept { return chain_.next_deadline(); }
  std::uint64_t expire_deadlines() noexcept { return chain_.expire_all(); }
  /// The end of the last fan-out or middleware, or the start of the batch; 0 if not measured.
  [[nodiscard]] base::Ticks last_ticks() const noexcept { return last_ticks_; }

  [[nodiscard]] SubscriptionStats stats(const Attachment& attachment) const;
  void fill(BusStats& stats) const;

 private:
  void fan_out(Event& event) noexcept;
  void refresh_clock() noexcept;
  void deliver_run(std::span<const Event> run) noexcept;

  const bool measures_;
  const std::size_t most_staged_;
  CallbackGuard guard_;
  MiddlewareChain chain_;
  SubscriberTable table_;
  LatencyMeter& meter_;

  Event* batch_ = nullptr;
  std::vector<Event> staged_;     // what middleware made of events
  bool ready_is_staged_ = false;  // where the run lies: in staged_ or in batch_
  std::size_t ready_begin_ = 0;
  std::size_t ready_end_ = 0;
  std::size_t known_end_ = 0;
  bool batch_awaits_ = false;  // some event of the run is awaited by a batch subscriber

  base::Ticks last_ticks_ = 0;
  std::uint64_t sequence_ = 0;
  std::vector<std::shared_ptr<Attachment>> leavers_;  // detached; a call of theirs may be running
  bool untidy_ = false;
};

}  // namespace herald::core
