// Which events are published, and who is to get them: all of it fixed before a run, so that what
// arrived can be held against what was sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace herald::cli {

/// The shape of one row.
struct WorkloadSize {
  std::size_t subscribers = 1;
  std::size_t publishers = 1;
  std::size_t types = 1;
  double selectivity = 1;  ///< Share of subscribers that match each event.
  std::size_t payload_bytes = 16;
};

/// Publishers take the types in turn: event `number` of publisher `p` has type (p + number) %
/// types.
///
/// Each type is matched by the same number of subscribers, round(selectivity * subscribers) and at
/// least one: a run of neighbours, as on a ring. The runs of the types begin at even distances, so
/// the load is spread, and at most 2 * types + 1 different sets of types occur. Subscribers with
/// the same set are a *group*.
///
/// Types are numbered from 0 here; a mask has bit t set for type t.
class Workload {
 public:
  explicit Workload(const WorkloadSize& size);

  [[nodiscard]] const WorkloadSize& size() const noexcept { return size_; }

  [[nodiscard]] std::size_t type_of(std::size_t publisher, std::uint64_t number) const noexcept {
    return (publisher + number) % size_.types;
  }
  /// The first event of a type by a publisher; the others follow at distances of size().types.
  [[nodiscard]] std::uint64_t first_number(std::size_t publisher, std::size_t type) const noexcept;

  /// Subscribers that match each event.
  [[nodiscard]] std::size_t matching() const noexcept { return matching_; }
  [[nodiscard]] std::uint64_t types_of(std::size_t subscriber) const noexcept {
    return groups_[group_of_[subscriber]];
  }
  [[nodiscard]] std::size_t group_of(std::size_t subscriber) const noexcept {
    return group_of_[subscriber];
  }
  [[nodiscard]] const std::vector<std::uint64_t>& groups() const noexcept { return groups_; }

  /// The first and the last subscriber of a type, in order of subscription.
  [[nodiscard]] std::size_t first_subscriber(std::size_t type) const noexcept {
    return first_[type];
  }
  [[nodiscard]] std::size_t last_subscriber(std::size_t type) const noexcept { return last_[type]; }

 private:
  [[nodiscard]] bool matches(std::size_t subscriber, std::size_t type) const noexcept;
  [[nodiscard]] std::size_t group_with(std::uint64_t types);

  WorkloadSize size_;
  std::size_t matching_;
  std::vector<std::uint64_t> groups_;  // masks
  std::vector<std::size_t> group_of_;  // by subscriber
  std::vector<std::size_t> first_;     // by type
  std::vector<std::size_t> last_;
};

}  // namespace herald::cli
