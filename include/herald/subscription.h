#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "herald/notice.h"
#include "herald/replay.h"

namespace herald {

namespace core {
class Attachment;
class MailboxCore;
class Runtime;
}  // namespace core

class Mailbox;

/// What one subscriber or middleware went through. Events are counted for each list of subscribers,
/// not for each call, and corrected when somebody leaves in the middle of a fan-out. Whoever is in
/// the list is called, so for a subscriber on the dispatching thread delivered = offered by
/// construction: no check of it. With a mailbox offered = delivered + overflow_dropped + conflated
/// + detach_dropped + queued, exact at rest, and each is counted where it happens.
struct SubscriptionStats {
  std::uint64_t id = 0;
  std::string name = {};
  std::uint64_t offered = 0;     ///< Events that matched and reached it.
  std::uint64_t delivered = 0;   ///< Of these, handed to the callback (a batch counts its span).
  std::uint64_t exceptions = 0;  ///< Calls that threw; they count as delivered.
  std::uint64_t replayed = 0;    ///< Of the offered events, those from the replay ring.
  std::uint64_t gaps = 0;        ///< Gaps in the replay, told to on_notice if there is one.

  // Of a mailbox, or of a subscriber that delivers on one.

  std::uint64_t overflow_dropped = 0;  ///< By the mailbox's policy.
  std::uint64_t conflated = 0;         ///< Replaced by a newer event.
  std::uint64_t detach_dropped = 0;    ///< Still inside when it was unsubscribed.
  std::uint64_t queued = 0;            ///< Inside now.

  // As the watchdog sees it (BusOptions::slow_after): by looks now and then, not by a clock at each
  // call. What the thread waited for its processor because another thread had it does not count for
  // stays, where the kernel tells it (/proc/self/task/N/schedstat); but if a hypervisor stops the
  // processor, or a debugger the process, that counts for whose call it was in. So one strike
  // proves nothing; strikes that come again do. Not looked at: replayed events, and calls where a
  // mailbox is drained (such a subscriber is never quarantined). A call in which the subscriber
  // unsubscribed itself, or was so soon after that no look came between, counts for nobody
  // (WatchStats::unattributed).

  double share = 0;  ///< Of the time in callbacks and middleware, 0 to 1.
  /// The longest call, from the first look that found it to the last, known when a look has found
  /// that it is over: never more than it took.
  std::chrono::nanoseconds longest_stay{0};
  std::uint64_t strikes = 0;  ///< Calls that were seen for BusOptions::slow_after: one each.
  bool quarantined = false;   ///< See SlowPolicy::kQuarantine.
};

/// Where a subscriber is called: made from the mailbox.
class DeliverOn {
 public:
  DeliverOn() noexcept = default;              ///< On the dispatching thread.
  DeliverOn(const Mailbox& mailbox) noexcept;  ///< Where the mailbox is drained.

 private:
  friend class core::Runtime;
  std::shared_ptr<core::MailboxCore> mailbox_;
};

/// What is done about a subscriber with a strike: a call that was seen for BusOptions::slow_after.
enum class SlowPolicy : std::uint8_t {
  kCount,  ///< It is counted.
  kWarn,   ///< And BusOptions::on_slow is called.
  /// And it is detached, as by unsubscribe() in a callback, when the watchdog has told of its
  /// `strikes_allowed`-th strike, between two events (a batch subscriber: between two batches). No
  /// further call starts then, and its callable is destroyed; calls that began before may have been
  /// further strikes. Its handle stays active() and is to be let go as ever; until then it counts
  /// as a subscriber of its stream. stats() stays readable.
  kQuarantine,
};

struct SubscribeOptions {
  std::string name = {};  ///< For reports. Default: empty.
  /// Where to begin: last(n), from_sequence(s) or latest_per_type(). Default: no history. Replayed
  /// events come as live ones do, on the dispatching thread between the batches of the others, some
  /// hundred a turn, one joiner after the other; a batch subscriber gets them in spans of one.
  /// They are counted as offered and delivered, and are in no latency histogram. It goes live when
  /// it has all that is dispatched; if the ring overtakes it before, that is a Gap.
  Replay replay = {};
  /// Calls this subscriber where a mailbox is drained, in its turn among what is in there, instead
  /// of on the dispatching thread (a batch subscriber then gets spans of one). The mailbox's
  /// capacity and policy hold, for replayed events as well. Default: on the dispatching thread.
  DeliverOn deliver_on = {};
  /// Called where the subscriber is called, before its next event, for what it should know: a gap
  /// in the replay; with deliver_on, losses and a disconnection. It may do what the callback may,
  /// and what it throws is treated alike. Default: notices are only counted.
  std::function<void(const Notice&)> on_notice = {};
  SlowPolicy slow_policy = SlowPolicy::kWarn;
  /// Of kQuarantine: the strike that is one too many, 1 or more.
  std::uint32_t strikes_allowed = 3;
};

/// What unsubscribing came to.
enum class Unsubscribed : std::uint8_t {
  kDone,     ///< No call is running but one that this thread is in, and none will start.
  kPending,  ///< None will start; one is running on the thread that drains its mailbox.
};

/// Keeps a subscriber or a middleware in its bus; destroying or overwriting it unsubscribes.
/// Threads: movable; used by one thread at a time. Different handles are independent.
/// Ownership: may outlive its bus.
class [[nodiscard]] Subscription {
 public:
  /// Empty: active() is false, everything else does nothing.
  Subscription() noexcept : active_(false) {}
  Subscription(Subscription&& other) noexcept
      : runtime_(std::move(other.runtime_)),
        attachment_(std::move(other.attachment_)),
        active_(std::exchange(other.active_, false)),
        leaving_(other.leaving_) {}
  Subscription& operator=(Subscription&& other) noexcept;
  ~Subscription();

  /// Removes the callback and destroys it.
  /// Progress: on another thread, waits until no call is running, at most the fan-out of one event
  /// (or the calls of the batch subscribers for one batch), and none starts afterwards: what the
  /// callback captured may be freed. Inside a callback of the
  /// same bus it returns at once; no further call starts, and the callable lives until its current
  /// call has returned. It waits for nothing else, but holding a lock that the callback takes
  /// deadlocks here, and so do callbacks of two buses that unsubscribe (or ask stats()) from each
  /// other; use unsubscribe_for then.
  /// A subscriber that delivers on a mailbox: the same, but the call that is waited for is one on
  /// the thread that drains it. Inside a callback of this bus nothing is waited for: kPending if
  /// such a call is running, on another thread than this; see unsubscribe_async. Where its events
  /// are drained is "inside a callback" as well.
  /// Errors: none; idempotent; works after the bus is gone. Cost: O(types of the filter).
  Unsubscribed unsubscribe() noexcept;

  /// As unsubscribe, but waits at most `timeout`. False if a call was still running then: the
  /// removal is under way, and no handle is needed to finish it, so the destructor no longer waits.
  /// What the callback captured must be kept until a later unsubscribe() has returned, or
  /// unsubscribe_for() has returned true; what it owns is destroyed by the thread of that call.
  [[nodiscard]] bool unsubscribe_for(std::chrono::nanoseconds timeout) noexcept;

  /// As unsubscribe, but never waits: `done` is called once when no call is running and the
  /// callback is destroyed: at once, or on the thread that runs the last call, after it (if
  /// somebody dispatches: in manual mode by who pumps; with the bus at the latest). It must not
  /// throw. On an inactive handle it is called at once.
  void unsubscribe_async(std::function<void()> done) noexcept;

  /// Whether it has not been unsubscribed.
  [[nodiscard]] bool active() const noexcept { return active_; }

  /// Exact at rest; while events flow, a moment's view. Any time, also after unsubscribe.
  [[nodiscard]] SubscriptionStats stats() const;

 private:
  friend class Bus;
  void let_go() noexcept;
  Subscription(std::shared_ptr<core::Runtime> runtime,
               std::shared_ptr<core::Attachment> attachment) noexcept;

  std::shared_ptr<core::Runtime> runtime_;
  std::shared_ptr<core::Attachment> attachment_;
  bool active_ = true;
  bool leaving_ = false;  // unsubscribe_for has given up: nobody is to wait unasked
};

}  // namespace herald
