#include "audience.h"

#include <algorithm>
#include <utility>

#include "transcript.h"

namespace herald::cli {

absl::Status Audience::subscribe(Bus& bus, const Filter& filter, std::size_t count) {
  tallies_.resize(count);
  subscriptions_.reserve(count);
  for (Tally& tally : tallies_) {
    auto subscription = bus.subscribe(
        filter, [kept = &tally](const Event& event) noexcept { kept->add(word_of(event)); });
    if (!subscription.ok()) {
      return subscription.status();
    }
    subscriptions_.push_back(*std::move(subscription));
  }
  return absl::OkStatus();
}

std::size_t Audience::count_different(const Tally& reference) const noexcept {
  const auto same = std::count(tallies_.begin(), tallies_.end(), reference);
  return tallies_.size() - static_cast<std::size_t>(same);
}

}  // namespace herald::cli
