// Watchdog: takes the sampler's reports with the subscribers they concern, adds them up,
// and keeps who is to hear of them.
//
// Threads: the holder of the dispatch right.
// Bounds: kMostCulprits subscribers are kept beyond their end, without their callables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/subscriber/attachment.h"
#include "core/watchdog/stay.h"
#include "herald/options.h"
#include "herald/stats.h"

namespace herald::core {

class SlowLedger {
 public:
  static constexpr std::size_t kMostCulprits = 8;

  /// A strike of which somebody is to hear.
  struct Struck {
    std::shared_ptr<Attachment> attachment;
    base::Ticks seen;
  };

  /// `on_slow` outlives every callback.
  explicit SlowLedger(const std::function<void(const SlowCall&)>& on_slow);

  /// `owner` is whose call it was; null if nobody knows any more.
  void add(const StayReport& report, Attachment* owner) noexcept;
  /// Strikes since the last clear_struck(), in order of time.
  [[nodiscard]] const std::vector<Struck>& struck() const noexcept { return struck_; }
  void clear_struck() noexcept { struck_.clear(); }
  void count_quarantined() noexcept { ++stats_.quarantined; }
  /// Calls the handler, if there is one and the subscriber wants it.
  void tell(const Attachment& attachment, base::Ticks seen) const noexcept;
  /// The end: forgets all subscribers.
  void clear() noexcept;

  /// The time of all calls.
  [[nodiscard]] base::Ticks watched() const noexcept { return watched_; }
  [[nodiscard]] WatchStats stats() const noexcept;
  /// Those with strikes, worst first.
  [[nodiscard]] const std::vector<std::shared_ptr<Attachment>>& culprits() const noexcept {
    return culprits_;
  }

 private:
  void rank(Attachment& struck) noexcept;

  const std::function<void(const SlowCall&)>& on_slow_;
  WatchStats stats_;
  base::Ticks watched_ = 0;
  base::Ticks unattributed_ = 0;
  std::vector<Struck> struck_;
  std::vector<std::shared_ptr<Attachment>> culprits_;
};

}  // namespace herald::core
