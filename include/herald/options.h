#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>

#include "herald/subscription.h"

// Grouped by who pays. A value out of its range is refused with its name, value and allowed range;
// it is never corrected silently. Times are std::chrono durations.

namespace herald {

/// What a full lane does with one more event.
enum class OverflowPolicy : std::uint8_t {
  /// The publisher waits for room, at most `max_wait`, then gets kFull. Room comes by batches; one
  /// that sleeps is woken when an eighth of its lane is free, or for any room while batches take
  /// over 0.5 ms, and with Bus::pump.
  kBlock,
  /// The event is dropped and counted, also one that ends a stream; TokenStream, which keeps a
  /// place for its end, never loses that.
  kDropNewest,
};

/// Who runs the callbacks.
enum class DispatchMode : std::uint8_t {
  kThread,  ///< A thread of the bus.
  kManual,  ///< Whoever calls Bus::pump.
};

/// What a dispatcher with nothing to do does.
enum class WaitStrategy : std::uint8_t {
  kAdaptive,  ///< Spins for `spin`, yields a few times, then sleeps in the kernel.
  kSpin,      ///< Spins for ever: lowest latency, one whole processor.
  kPark,      ///< Sleeps at once: least processor time, 10 to 20 us to wake.
};

/// How publishers and a dispatcher that goes to sleep agree (see src/base/fence.h).
enum class Fence : std::uint8_t {
  kAutomatic,  ///< membarrier where the kernel has it, else sequentially consistent.
  /// Publish is cheapest. Going to sleep interrupts the processors on which this process runs: 1 to
  /// 3 us, but 50 us on a virtual machine that delivers interrupts slowly; an event that comes then
  /// waits as long. Refused if the kernel does not have it.
  kMembarrier,
  kSequentiallyConsistent,  ///< Needs nothing; publish costs some 10 ns more, going to sleep less.
};

/// Paid by the publishing thread.
struct PublisherOptions {
  /// For reports. Default: empty.
  std::string name = {};
  /// Room in the lane, exact: 1 to 1,048,576 events. 64 bytes each, rounded up to a power of two,
  /// reserved and touched at once. Each open TokenStream keeps one for its end.
  std::size_t capacity_events = 16'384;
  /// Default: block with a dispatcher thread, drop newest in manual mode.
  std::optional<OverflowPolicy> overflow = {};
  /// Longest wait of kBlock, 0 or more. Default: none, waits for ever; manual mode must give one.
  std::optional<std::chrono::nanoseconds> max_wait = {};
};

/// The lane of Bus::publish, which reports call "shared". The fields mean what they mean above.
/// While a TokenStream ends, another publish may for a moment find one place less than there is.
struct SharedLaneOptions {
  std::size_t capacity_events = 16'384;
  std::optional<OverflowPolicy> overflow = {};
  std::optional<std::chrono::nanoseconds> max_wait = {};
};

/// The dispatcher's own thread; unused in manual mode. The host's signals are not handled on it:
/// all are blocked there but those of faults (SIGSEGV, SIGABRT, ...); `on_start` may unblock some.
struct DispatcherThreadOptions {
  std::string name = "herald";  ///< As the system shows it; at most 15 bytes.
  /// The processor to stay on: any that this process may use, also one that the thread which makes
  /// the bus is kept off. Default: those of the thread that makes the bus.
  std::optional<unsigned> processor{};
  /// Runs first in that thread (priorities, signals, ...); must not throw.
  std::function<void()> on_start{};
};

/// A subscriber or middleware threw. Views are valid during the call.
struct CallbackError {
  std::uint64_t subscription_id = 0;
  std::string_view subscription_name;
  std::string_view what;  ///< std::exception::what(), or "unknown exception".
};

/// A call of a subscriber or middleware was seen for BusOptions::slow_after. Views are valid during
/// the call.
struct SlowCall {
  std::uint64_t subscription_id = 0;
  std::string_view subscription_name;
  std::chrono::nanoseconds stay{0};  ///< See SubscriptionStats::longest_stay.
  std::uint64_t strikes = 0;         ///< Of this subscriber by now.
  bool quarantined = false;          ///< It has been detached.
};

/// Paid by the dispatching thread, or once.
struct BusOptions {
  DispatchMode dispatch = DispatchMode::kThread;
  DispatcherThreadOptions thread = {};
  WaitStrategy wait = WaitStrategy::kAdaptive;
  /// How long kAdaptive spins before it yields: 0 to 1 s.
  std::chrono::nanoseconds spin = std::chrono::microseconds(50);
  Fence fence = Fence::kAutomatic;

  /// Events taken from one lane before the next lane has its turn: 1 to 4,096.
  std::size_t batch_events = 256;
  /// Open publishers at a time, with those whose events are not yet dispatched: 1 to 1,024.
  std::size_t max_publishers = 1'024;
  /// The lane of Bus::publish; as for a publisher. Its name is "shared".
  SharedLaneOptions shared_lane = {};
  /// Events that middleware may send for one event: 0 (none) to 4,096. More are refused.
  std::size_t max_emitted_per_event = 64;

  /// The last events of the bus, kept for subscribers that join late (SubscribeOptions::replay),
  /// as dispatched, after middleware: 0 (off) to 1,048,576. 64 bytes each, rounded up to a power of
  /// two, reserved at once, and 4 KiB for the latest event of each type. Costs some 36 instructions
  /// an event, and one more reference where the payload is a block. Default: off.
  std::size_t replay_events = 0;
  /// Bytes of payloads too large for their event that those may keep alive: 0 to 64 GiB. At the
  /// limit the oldest events leave first; one that is larger is not kept, which a joiner is told as
  /// a gap. The latest event of each type may keep as much each beside it. What payloads allocate
  /// themselves is not known and not counted.
  std::size_t replay_bytes = std::size_t{16} << 20;

  /// Whether latency is measured; off removes the clock reads, and events have no publish time.
  bool latency = true;
  /// Deliveries later than this are counted exactly: above 0.
  std::chrono::nanoseconds slo = std::chrono::milliseconds(1);

  /// Where payloads that do not fit an event live; must be thread-safe and outlive every event.
  /// If it throws, what needed the memory is refused (in a library made without exceptions, the
  /// process ends). Null is refused.
  std::pmr::memory_resource* payload_resource = std::pmr::new_delete_resource();

  /// Called for each exception of a callback, on its thread: the dispatching one, or those that
  /// drain mailboxes, several at once. Must not throw.
  /// Default: exceptions are only counted.
  std::function<void(const CallbackError&)> on_error = {};

  /// From when on a call counts as slow: 100 us to 1 h; 0: nobody looks. A thread of the bus looks
  /// at whose call is running, once in three times `slow_after` and, when it finds a call, again
  /// after an eighth of `slow_after` (at least 100 us) for as long as it finds the same. So a call
  /// of five times `slow_after` is seen, if that thread has a processor in time, and a shorter one
  /// by chance: one of twice `slow_after` about one time in three. One that is shorter than
  /// `slow_after` never counts. At the latest 20 ms and six times `slow_after` after the last event
  /// that thread goes to sleep in the kernel, and the next event wakes it first: some 5 us. Cost,
  /// measured on a virtual machine with 2 cores, both busy: 0.3 % of one processor while events are
  /// sparse, 0.9 % while callbacks run all the time, nothing when idle; one instruction an event,
  /// none a call.
  std::chrono::nanoseconds slow_after = std::chrono::milliseconds(1);
  /// Called between two events on the dispatching thread, after a call that was slow has returned,
  /// unless its SlowPolicy is kCount; must not throw. If nothing is dispatched any more by the time
  /// that it is known, it is called before the next event or deadline. Default: slow calls are only
  /// counted.
  std::function<void(const SlowCall&)> on_slow = {};

  /// How long the destructor delivers what was accepted: 0 (not at all) or more.
  std::chrono::nanoseconds drain_on_destroy = std::chrono::seconds(1);
};

struct PumpOptions {
  /// Most events to take from lanes, 1 or more; what middleware makes of them is not counted.
  /// Default: all that were accepted at the start.
  std::optional<std::size_t> max_events = {};
  /// Time to spend, above 0, from the call on: a command of another thread that goes first, such
  /// as stats(), is in it. Looked at after each fan-out, so overrun by at most one, one deadline of
  /// a middleware, one replayed event, or 64 streams cancelled for want of subscribers; then batch
  /// subscribers still get what has been fanned out. Replays that had no time go first in every
  /// second pump. At least one event moves on, however small the budget. Default:
  /// no limit.
  std::optional<std::chrono::nanoseconds> budget = {};
  /// Whether this pump also takes what is accepted while it runs, such as what callbacks publish,
  /// within the limits above; else that waits for the next one. Requires: max_events or budget,
  /// since events that publish events might never end.
  bool take_new = false;
};

}  // namespace herald
