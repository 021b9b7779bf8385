// Fan-out, statistics: takes the counters of all subscribers on the dispatching thread, gives their
// rows on the thread that asked: the string of each name costs more than all the rest, and events
// wait for the first part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "core/subscriber/attachment.h"
#include "herald/subscription.h"

namespace herald::core {

class SubscriberRows {
 public:
  /// The time that shares are of.
  void set_watched(base::Ticks watched) noexcept { watched_ = watched; }
  void reserve(std::size_t rows) { counters_.reserve(rows); }
  void add(const Attachment& subscriber, std::uint64_t offered) {
    Counters counters{{.id = subscriber.id(),
                       .offered = offered,
                       .delivered = offered,
                       .exceptions = subscriber.exceptions},
                      subscriber.name().size()};
    subscriber.fill(counters.stats, watched_);
    counters_.push_back(std::move(counters));
    names_ += subscriber.name();
  }

  [[nodiscard]] std::vector<SubscriptionStats> make() const {
    std::vector<SubscriptionStats> rows;
    rows.reserve(counters_.size());
    std::string_view names = names_;
    for (const Counters& each : counters_) {
      rows.push_back(each.stats);
      rows.back().name = names.substr(0, each.name_bytes);
      names.remove_prefix(each.name_bytes);
    }
    return rows;
  }

 private:
  struct Counters {
    SubscriptionStats stats;  // without its name
    std::size_t name_bytes;
  };

  base::Ticks watched_ = 0;
  std::vector<Counters> counters_;
  std::string names_;  // one after the other
};

}  // namespace herald::core
