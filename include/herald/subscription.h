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
class Runtime;
}  // namespace core

/// What one subscriber or middleware went through. Events are counted for each list of subscribers,
/// not for each call, and corrected when somebody leaves in the middle of a fan-out. Whoever is in
/// the list is called, so for a subscriber delivered = offered by construction: no check of it.
struct SubscriptionStats {
  std::uint64_t id = 0;
  std::string name = {};
  std::uint64_t offered = 0;     ///< Events that matched and reached it.
  std::uint64_t delivered = 0;   ///< Of these, handed to the callback (a batch counts its span).
  std::uint64_t exceptions = 0;  ///< Calls that threw; they count as delivered.
  std::uint64_t replayed = 0;    ///< Of the delivered events, those from the replay ring.
  std::uint64_t gaps = 0;        ///< Gaps in the replay, told to on_notice if there is one.
};

struct SubscribeOptions {
  std::string name = {};  ///< For reports. Default: empty.
  /// Where to begin: last(n), from_sequence(s) or latest_per_type(). Default: no history. Replayed
  /// events come as live ones do, on the dispatching thread between the batches of the others, some
  /// hundred a turn, one joiner after the other; a batch subscriber gets them in spans of one.
  /// They are counted as offered and delivered, and are in no latency histogram. It goes live when
  /// it has all that is dispatched; if the ring overtakes it before, that is a Gap.
  Replay replay = {};
  /// Called on the dispatching thread, before the next event of this subscription, for what it
  /// should know. It may do what the callback may, and what it throws is treated alike. Default:
  /// notices are only counted (SubscriptionStats::gaps).
  std::function<void(const Notice&)> on_notice = {};
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
  /// Errors: none; idempotent; works after the bus is gone. Cost: O(types of the filter).
  void unsubscribe() noexcept;

  /// As unsubscribe, but waits at most `timeout`. False if a call was still running then: the
  /// removal is under way, and no handle is needed to finish it, so the destructor no longer waits.
  /// What the callback captured must be kept until a later unsubscribe() has returned, or
  /// unsubscribe_for() has returned true; what it owns is destroyed by the dispatching thread.
  [[nodiscard]] bool unsubscribe_for(std::chrono::nanoseconds timeout) noexcept;

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
