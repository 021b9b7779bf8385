// Mailbox: takes events from the fan-out, gives them to whoever drains it: to the owner,
// or to the subscribers that deliver on it.
//
// Threads: the dispatcher's functions by the holder of the dispatch right; the drainer's by who has
//   the turn; the others by any thread.
// Invariants:
//  1. One thread at a time has the turn. What it did is visible to the next.
//  2. A loss is told before an event that came after it: what was refused is counted before the
//     next is put in; what was taken back leaves a place without an item, and the drainer gives
//     nothing from behind it before it has been counted.
//  3. An attachment is a member until it is detached and none of its events is inside; what counts
//     its last event out touches it no more.
//  4. Once closed, nothing is given. When it is detached as well, whoever has the turn, or had it
//     last, throws away what is inside and forgets the members.
// Synchronization:
//  [B1] to [B3]: the queue and the bell. Its members: mailbox_members.h.
//  [B4] taken_back_ and lost_ are stored with release after the receiver's counter / loaded with
//       acquire before that is read.
//  [B5] ended_ is stored with release after the last event / loaded with acquire before the queue
//       is looked at for the last time.
//  [B6] the turn is given up with release / taken with acquire.
//  [B7] the drainer stores taken_out_, then loads the doorbell: [P1] of base/parking.h, where the
//       dispatcher that waits for room is the sleeper.
//  [B10] bury() stores state_, then tries for the turn; give_turn_up() stores the turn, then loads
//       state_: the race in base/fence.h, all four seq_cst, so one of the two cleans up.
// Bounds: the queue's, and those of its members.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/atomics.h"
#include "base/fence.h"
#include "core/lane/publisher_core.h"
#include "core/mailbox/conflation_index.h"
#include "core/mailbox/mail_store.h"
#include "core/mailbox/mailbox_bell.h"
#include "core/mailbox/mailbox_members.h"
#include "core/mailbox/mailbox_queue.h"
#include "core/mailbox/waker_core.h"
#include "core/subscriber/attachment.h"
#include "herald/mailbox.h"

namespace herald::core {

class MailboxDesk;
class Runtime;
class TypeRegistry;

class MailboxCore : public std::enable_shared_from_this<MailboxCore> {
 public:
  using Queue = MailboxQueue<base::NativeAtomics, MailStore>;
  using Position = Queue::Position;

  MailboxCore(std::shared_ptr<Runtime> runtime, MailboxOptions options, base::FenceMode mode,
              Doorbell& doorbell);
  MailboxCore(const MailboxCore&) = delete;
  MailboxCore& operator=(const MailboxCore&) = delete;

  // Any thread.

  [[nodiscard]] Runtime& runtime() const noexcept { return *runtime_; }
  [[nodiscard]] bool blocks() const noexcept {
    return options_.overflow == MailboxOverflow::kBlock;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return queue_.capacity(); }
  [[nodiscard]] std::size_t size_bytes() const noexcept;

  /// FailedPrecondition: it has ended; ResourceExhausted: it has no room for one event of each,
  /// where the dispatcher waits for room.
  absl::Status add_member(std::shared_ptr<Attachment> member);
  [[nodiscard]] MailboxMembers& members() noexcept { return members_; }
  /// From now on nothing is given.
  void close() noexcept { advance(State::kClosed); }

  // The dispatcher.

  /// Called by the subscriber table: `attachment` is the receiver.
  static void put(void* attachment, const Event& event) noexcept;
  /// Of the replay ring; told before the next event of `receiver`.
  void tell_gap(Attachment& receiver, const Gap& gap) noexcept;
  void attach(Attachment& receiver, MailboxDesk& desk);
  /// Who waits for room must look again.
  void detach(Attachment& receiver) noexcept;
  /// After close() and the last detach(): the end of it.
  void bury() noexcept;
  /// All of them.
  void clear() noexcept;
  [[nodiscard]] const std::vector<Attachment*>& receivers() const noexcept { return receivers_; }
  /// Whether one more event fits for each receiver. As the heavy side of [B7].
  [[nodiscard]] bool has_room() noexcept;
  /// Tells the owner of what has been put in.
  void announce() noexcept;
  /// Nothing more will be put in.
  void end(End::Reason reason) noexcept;
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  void set_waker(std::shared_ptr<Waker> waker) noexcept;
  [[nodiscard]] const std::shared_ptr<Waker>& waker() const noexcept { return waker_; }
  bool is_dirty = false;  // the desk's

  // The drainer.

  /// False if another has the turn, or this thread drains this mailbox.
  [[nodiscard]] bool take_turn() noexcept;
  void give_turn_up() noexcept;
  /// One step: an event or a notice of the mailbox's own, or a call of a subscriber.
  struct Step {
    enum class What : std::uint8_t { kNothing, kMail, kCalled };
    What what = What::kNothing;
    bool is_event = false;  // else a notice
    std::optional<Mailbox::Mail> mail = {};
  };
  [[nodiscard]] Step step();
  /// Whether a step may find something at once.
  [[nodiscard]] bool has_more() const noexcept;
  /// After kNothing. False at `deadline_ns` on CLOCK_MONOTONIC; may return early.
  bool sleep(std::int64_t deadline_ns) noexcept { return bell_.sleep(deadline_ns); }

 private:
  using Bell = MailboxBell<base::NativeAtomics, WakerCore::Ready>;
  enum class State : std::uint8_t { kOpen, kClosed, kDetached };
  using Race = base::StoreThenLoad<base::NativeAtomics>;

  // The dispatcher.
  void put(Attachment& receiver, const Event& event) noexcept;
  [[nodiscard]] bool conflate(Attachment& receiver, const Event& event) noexcept;
  [[nodiscard]] bool make_room(const Event& event) noexcept;
  void refuse(Attachment& receiver) noexcept;
  void disconnect() noexcept;
  [[nodiscard]] bool is_terminal(const Event& event) const noexcept;
  [[nodiscard]] bool takes_back() const noexcept {
    return options_.overflow == MailboxOverflow::kDropOldest ||
           options_.overflow == MailboxOverflow::kConflate;
  }

  // The drainer.
  bool next(Mail& mail) noexcept;
  void count_out() noexcept;
  [[nodiscard]] Step give(Mail& mail);
  [[nodiscard]] Step step_when_empty();
  bool call(Attachment& receiver, const Event& event) noexcept;
  void tell(Attachment& receiver, const Notice& notice) noexcept;
  [[nodiscard]] std::optional<Notice> untold(Attachment& receiver) noexcept;
  [[nodiscard]] static Step own_notice(const Notice& notice);
  void caught(Attachment& receiver) noexcept;
  void tell_losses_to_others() noexcept;
  void tell_all_end() noexcept;
  void clean() noexcept;
  // [B6] acquire; seq_cst: [B10].
  [[nodiscard]] bool seize_turn() noexcept {
    return !taken_.exchange(true, std::memory_order_seq_cst);
  }
  // [B6] release; seq_cst: [B10].
  void release_turn() noexcept { taken_.store(false, std::memory_order_seq_cst); }
  void discard() noexcept;
  // seq_cst: [B10].
  [[nodiscard]] State state() const noexcept { return state_.load(std::memory_order_seq_cst); }
  // seq_cst: [B10].
  void advance(State state) noexcept { state_.store(state, std::memory_order_seq_cst); }
  // [B4] acquire.
  [[nodiscard]] bool losses_are_counted() const noexcept {
    return taken_back_.load(std::memory_order_acquire) >= queue_.skipped();
  }
  // [B4] acquire.
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_acquire);
  }
  // [B4] release. One writer.
  static void count(std::atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // Fixed. The runtime lives on with its mailboxes; what it keeps of them ends with the bus.
  const std::shared_ptr<Runtime> runtime_;
  const MailboxOptions options_;
  const base::FenceMode mode_;
  Doorbell& doorbell_;
  const TypeRegistry& types_;

  Queue queue_;
  Bell bell_;
  MailboxMembers members_;

  // The dispatcher's.
  MailboxDesk* desk_ = nullptr;
  std::vector<Attachment*> receivers_;
  std::optional<ConflationIndex> conflation_;
  std::shared_ptr<Waker> waker_;
  bool has_ended_ = false;
  std::atomic<std::uint64_t> taken_back_{0};  // in all
  std::atomic<std::uint64_t> lost_{0};        // refused and taken back, in all, and gaps
  std::atomic<std::uint8_t> ended_{kOpen};    // 1 + the reason
  static constexpr std::uint8_t kOpen = 0;

  // The drainer's.
  std::atomic<bool> taken_{false};  // the turn
  std::optional<Mail> in_hand_;     // taken out and not given
  std::uint64_t told_ = 0;          // of lost_
  bool end_told_ = false;           // to the subscribers
  std::atomic<std::uint64_t> taken_out_{0};

  std::atomic<State> state_{State::kOpen};
};

}  // namespace herald::core
