// Dispatch, manual mode: lends the calling thread to the dispatcher.
#include "core/dispatch/manual_pump.h"

#include <sched.h>

#include <algorithm>
#include <chrono>

namespace herald::core {

PumpResult ManualPump::pump(const PumpOptions& options) noexcept {
  PumpResult result;
  const base::Ticks start = base::Clock::now();  // enter() may wait for a command: a frame waits
  if (!enter()) {
    result.status = PumpResult::Status::kBusy;
    return result;
  }
  const base::Ticks until = options.budget.has_value()
                                ? start + base::Clock::to_ticks(options.budget->count())
                                : INT64_MAX;
  dispatcher_.right().run_commands();
  dispatcher_.note_limits(start);
  run(options, until, result);
  conclude(options, start, result);
  leave();
  return result;
}

void ManualPump::run(const PumpOptions& options, base::Ticks until, PumpResult& result) noexcept {
  const std::uint64_t max_events = options.max_events.value_or(UINT64_MAX);
  for (bool more = true; more;) {
    const DispatchBudget budget{.events = max_events - result.events, .until = until};
    result.events += dispatcher_.dispatch(budget, /*bounded=*/true);
    const base::Ticks now = base::Clock::now();
    if (options.take_new) {
      dispatcher_.note_limits(now);
    }
    more = dispatcher_.has_work_within_limits();
    if (!more && (dispatcher_.is_held_up() || dispatcher_.joiner_waits())) {
      result.status = PumpResult::Status::kBlocked;
      return;
    }
    if (more && (result.events >= max_events || now >= until)) {
      result.status = PumpResult::Status::kPartial;
      more = false;
    }
  }
}

void ManualPump::conclude(const PumpOptions& options, base::Ticks start,
                          PumpResult& result) noexcept {
  const base::Ticks end = base::Clock::now();
  const Backlog left = dispatcher_.backlog();
  result.queued = left.events;
  if (left.oldest_ticks < end) {
    result.oldest_age = std::chrono::nanoseconds(base::Clock::to_ns(end - left.oldest_ticks));
  }
  result.took = std::chrono::nanoseconds(base::Clock::to_ns(end - start));
  const base::Ticks deadline = dispatcher_.next_deadline();
  if (deadline != base::Clock::kNever) {
    result.next_deadline = base::Clock::to_steady(deadline);
  }
  ++stats_.count;
  stats_.partial += result.status == PumpResult::Status::kPartial ? 1 : 0;
  if (options.budget.has_value() && result.took > *options.budget) {
    ++stats_.over_budget;
    stats_.longest_overrun = std::max(stats_.longest_overrun, result.took - *options.budget);
  }
  stats_.most_events = std::max(stats_.most_events, result.events);
  stats_.longest = std::max(stats_.longest, result.took);
  stats_.total += result.took;
}

// Relaxed: a flag between callers; what they share is ordered by the dispatch right.
bool ManualPump::enter() noexcept {
  if (pumping_.exchange(true, std::memory_order_relaxed)) {
    return false;
  }
  dispatcher_.right().acquire();
  return true;
}

void ManualPump::leave() noexcept {
  dispatcher_.right().release();
  Race::light_store(mode_, pumping_, false);  // [M1] the light side's store
  turn_bell_.notify();
}

bool ManualPump::wait(std::int64_t deadline_ns) noexcept {
  do {
    if (sleep_until_work(deadline_ns, nullptr)) {
      return true;
    }
  } while (base::Clock::monotonic_ns() < deadline_ns);
  return false;
}

// True if there is work; false after a sleep, or if what is awaited is served.
bool ManualPump::sleep_until_work(std::int64_t deadline_ns, const FlushRequest* awaited) noexcept {
  if (!acquire_unless_pumped()) {
    sleep_until_turn(deadline_ns, awaited);
    return false;
  }
  dispatcher_.right().run_commands();
  const Doorbell::Ticket ticket = doorbell_.prepare();
  const base::Ticks now = base::Clock::now();
  const bool work = dispatcher_.has_work(now);
  // With the right held: nobody serves it meanwhile.
  const bool served = awaited != nullptr && awaited->served.done();
  const base::Ticks deadline = dispatcher_.next_deadline();
  if (deadline != base::Clock::kNever) {
    const std::int64_t left_ns = base::Clock::to_ns(deadline - now);
    deadline_ns = std::min(deadline_ns, base::Clock::monotonic_ns() + left_ns);
  }
  dispatcher_.right().release();
  if (!work && !served) {
    doorbell_.sleep(ticket, deadline_ns);
  }
  return work;
}

// With the right, but false if another thread pumps. Others hold it for the moment of a command or
// of a look.
bool ManualPump::acquire_unless_pumped() noexcept {
  while (!dispatcher_.right().try_acquire()) {
    if (pumped()) {
      return false;
    }
    sched_yield();
  }
  return true;
}

// Until the thread that pumps leaves. That what is awaited is served is only a hint for an earlier
// end: the bell is rung for it as well, but with no [M1] to grant that the ring is not missed.
void ManualPump::sleep_until_turn(std::int64_t deadline_ns, const FlushRequest* awaited) noexcept {
  const Doorbell::Ticket ticket = turn_bell_.prepare();
  const bool served = awaited != nullptr && awaited->served.done();
  if (pumped() && !served) {
    turn_bell_.sleep(ticket, deadline_ns);
  }
}

bool ManualPump::serve(FlushRequest& request, std::int64_t deadline_ns) noexcept {
  while (!request.served.done()) {
    if (base::Clock::monotonic_ns() >= deadline_ns) {
      return false;
    }
    if (!dispatch_once(deadline_ns) && sleep_until_work(deadline_ns, &request)) {
      sched_yield();  // A publisher is in the middle of a publish.
    }
  }
  return true;
}

bool ManualPump::dispatch_once(std::int64_t deadline_ns) noexcept {
  if (!enter()) {
    return false;
  }
  DispatchBudget budget;
  if (deadline_ns != base::NativeAtomics::kNoDeadline) {
    budget.until =
        base::Clock::now() + base::Clock::to_ticks(deadline_ns - base::Clock::monotonic_ns());
  }
  const std::uint64_t events = dispatcher_.dispatch(budget, /*bounded=*/false);
  leave();
  return events != 0;
}

}  // namespace herald::core
