// Control, manual mode: lends the calling thread to the dispatcher.
#include "core/manual_pump.h"

#include <sched.h>

#include <algorithm>

namespace herald::core {

PumpResult ManualPump::pump(const PumpOptions& options) noexcept {
  PumpResult result;
  if (!enter()) {
    result.status = PumpResult::Status::kBusy;
    return result;
  }
  dispatcher_.right().run_commands();
  dispatcher_.note_limits();
  const std::uint64_t max_events = options.max_events.value_or(UINT64_MAX);
  DispatchBudget budget;
  if (options.budget.has_value()) {
    budget.until = base::Clock::now() + base::Clock::to_ticks(options.budget->count());
  }
  bool more = true;
  while (more) {
    budget.events = max_events - result.events;
    result.events += dispatcher_.dispatch(budget, /*bounded=*/true);
    more = dispatcher_.has_work_within_limits();
    if (more && (result.events >= max_events || base::Clock::now() >= budget.until)) {
      result.status = PumpResult::Status::kPartial;
      more = false;
    }
  }
  const base::Ticks deadline = dispatcher_.next_deadline();
  if (deadline != base::Clock::kNever) {
    result.next_deadline = base::Clock::to_steady(deadline);
  }
  leave();
  return result;
}

// Relaxed: a flag between callers; what they share is ordered by the dispatch right.
bool ManualPump::enter() noexcept {
  if (pumping_.exchange(true, std::memory_order_relaxed)) {
    return false;
  }
  while (!dispatcher_.right().try_acquire()) {
    sched_yield();
  }
  return true;
}

void ManualPump::leave() noexcept {
  dispatcher_.right().release();
  pumping_.store(false, std::memory_order_relaxed);  // Relaxed: as in enter().
}

bool ManualPump::wait(std::int64_t deadline_ns) noexcept {
  do {
    if (sleep_until_work(deadline_ns)) {
      return true;
    }
  } while (base::Clock::monotonic_ns() < deadline_ns);
  return false;
}

// True if there is work; false after a sleep, or if another thread dispatches.
bool ManualPump::sleep_until_work(std::int64_t deadline_ns) noexcept {
  if (!dispatcher_.right().try_acquire()) {
    sched_yield();
    return false;
  }
  dispatcher_.right().run_commands();
  const Doorbell::Ticket ticket = doorbell_.prepare();
  const base::Ticks now = base::Clock::now();
  const bool work = dispatcher_.has_work(now);
  const base::Ticks deadline = dispatcher_.next_deadline();
  if (deadline != base::Clock::kNever) {
    const std::int64_t left_ns = base::Clock::to_ns(deadline - now);
    deadline_ns = std::min(deadline_ns, base::Clock::monotonic_ns() + left_ns);
  }
  dispatcher_.right().release();
  if (!work) {
    doorbell_.sleep(ticket, deadline_ns);
  }
  return work;
}

bool ManualPump::serve(FlushRequest& request, std::int64_t deadline_ns) noexcept {
  while (!request.served.done()) {
    if (base::Clock::monotonic_ns() >= deadline_ns) {
      return false;
    }
    if (!dispatch_once(deadline_ns)) {
      sched_yield();  // Another thread pumps, or a publisher is in the middle of a publish.
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
