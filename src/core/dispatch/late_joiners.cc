// Dispatch, late joiners: takes the time that a round has for them, serves the replay desk.
#include <algorithm>
#include <bit>

#include "core/dispatch/dispatcher.h"

namespace herald::core {

// They and the events lead in turn: either may take all the time there is.
void Dispatcher::lead_with_joiners(const DispatchBudget& budget) noexcept {
  joiners_lead_ = !joiners_lead_;
  if (joiners_lead_) {
    serve_joiners(budget);
  }
}

// What the round owes them, so that they catch up, for kMostNs at most, and some more as long as it
// is quickly done: others wait meanwhile. Between two of their events the clock is read as often as
// the budget asks for, or where their number has doubled, and commands run.
void Dispatcher::serve_joiners(const DispatchBudget& budget) noexcept {
  ReplayDesk& desk = delivery_.desk();
  joiners_first_ = !desk.empty() && has_progressed_ && base::Clock::now() >= budget.until;
  if (desk.empty() || joiners_first_) [[likely]] {
    return;
  }
  constexpr std::int64_t kFreeNs = 100'000;
  constexpr std::int64_t kMostNs = 10'000'000;
  const bool each_turn = budget.exact && budget.until != INT64_MAX;
  const base::Ticks start = base::Clock::now();
  const base::Ticks free_end = start + base::Clock::to_ticks(kFreeNs);
  const base::Ticks end = std::min(budget.until, start + base::Clock::to_ticks(kMostNs));
  std::uint64_t looks = desk.begin_round();
  for (std::uint64_t turns = 1; looks != 0 && delivery_.can_serve_joiner(); ++turns) {
    desk.serve_first(looks);
    has_progressed_ = true;
    between_events();
    if (!each_turn && !std::has_single_bit(turns)) {
      continue;
    }
    const base::Ticks now = base::Clock::now();
    if (now >= end || (looks <= ReplayDesk::kFreeLooks && now >= free_end)) {
      break;
    }
  }
  delivery_.announce();
  delivery_.refresh_clock();
}

}  // namespace herald::core
