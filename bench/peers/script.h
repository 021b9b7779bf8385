// Which events are published and who is to get them: what every run is checked against.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "receivers.h"
#include "request.h"
#include "system.h"

namespace peers {

/// Event n of each publisher belongs to class n % classes, a type or a stream; subscriber n wants
/// class n % classes.
class Script {
 public:
  explicit Script(const Request& request)
      : by_stream_(request.streams > 0), classes_(std::max(request.types, request.streams)) {}

  [[nodiscard]] std::uint64_t classes() const noexcept { return classes_; }
  [[nodiscard]] Topic topic(std::uint64_t of_class) const noexcept {
    return by_stream_ ? Topic{0, of_class + 1} : Topic{of_class, 0};
  }
  [[nodiscard]] Interest interest(std::size_t subscriber) const noexcept {
    const std::uint64_t of_class = subscriber % classes_;
    return by_stream_ ? Interest{0, of_class + 1} : Interest{of_class, {}};
  }

  /// What a subscriber of each class should have got when each publisher has published so many.
  [[nodiscard]] std::vector<Tally> expected(unsigned publishers, std::uint64_t events) const {
    std::vector<Tally> tallies(classes_);
    for (std::uint64_t publisher = 0; publisher < publishers; ++publisher) {
      std::size_t of_class = 0;
      for (std::uint64_t n = 0; n < events; ++n) {
        tallies[of_class].add(content_of((publisher << kCountBits) | n));
        of_class = of_class + 1 == classes_ ? 0 : of_class + 1;
      }
    }
    return tallies;
  }

 private:
  const bool by_stream_;
  const std::uint64_t classes_;
};

/// The ordinary subscribers of a run.
class Audience {
 public:
  Audience(const Script& script, std::size_t count) : script_(script), subscribers_(count) {}

  template <System S>
  void join(S& system, bool in_batches = false) {
    for (std::size_t i = 0; i < subscribers_.size(); ++i) {
      if constexpr (BatchSystem<S>) {
        if (in_batches) {
          system.subscribe_batch(script_.interest(i), subscribers_[i]);
          continue;
        }
      }
      system.subscribe(script_.interest(i), subscribers_[i]);
    }
  }

  [[nodiscard]] Totals totals(unsigned publishers, std::uint64_t events) const {
    Totals totals{.events = publishers * events};
    for (std::size_t i = 0; i < subscribers_.size(); ++i) {
      const std::uint64_t of_class = i % script_.classes();
      const std::uint64_t whole = events / script_.classes();
      totals.deliveries += publishers * (whole + (of_class < events % script_.classes() ? 1 : 0));
    }
    return totals;
  }

  /// Empty, or how the first subscriber that got something else differs.
  [[nodiscard]] std::string failure(std::span<const Tally> expected) const {
    for (std::size_t i = 0; i < subscribers_.size(); ++i) {
      const Tally& wanted = expected[i % expected.size()];
      const Tally& got = subscribers_[i].tally;
      if (got.count != wanted.count) {
        return "subscriber " + std::to_string(i) + " got " + std::to_string(got.count) +
               " events, not " + std::to_string(wanted.count);
      }
      if (got != wanted) {
        return "subscriber " + std::to_string(i) + " got other events than were published";
      }
    }
    return {};
  }

 private:
  const Script& script_;
  std::vector<Subscriber> subscribers_;
};

}  // namespace peers
