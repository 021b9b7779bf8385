#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "herald/latency_histogram.h"
#include "herald/subscription.h"

namespace herald {

/// One lane. attempts = accepted + dropped + full + closed + rejected, exact at rest.
struct PublisherStats {
  std::string name = {};
  std::uint64_t attempts = 0;
  std::uint64_t accepted = 0;
  std::uint64_t dropped = 0;
  std::uint64_t full = 0;
  std::uint64_t closed = 0;
  std::uint64_t rejected = 0;
  std::uint64_t queued = 0;     ///< Accepted and not yet dispatched.
  std::uint64_t discarded = 0;  ///< Accepted, and thrown away when the bus was destroyed.
  std::uint64_t waits = 0;      ///< Times the publisher slept for room.
  std::size_t capacity_events = 0;
};

/// A time in which the spinning dispatcher did not run though nobody took its processor.
struct Stall {
  std::chrono::steady_clock::time_point begin;
  std::chrono::steady_clock::time_point end;
};

/// Gaps over 50 us between two clock reads of the spinning dispatcher, of which other threads can
/// explain less than a tenth (by the run-queue time in /proc/thread-self/schedstat): the machine
/// stopped it. None where the kernel does not tell that time.
struct StallStats {
  std::uint64_t count = 0;
  std::chrono::nanoseconds total{0};
  std::chrono::nanoseconds longest{0};
  std::vector<Stall> recent;  ///< The last 4,096.
};

/// All pumps of a bus in manual mode but those that were busy or refused. What flush() and drain()
/// dispatch is not in it.
struct PumpStats {
  std::uint64_t count = 0;
  std::uint64_t partial = 0;  ///< Ended by their budget or max_events.
  /// Took longer than their budget. So does each that its budget ended, by the rest of a fan-out:
  /// see longest_overrun.
  std::uint64_t over_budget = 0;
  std::uint64_t most_events = 0;  ///< Of one pump.
  std::chrono::nanoseconds longest{0};
  std::chrono::nanoseconds longest_overrun{0};  ///< Of a budget.
  std::chrono::nanoseconds total{0};
};

/// What the watchdog saw (BusOptions::slow_after).
struct WatchStats {
  std::uint64_t strikes = 0;      ///< Of all subscribers and middleware, also those that have left.
  std::uint64_t quarantined = 0;  ///< Subscribers.
  std::chrono::nanoseconds watched{0};  ///< Time in callbacks and middleware: shares are of it.
  /// Of this, of those that could no longer be told: they had left, by themselves in that very call
  /// or meanwhile.
  std::chrono::nanoseconds unattributed{0};
  std::uint64_t lost = 0;  ///< Stays of which the dispatching thread was told too much at a time.
  /// How often the watchdog looked: once in three times slow_after while events are dispatched,
  /// more often after a look that found a call. Where all processors are busy, a look takes one
  /// away from the thread on it for 10 to 20 us.
  std::uint64_t looks = 0;
};

/// A moment's view of a bus. At rest:
/// accepted + emitted = dispatched + middleware_dropped + held + discarded + queued.
struct BusStats {
  /// Open ones, in the order of their opening; the first is the shared lane, named "shared".
  std::vector<PublisherStats> publishers;
  PublisherStats closed_publishers;  ///< All closed ones in one row.
  PublisherStats total;              ///< The sum of all rows.
  /// Active subscribers, in the order of their calls; behind them late joiners not live yet.
  std::vector<SubscriptionStats> subscriptions;
  std::vector<SubscriptionStats> middleware;  ///< Active middleware, in order of priority.

  std::uint64_t dispatched = 0;  ///< Events that got a sequence.
  /// Calls, with a batch call counted once for each event; replayed events, and those offered to
  /// mailboxes, too.
  std::uint64_t deliveries = 0;
  std::uint64_t emitted = 0;       ///< New events from middleware.
  std::uint64_t emit_refused = 0;  ///< Refused ones.
  std::uint64_t middleware_dropped = 0;
  std::uint64_t held = 0;                ///< Held by middleware now.
  std::uint64_t discarded = 0;           ///< Accepted but not dispatched when the bus ended.
  std::uint64_t queued = 0;              ///< Accepted and not yet dispatched.
  std::uint64_t exceptions = 0;          ///< From callbacks.
  std::uint64_t parks = 0;               ///< Times the dispatcher slept in the kernel.
  std::uint64_t negative_latencies = 0;  ///< Clamped to 0.
  StallStats stalls;
  PumpStats pumps;
  WatchStats watch;
  /// Subscribers and middleware with strikes, most strikes first: 8 at most, also such as have
  /// left. Who is first and has a few strikes is to blame for a missed SLO; with one or two, it may
  /// as well be the machine (see SubscriptionStats).
  std::vector<SubscriptionStats> culprits;
  std::size_t lane_bytes = 0;       ///< Memory reserved for lanes.
  std::size_t table_bytes = 0;      ///< Memory of the subscriber table.
  std::size_t mailbox_bytes = 0;    ///< Memory reserved for mailboxes; without payload blocks.
  std::uint64_t replay_events = 0;  ///< Held by the replay ring, up to the last run of events.
  std::size_t replay_bytes = 0;     ///< Memory of the ring, with the payload blocks that it keeps.
  const char* fence = "";           ///< "membarrier" or "sequentially consistent".

  /// Whether the laws above hold. Meaningful only at rest: no publisher active, all flushed.
  [[nodiscard]] bool conserved() const noexcept;
};

/// Latency of one event type, or of all. Each event takes two reads of the clock: when it is
/// published, and when its last subscriber has returned, which is also when the next fan-out
/// starts. A bus with a thread that delivers events back to back to few subscribers reads once for
/// up to 8 events, fewer if they are some 128 calls together, and in a backlog once for as many as
/// take 1/512 of their latency at the pace of those before. Both latencies of those run to that
/// read: never shorter than they were, and longer by what was delivered in between (a callback that
/// suddenly takes long counts for all of them). Pumps, and flushes and drains on the caller's
/// thread, read for each event. An event is counted when it is measured, so not yet inside its own
/// callbacks.
struct LatencyRow {
  std::string type;           ///< Its name; "all" for all.
  LatencyHistogram wait;      ///< Publish, or `.at`, to the start of the event's fan-out.
  LatencyHistogram delivery;  ///< The same to the return of its last subscriber.
};

/// What Bus::latency() returns. Empty histograms if BusOptions::latency is off.
struct LatencyReport {
  LatencyRow all;
  std::vector<LatencyRow> types;  ///< Types with at least one event, by index.
  std::chrono::nanoseconds slo{0};

  /// 99 % of the deliveries are within the objective and there is at least one.
  [[nodiscard]] bool within_slo() const noexcept;
};

/// What Bus::drain leaves, all of one moment.
struct DrainReport {
  /// Whether that moment came: not if a callback ran to the end of the time and the counters were
  /// out of reach. Nothing else is known then, and complete is false.
  bool counted = false;
  /// Everything accepted was delivered. If this is false and undelivered is 0, a callback with the
  /// last events, a replay, or a publish that races the close, was not yet done.
  bool complete = false;
  std::uint64_t undelivered = 0;           ///< Accepted events still queued, and those of `held`.
  std::uint64_t held = 0;                  ///< Held by middleware.
  std::vector<PublisherStats> incomplete;  ///< The publishers with events left, see `queued`.
};

/// What one Bus::pump did.
struct PumpResult {
  enum class Status : std::uint8_t {
    /// All that was accepted at the start (with take_new: by now) is dispatched, and who had
    /// joined late by then is live.
    kDone,
    kPartial,  ///< The budget or max_events ended it.
    kBlocked,  ///< A mailbox with MailboxOverflow::kBlock is full: drain it, and pump again.
    kBusy,     ///< Another thread is pumping; nothing was done.
    kRefused,  ///< Called inside a callback, on a bus with a thread, or with an illegal option.
  };
  Status status = Status::kDone;
  /// Taken from lanes and carried through, dropped ones included; no replayed ones.
  std::uint64_t events = 0;

  // These stay 0 if it was busy or refused.

  /// Events not dispatched at its end, those accepted meanwhile included, but not what middleware
  /// holds.
  std::uint64_t queued = 0;
  /// How long the next events had waited then: the longest over the lanes, each of which gives its
  /// first, from its publish time or `.at`. The shared lane shows none: there it is the time since
  /// its events were accepted, rounded up to the start of an earlier pump (or of the bus). 0 if
  /// there is none, or BusOptions::latency is off.
  std::chrono::nanoseconds oldest_age{0};
  std::chrono::nanoseconds took{0};  ///< From its start to its end.

  /// The next time a middleware wants to run or a stream without subscribers is to be cancelled;
  /// max() if none. Pump again by then.
  std::chrono::steady_clock::time_point next_deadline =
      std::chrono::steady_clock::time_point::max();
};

}  // namespace herald
