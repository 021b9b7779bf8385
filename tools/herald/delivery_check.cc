#include "delivery_check.h"

#include <algorithm>
#include <numeric>

namespace herald::cli {

Faults& Faults::operator+=(const Faults& other) noexcept {
  lost += other.lost;
  duplicated += other.duplicated;
  reordered += other.reordered;
  torn += other.torn;
  return *this;
}

Witness::Witness(const Workload& workload, std::size_t type) : step_(workload.size().types) {
  for (std::size_t publisher = 0; publisher < workload.size().publishers; ++publisher) {
    next_.push_back(workload.first_number(publisher, type));
  }
}

void Witness::see(const std::optional<Stamp>& stamp) noexcept {
  if (!stamp.has_value()) {
    ++faults_.torn;
    return;
  }
  std::uint64_t& next = next_[stamp->publisher];
  if (stamp->number == next) [[likely]] {
    next += step_;
  } else if (stamp->number > next) {
    faults_.lost += (stamp->number - next) / step_;
    next = stamp->number + step_;
  } else if (stamp->number + step_ == next) {
    ++faults_.duplicated;
  } else {
    // It was counted as lost when its successor overtook it.
    ++faults_.reordered;
    faults_.lost -= std::min<std::uint64_t>(faults_.lost, 1);
  }
}

Faults Witness::conclude(std::span<const std::uint64_t> sent) const {
  Faults faults = faults_;
  for (std::size_t publisher = 0; publisher < next_.size(); ++publisher) {
    if (next_[publisher] <= sent[publisher]) {
      faults.lost += (sent[publisher] - next_[publisher]) / step_ + 1;
    }
  }
  // A torn event did not advance the count, so it was taken for lost as well.
  faults.lost -= std::min(faults.lost, faults.torn);
  return faults;
}

DeliveryCheck::DeliveryCheck(const Workload& workload, const Schedule& schedule, SampleLog& samples)
    : workload_(workload),
      schedule_(schedule),
      samples_(samples),
      tallies_(workload.size().subscribers),
      references_(workload.groups().size()),
      groups_of_type_(workload.size().types) {
  type_of_.fill(kNoType);
  for (std::size_t type = 0; type < workload.size().types; ++type) {
    first_.emplace_back(workload, type);
    last_.emplace_back(workload, type);
    for (std::size_t group = 0; group < workload.groups().size(); ++group) {
      if (((workload.groups()[group] >> type) & 1U) != 0) {
        groups_of_type_[type].push_back(group);
      }
    }
  }
}

bool DeliveryCheck::is_witness(std::size_t subscriber) const noexcept {
  for (std::size_t type = 0; type < workload_.size().types; ++type) {
    if (workload_.first_subscriber(type) == subscriber ||
        workload_.last_subscriber(type) == subscriber) {
      return true;
    }
  }
  return false;
}

std::uint64_t DeliveryCheck::deliveries() const noexcept {
  return std::accumulate(tallies_.begin(), tallies_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Tally& tally) { return sum + tally.count; });
}

Faults DeliveryCheck::conclude(std::span<const std::uint64_t> sent) const {
  const std::vector<std::uint64_t> sent_of_type = sent_by_type(sent);
  Faults total;
  total.torn = strays_;
  for (std::size_t subscriber = 0; subscriber < tallies_.size(); ++subscriber) {
    const Faults counted = tally_faults(subscriber, sent_of_type);
    const Faults witnessed = witness_faults(subscriber, sent);
    // Both look at the same deliveries: whichever saw more is nearer the truth.
    total += {.lost = std::max(counted.lost, witnessed.lost),
              .duplicated = std::max(counted.duplicated, witnessed.duplicated),
              .reordered = std::max(counted.reordered, witnessed.reordered),
              .torn = std::max(counted.torn, witnessed.torn)};
  }
  return total;
}

std::vector<std::uint64_t> DeliveryCheck::sent_by_type(std::span<const std::uint64_t> sent) const {
  const std::size_t types = workload_.size().types;
  std::vector<std::uint64_t> sent_of_type(types, 0);
  for (std::size_t publisher = 0; publisher < sent.size(); ++publisher) {
    for (std::size_t type = 0; type < types; ++type) {
      const std::uint64_t first = workload_.first_number(publisher, type);
      sent_of_type[type] += first > sent[publisher] ? 0 : (sent[publisher] - first) / types + 1;
    }
  }
  return sent_of_type;
}

Faults DeliveryCheck::tally_faults(std::size_t subscriber,
                                   std::span<const std::uint64_t> sent_of_type) const {
  std::uint64_t expected = 0;
  for (std::size_t type = 0; type < sent_of_type.size(); ++type) {
    const bool matches = ((workload_.types_of(subscriber) >> type) & 1U) != 0;
    expected += matches ? sent_of_type[type] : 0;
  }
  const Tally& tally = tallies_[subscriber];
  const Tally& reference = references_[workload_.group_of(subscriber)];
  Faults faults;
  faults.lost = tally.count < expected ? expected - tally.count : 0;
  faults.duplicated = tally.count > expected ? tally.count - expected : 0;
  // The right number of events, but others or in another order than the rest of its group.
  const bool comparable = tally.count == expected && reference.count == expected;
  faults.reordered = comparable && tally.order != reference.order ? 1 : 0;
  return faults;
}

Faults DeliveryCheck::witness_faults(std::size_t subscriber,
                                     std::span<const std::uint64_t> sent) const {
  Faults faults;
  for (std::size_t type = 0; type < workload_.size().types; ++type) {
    if (workload_.last_subscriber(type) == subscriber) {
      faults += last_[type].conclude(sent);
    } else if (workload_.first_subscriber(type) == subscriber) {
      faults += first_[type].conclude(sent);
    }
  }
  return faults;
}

void DeliveryCheck::extend_references(std::size_t type, std::uint64_t word) noexcept {
  for (const std::size_t group : groups_of_type_[type]) {
    references_[group].add(word);
  }
}

void DeliveryCheck::take_sample(const Event& event, const Stamp& stamp, Instant end) noexcept {
  const Instant due =
      schedule_.is_open() ? schedule_.due(stamp.publisher, stamp.number) : event.publish_time();
  samples_.append(due, end);
}

}  // namespace herald::cli
