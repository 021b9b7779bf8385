// Control, statistics: takes the counters of all subscribers on the dispatching thread, gives their
// rows on the thread that asked: the string of each name costs more than all the rest, and events
// wait for the first part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "core/slowness.h"
#include "herald/subscription.h"

namespace herald::core {

class SubscriberRows {
 public:
  /// The time that shares are of.
  void set_watched(base::Ticks watched) noexcept { watched_ = watched; }
  void reserve(std::size_t rows) { counters_.reserve(rows); }
  void add(std::uint64_t id, std::string_view name, std::uint64_t offered, std::uint64_t exceptions,
           const Slowness& slowness) {
    counters_.push_back({id, offered, exceptions, name.size(), slowness});
    names_ += name;
  }

  [[nodiscard]] std::vector<SubscriptionStats> make() const {
    std::vector<SubscriptionStats> rows;
    rows.reserve(counters_.size());
    std::string_view names = names_;
    for (const Counters& each : counters_) {
      rows.push_back({each.id, std::string(names.substr(0, each.name_bytes)), each.offered,
                      each.offered, each.exceptions});
      each.slowness.describe(watched_, rows.back());
      names.remove_prefix(each.name_bytes);
    }
    return rows;
  }

 private:
  struct Counters {
    std::uint64_t id;
    std::uint64_t offered;
    std::uint64_t exceptions;
    std::size_t name_bytes;
    Slowness slowness;
  };

  base::Ticks watched_ = 0;
  std::vector<Counters> counters_;
  std::string names_;  // one after the other
};

}  // namespace herald::core
