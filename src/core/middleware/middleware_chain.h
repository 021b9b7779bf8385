// Middleware: takes an accepted event, gives the events that become of it, in order.
//
// Threads: the holder of the dispatch right, which alone reads and changes it (commands).
// Invariants:
//  1. Links stand in order of priority, then of use(). An event visits each matching link once, and
//     events sent by a link visit only the links behind it.
//  2. What a link sends before (emit_before, resume) precedes the current event in the output; what
//     it sends after follows it, in the order of sending.
//  3. taken in + emitted + resumed = given out + dropped + held, for each call.
// Bounds: max_emitted sent events for each event taken in (and for each deadline); recursion is no
//     deeper than the chain is long.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "core/event/type_registry.h"
#include "core/middleware/deadline_heap.h"
#include "core/subscriber/attachment.h"
#include "core/subscriber/callback_guard.h"
#include "herald/event.h"
#include "herald/middleware.h"

namespace herald::core {

/// What the chain tells the emitters about their bus.
struct ChainOptions {
  const TypeRegistry* types = nullptr;
  std::size_t max_emitted = 0;
  std::pmr::memory_resource* resource = nullptr;
  std::uint32_t bus_id = 0;
  bool stamps_time = true;
};

class MiddlewareChain {
 public:
  struct Counts {
    std::uint64_t emitted = 0;
    std::uint64_t refused = 0;
    std::uint64_t dropped = 0;
    std::uint64_t held = 0;  // now
  };

  MiddlewareChain(const ChainOptions& options, CallbackGuard& guard)
      : options_(options), guard_(guard) {}

  // Changes. attach() not during process(); detach() any time.

  void attach(Attachment& middleware);
  void detach(Attachment& middleware) noexcept;
  /// Tidies up after detach(). Not during process().
  void sweep() noexcept;
  void clear() noexcept;

  // Events.

  /// The types that have a link to visit.
  [[nodiscard]] std::uint64_t types() const noexcept { return types_; }
  /// Whether an event of this type has a link to visit.
  [[nodiscard]] bool concerns(const Event& event) const noexcept {
    return ((types_ >> event.type_index()) & 1U) != 0;
  }
  /// Appends what becomes of the event to `output`: 0 to 1 + max_emitted events. One that a link
  /// has left without a payload, or with a type that this bus does not have, is dropped.
  void process(Event&& event, std::vector<Event>& output) noexcept;

  // Deadlines.

  [[nodiscard]] bool has_deadline() const noexcept { return !deadlines_.empty(); }
  [[nodiscard]] base::Ticks next_deadline() const noexcept { return deadlines_.earliest(); }
  /// Calls one middleware whose time has come; false if there is none.
  bool run_deadline(base::Ticks now, std::vector<Event>& output) noexcept;
  /// How many links what is held has to go by in all: each resume makes it less, also if the next
  /// link holds it again.
  [[nodiscard]] std::uint64_t distance_of_held() const noexcept;
  /// At the end: all deadlines come now, so that what is held is sent.
  void expire_all() noexcept;

  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }
  /// `watched`: the time that shares are of.
  [[nodiscard]] SubscriptionStats stats(const Attachment& middleware, base::Ticks watched) const;
  [[nodiscard]] std::vector<SubscriptionStats> all_stats(base::Ticks watched) const;

  // The watchdog.

  /// Which link is running, and for which of the events that were sent since the turn began; 0 if
  /// none is. For the sampler. Relaxed: one word says all.
  [[nodiscard]] std::uint64_t watch() const noexcept {
    return visiting_.load(std::memory_order_relaxed);
  }
  /// The link of such a word; null if it has left. Requires: none was moved since.
  [[nodiscard]] Attachment* link_of(std::uint64_t visiting) const noexcept {
    const std::size_t position = visiting % kSent - 1;
    return position < links_.size() ? links_[position] : nullptr;
  }

 private:
  friend class herald::Emitter;

  struct After {
    Event event;
    std::size_t position;
  };

  // For the emitter of the link at `position`.
  bool emit(detail::EventSlot& slot, const PublishOptions& options, bool before,
            std::size_t position) noexcept;
  bool resume(Event&& event, std::size_t position) noexcept;
  bool refuse() noexcept;
  void wake_at(std::chrono::steady_clock::time_point time, std::size_t position) noexcept;
  [[nodiscard]] const ChainOptions& options() const noexcept { return options_; }

  static constexpr std::uint64_t kSent = std::uint64_t{1} << 20U;  // links below it are told apart

  // Relaxed: its own, and one word for the sampler.
  void enter(std::size_t position) noexcept { back_to(sends_ + position + 1); }
  void back_to(std::uint64_t visiting) noexcept {
    visiting_.store(visiting, std::memory_order_relaxed);
  }
  void run_inside(Event&& event, std::size_t position) noexcept;
  void run(Event&& event, std::size_t position) noexcept;
  [[nodiscard]] bool is_whole(const Event& event) const noexcept;
  void run_after(std::size_t mark) noexcept;
  Verdict visit(Attachment& link, Event& event, std::size_t position) noexcept;
  bool settle(Attachment& link, Verdict verdict) noexcept;
  [[nodiscard]] bool may_send() noexcept;

  const ChainOptions options_;
  CallbackGuard& guard_;
  std::vector<Attachment*> links_;  // null: has left, not yet swept
  std::uint64_t types_ = 0;
  DeadlineHeap deadlines_;
  Counts counts_;
  base::Ticks running_deadlines_of_ = INT64_MIN;  // the `now` of the last run_deadline()
  bool draining_ = false;                         // expire_all() was called; stays
  std::size_t sent_ = 0;                          // for the event being processed
  std::uint64_t sends_ = 0;                       // events sent, times kSent
  std::atomic<std::uint64_t> visiting_{0};        // sends_, and the link's position + 1
  std::vector<After> after_;  // a stack: each running run() owns what lies above its mark
  std::vector<Event>* output_ = nullptr;
};

}  // namespace herald::core
