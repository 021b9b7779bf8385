#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "herald/event.h"
#include "herald/notice.h"
#include "herald/replay.h"
#include "herald/subscription.h"
#include "herald/waker.h"

namespace herald {

namespace core {
class MailboxCore;
class Runtime;
}  // namespace core

namespace detail {
/// That a thread drains a mailbox.
struct DrainMark {
  const core::MailboxCore* mailbox = nullptr;
  const DrainMark* outer = nullptr;
};
}  // namespace detail

/// What a full mailbox does with one more event. Types that are marked terminal are never dropped:
/// where one would be, the mailbox is disconnected instead.
enum class MailboxOverflow : std::uint8_t {
  kDropNewest,  ///< The event is dropped.
  kDropOldest,  ///< The oldest event in the mailbox is dropped.
  /// An event replaces the one of its type, stream and subscriber that still waits, full or not, so
  /// the newest of each is kept, in the place of the one before: order is kept within such a key,
  /// not between keys. Terminal types are not replaced. A mailbox that is full of other keys drops
  /// the oldest.
  kConflate,
  /// The bus waits: no event is dispatched to anybody while the mailbox has no room. Its publishers
  /// then fill their lanes and do what those do when full.
  kBlock,
  /// The mailbox is disconnected: what it has can still be taken, then comes End.
  kDisconnect,
};

struct MailboxOptions {
  std::string name = {};  ///< For reports. Default: empty.
  /// Events it holds: 1 to 1,048,576. 84 to 92 bytes each, least at a power of two, reserved when
  /// it is made; with kConflate 130 to 270 more.
  std::size_t capacity_events = 1'024;
  MailboxOverflow overflow = MailboxOverflow::kDropOldest;
  /// Tells the owner that there is something. Default: none; see Mailbox::native_handle.
  std::shared_ptr<Waker> waker = {};
  /// Where to begin: see SubscribeOptions::replay. Requires a filter. Default: no history.
  Replay replay = {};
};

/// What Mailbox::drain may do. It stops before the first event beyond.
struct DrainOptions {
  std::optional<std::size_t> max_events = {};  ///< 1 or more. Default: until it is empty.
  /// Above 0; looked at after each event, so overrun by one. Default: no limit.
  std::optional<std::chrono::nanoseconds> budget = {};
};

struct DrainResult {
  enum class Status : std::uint8_t {
    kEmpty,    ///< There was nothing left.
    kPartial,  ///< max_events or the budget ended it.
    kEnded,    ///< There will be no more.
    kBusy,     ///< Another thread drains or pops; nothing was done.
    kRefused,  ///< Called where this mailbox is drained already, or with an illegal option.
  };
  Status status = Status::kEmpty;
  std::uint64_t events = 0;  ///< Given to the function, or to subscriptions that deliver on it.
};

/// A subscriber that is a bounded queue, drained by its owner; and the place where subscriptions
/// with SubscribeOptions::deliver_on are called. Made by Bus::mailbox.
/// Threads: try_pop, pop_for and drain by one thread at a time, which may change (what one did is
///   visible to the next); a second is told busy or finds nothing. The handle itself is moved,
///   assigned to and closed by nobody while another thread uses it.
/// Ordering: events come in order of sequence, but for kConflate.
/// Losses: are told in band, with their exact count, at the latest before the first event after
///   them; the counts are those of stats().
/// Ownership: may outlive its bus; then gives what it has, and End. May be closed and destroyed
///   where it is drained.
/// Progress: the dispatching thread never waits for the owner, but for kBlock. Lock-free both ways,
///   but where a loss is told to a subscriber that delivers on it. Nobody waits for a lane where a
///   mailbox with kBlock is drained: a publish that would returns kFull; who drains another one
///   meanwhile must see to that itself.
class [[nodiscard]] Mailbox {
 public:
  /// An event, or what is to be known before the next: Lagged, Gap, or End (again and again).
  using Mail = std::variant<Event, Lagged, Gap, End>;

  /// Empty: gives End, everything else does nothing.
  Mailbox() noexcept;
  Mailbox(Mailbox&&) noexcept;
  Mailbox& operator=(Mailbox&& other) noexcept;
  /// close().
  ~Mailbox();

  /// The next mail, if any. Calls the subscriptions that deliver on it when theirs is next: at most
  /// its capacity.
  [[nodiscard]] std::optional<Mail> try_pop();
  /// The same; sleeps until there is some, or `timeout` has passed, and calls others until then.
  /// Must not be called inside a callback of the bus.
  [[nodiscard]] std::optional<Mail> pop_for(std::chrono::nanoseconds timeout);
  /// Calls `function(Mail&)` for each mail, and the subscriptions that deliver on it for theirs,
  /// until it is empty or the limits are reached. What `function` throws ends it; nothing is lost
  /// but that mail.
  template <typename F>
  DrainResult drain(F&& function, const DrainOptions& options = {}) {
    Draining draining(*this, options);
    while (std::optional<Mail> mail = draining.next()) {
      function(*mail);
    }
    return draining.result();
  }
  /// The same for a mailbox without a filter of its own.
  DrainResult drain(const DrainOptions& options = {}) {
    return drain([](Mail&) {}, options);
  }

  /// The eventfd of its waker, made now if it has none: readable while there is something. See
  /// Waker. Errors: ResourceExhausted: no file descriptor left; FailedPrecondition: closed or being
  /// drained.
  [[nodiscard]] absl::StatusOr<int> native_handle();

  /// Unsubscribes it and all that deliver on it. What is inside can no longer be taken, and counts
  /// as detach-dropped. On return no call is running, and none will start; inside a callback of the
  /// bus, or where a mailbox of it is drained, one may still be. Idempotent.
  void close() noexcept;

  /// Of its own filter. Exact at rest: offered = delivered + overflow_dropped + conflated +
  /// detach_dropped + queued.
  [[nodiscard]] SubscriptionStats stats() const;
  /// Events inside, of all subscriptions; a moment's view.
  [[nodiscard]] std::size_t depth() const noexcept;

 private:
  friend class Bus;
  friend class DeliverOn;
  Mailbox(std::shared_ptr<core::Runtime> runtime, std::shared_ptr<core::MailboxCore> core,
          Subscription own) noexcept;

  /// One drain, from the taking of the turn to its end.
  class Draining {
   public:
    Draining(Mailbox& mailbox, const DrainOptions& options) noexcept;
    ~Draining();
    Draining(const Draining&) = delete;
    Draining& operator=(const Draining&) = delete;
    [[nodiscard]] std::optional<Mail> next();
    [[nodiscard]] DrainResult result() const noexcept { return result_; }

   private:
    [[nodiscard]] bool may_go_on() noexcept;

    std::shared_ptr<core::MailboxCore> core_;  // null: it has no turn
    detail::DrainMark mark_;
    std::uint64_t max_events_;
    std::int64_t until_;  // of base::Clock
    DrainResult result_;
    std::uint64_t steps_ = 0;
    bool told_end_ = false;
  };

  std::shared_ptr<core::Runtime> runtime_;
  std::shared_ptr<core::MailboxCore> core_;
  Subscription own_;
};

}  // namespace herald
