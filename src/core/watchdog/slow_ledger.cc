// Watchdog: takes the sampler's reports with the subscribers they concern, adds them up,
// and keeps who is to hear of them.
#include "core/watchdog/slow_ledger.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/watchdog/stay_ring.h"

namespace herald::core {
namespace {

bool is_worse(const std::shared_ptr<Attachment>& one, const std::shared_ptr<Attachment>& other) {
  return std::pair(one->slowness.strikes, one->slowness.longest) >
         std::pair(other->slowness.strikes, other->slowness.longest);
}

}  // namespace

SlowLedger::SlowLedger(const std::function<void(const SlowCall&)>& on_slow) : on_slow_(on_slow) {
  struck_.reserve(StayRing::kReports);
  culprits_.reserve(kMostCulprits + 1);
}

void SlowLedger::add(const StayReport& report, Attachment* owner) noexcept {
  watched_ += report.time;
  stats_.strikes += report.is_strike ? 1 : 0;
  if (owner == nullptr) {
    unattributed_ += report.time;
    return;
  }
  Slowness& slowness = owner->slowness;
  slowness.time += report.time;
  slowness.longest = std::max(slowness.longest, report.seen);
  if (report.is_strike) {
    ++slowness.strikes;
    rank(*owner);
    if (owner->slow_policy != SlowPolicy::kCount) {
      struck_.push_back({owner->attached, report.seen});
    }
  }
}

// A newcomer ousts the mildest if it is worse.
void SlowLedger::rank(Attachment& struck) noexcept {
  const auto is_struck = [&struck](const auto& each) { return each.get() == &struck; };
  if (std::none_of(culprits_.begin(), culprits_.end(), is_struck)) {
    culprits_.push_back(struck.attached);
  }
  std::sort(culprits_.begin(), culprits_.end(), is_worse);
  if (culprits_.size() > kMostCulprits) {
    culprits_.pop_back();
  }
}

void SlowLedger::tell(const Attachment& attachment, base::Ticks seen) const noexcept {
  if (on_slow_) {
    on_slow_({attachment.id(), attachment.name(),
              std::chrono::nanoseconds(base::Clock::to_ns(seen)), attachment.slowness.strikes,
              attachment.slowness.quarantined});
  }
}

void SlowLedger::clear() noexcept {
  struck_.clear();
  culprits_.clear();
}

WatchStats SlowLedger::stats() const noexcept {
  WatchStats stats = stats_;
  stats.watched = std::chrono::nanoseconds(base::Clock::to_ns(watched_));
  stats.unattributed = std::chrono::nanoseconds(base::Clock::to_ns(unattributed_));
  return stats;
}

}  // namespace herald::core
