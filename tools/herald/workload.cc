#include "workload.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace herald::cli {
namespace {

std::size_t matching_subscribers(const WorkloadSize& size) {
  const double share = size.selectivity * static_cast<double>(size.subscribers);
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::llround(share)));
}

}  // namespace

Workload::Workload(const WorkloadSize& size)
    : size_(size),
      matching_(matching_subscribers(size)),
      first_(size.types, std::numeric_limits<std::size_t>::max()),
      last_(size.types, 0) {
  group_of_.reserve(size_.subscribers);
  for (std::size_t subscriber = 0; subscriber < size_.subscribers; ++subscriber) {
    std::uint64_t types = 0;
    for (std::size_t type = 0; type < size_.types; ++type) {
      if (matches(subscriber, type)) {
        types |= std::uint64_t{1} << type;
        first_[type] = std::min(first_[type], subscriber);
        last_[type] = subscriber;
      }
    }
    group_of_.push_back(group_with(types));
  }
}

std::uint64_t Workload::first_number(std::size_t publisher, std::size_t type) const noexcept {
  std::uint64_t number = 1;
  while (type_of(publisher, number) != type) {
    ++number;
  }
  return number;
}

bool Workload::matches(std::size_t subscriber, std::size_t type) const noexcept {
  const std::size_t begin = type * size_.subscribers / size_.types;
  const std::size_t place = (subscriber + size_.subscribers - begin) % size_.subscribers;
  return place < matching_;
}

std::size_t Workload::group_with(std::uint64_t types) {
  const auto found = std::find(groups_.begin(), groups_.end(), types);
  if (found == groups_.end()) {
    groups_.push_back(types);
    return groups_.size() - 1;
  }
  return static_cast<std::size_t>(found - groups_.begin());
}

}  // namespace herald::cli
