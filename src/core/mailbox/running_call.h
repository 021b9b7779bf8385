// Mailbox, running call: which receiver of a mailbox is being called, for those who remove one and
// want to know that its call is over and that none will start.
//
// Threads: one drainer at a time begins and ends calls; any thread cancels.
// Invariants:
//  1. A call runs only between a begin() that is true and end() of its receiver, one at a time.
//  2. begin() names the receiver, then looks whether it is cancelled; cancel() cancels, then looks
//     which is named. So one of the two sees the other: no call runs that cancel() did not see.
//  3. end() names nobody, then looks whether the receiver is cancelled: who cancelled while it was
//     named is seen there.
// Synchronization:
//  [K1] begin() and end() store running_, then load `cancelled`; cancel() stores `cancelled`, then
//       loads running_: the race in base/fence.h, of which the drainer is the light side.
//  [K2] end() stores running_ with release / cancel() loads it with acquire: what the call did is
//       visible to who frees what it used. (light_store and heavy_load say so.)
// Bounds: one call.
#pragma once

#include <atomic>

#include "base/fence.h"

namespace herald::core {

/// `Receiver`: has `typename Atomics::template Atomic<bool> cancelled`, false at first.
template <typename Atomics, typename Receiver>
class RunningCall {
 public:
  explicit RunningCall(base::FenceMode mode) noexcept : mode_(mode) {}

  // Drainer.

  /// False if the receiver has been cancelled: it must not be called. end() follows in either case.
  [[nodiscard]] bool begin(Receiver& receiver) noexcept {
    name(&receiver);
    return !is_cancelled(receiver);
  }
  /// Whether the receiver is cancelled: who did it may have found it named, and has left the rest
  /// to the drainer.
  [[nodiscard]] bool end(Receiver& receiver) noexcept {
    name(nullptr);
    return is_cancelled(receiver);
  }

  // Any thread.

  /// From now on no call of the receiver starts. Whether one is running: then the drainer sees at
  /// its end that it is cancelled.
  [[nodiscard]] bool cancel(Receiver& receiver) noexcept {
    receiver.cancelled.store(true, std::memory_order_seq_cst);  // seq_cst: [K1], the heavy side
    Race::heavy_barrier(mode_);
    return runs(receiver);
  }

 private:
  using Race = base::StoreThenLoad<Atomics>;

  // [K1] [K2] the light side's store.
  void name(const Receiver* receiver) noexcept { Race::light_store(mode_, running_, receiver); }
  // [K1] the light side's load.
  [[nodiscard]] bool is_cancelled(const Receiver& receiver) const noexcept {
    return Race::light_load(mode_, receiver.cancelled);
  }
  // [K1] [K2] the heavy side's load.
  [[nodiscard]] bool runs(const Receiver& receiver) const noexcept {
    return Race::heavy_load(mode_, running_) == &receiver;
  }

  const base::FenceMode mode_;
  typename Atomics::template Atomic<const Receiver*> running_{nullptr};
};

}  // namespace herald::core
