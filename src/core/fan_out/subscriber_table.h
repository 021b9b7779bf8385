// Fan-out, subscriber table: takes a stamped event, finds and calls the subscribers it matches.
//
// Threads: the holder of the dispatch right, which alone reads and changes it (commands).
// Layout: for each type in use one list of the subscribers of all streams, and a map from stream to
//   a list; batch subscribers of all streams in groups of equal filter. A subscriber stands in one
//   list for each type of its filter, so one that does not match is never looked at.
// Bounds: 56 bytes for each subscriber and type in use (an entry, its owner, its place, its turn),
//   and an eighth in reserve, places aside: 60.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "core/fan_out/fan_out_list.h"
#include "core/fan_out/subscriber_rows.h"
#include "core/subscriber/attachment.h"
#include "core/subscriber/callback_guard.h"
#include "herald/event.h"
#include "herald/stats.h"

namespace herald::core {

class SubscriberTable {
 public:
  explicit SubscriberTable(CallbackGuard& guard) noexcept : guard_(guard) {}

  // Changes. attach() not during a fan-out; detach() any time.

  /// A type is now in use: subscribers whose filter has it are put into its lists. deliver() does
  /// it for a type whose announcement is still on its way: others may find() and publish a new type
  /// before its definer has submitted the command.
  void activate(unsigned type_index);
  void attach(Attachment& subscriber);
  void detach(Attachment& subscriber) noexcept;
  /// Tidies up after detach(). Not during a fan-out.
  void sweep() noexcept;
  /// Detaches everybody.
  void clear() noexcept;

  // Delivery.

  /// Calls the subscribers of single events. Returns the number of calls.
  std::size_t deliver(const Event& event) noexcept {
    const unsigned type = event.type_index();
    const std::uint64_t bit = std::uint64_t{1} << type;
    if ((active_types_ & bit) == 0) [[unlikely]] {
      activate(type);
    }
    EventList* const list = by_type_[type].get();
    const std::size_t calls = list == nullptr ? 0 : deliver_to(*list, event);
    return (stream_types_ & bit) == 0 ? calls : calls + deliver_by_stream(event);
  }
  /// Types in use of which no subscriber wants one stream or batches.
  [[nodiscard]] std::uint64_t simple_types() const noexcept {
    return active_types_ & ~stream_types_ & ~batch_types_;
  }
  /// The calls that each event of such a type is.
  [[nodiscard]] std::size_t simple_calls(unsigned type_index) const noexcept {
    const EventList* const list = by_type_[type_index].get();
    return list == nullptr ? 0 : list->calls();
  }
  /// The same as deliver() for a row of events of one of them, as long as `more()` says so between
  /// two of them.
  template <typename More>
  void deliver_simple(std::span<const Event> row, More more) noexcept {
    if (EventList* const list = by_type_[row.front().type_index()].get(); list != nullptr) {
      list->call_each(row.data(), row.size(), 1, more, cursor_, guard_);
      return;
    }
    for (std::size_t left = row.size(); left > 1 && more(); --left) {
    }
  }
  /// Whether a batch subscriber waits for this event.
  [[nodiscard]] bool awaited_by_batch(const Event& event) const noexcept {
    return ((batch_types_ >> event.type_index()) & 1U) != 0;
  }
  /// From now on events may lie where others lay.
  void begin_turn() noexcept { cursor_.begin_turn(); }
  /// Calls the batch subscribers with the runs of events that match them.
  void deliver_batch(std::span<const Event> events) noexcept;

  // Seeing.

  /// The sampler: where the dispatching thread is.
  void watch(Stay& stay) const noexcept { cursor_.watch(stay); }
  /// Whose call it was; null if he has left. Requires: nobody was moved since.
  [[nodiscard]] static Attachment* owner(const Stay& stay) noexcept {
    const std::vector<Attachment*>& owners = stay.list->owners;
    return stay.index < owners.size() ? owners[stay.index] : nullptr;
  }
  /// `watched`: the time that shares are of.
  [[nodiscard]] SubscriptionStats stats(const Attachment& subscriber, base::Ticks watched) const;
  void fill(SubscriberRows& rows) const;
  [[nodiscard]] std::uint64_t deliveries() const noexcept;
  [[nodiscard]] std::size_t size_bytes() const noexcept;

 private:
  using EventList = FanOutList<const Event&>;
  using BatchList = FanOutList<std::span<const Event>>;
  using StreamMap = absl::flat_hash_map<StreamId, std::unique_ptr<EventList>>;

  struct BatchGroup {
    TypeMask types;
    BatchList list;
  };
  struct Sweep {
    unsigned type_index;
    std::optional<StreamId> stream;
  };
  static constexpr unsigned kTypes = 64;

  void attach_to_type(Attachment& subscriber, unsigned type_index);
  void attach_to_batches(Attachment& subscriber);
  EventList& list_of(unsigned type_index, const std::optional<StreamId>& stream);
  void leave(Attachment& subscriber, const Place& place) noexcept;
  void sweep_list(const Sweep& sweep) noexcept;
  void sweep_batch_groups() noexcept;
  // Not inline: a second loop of calls beside that of deliver_simple() makes both dearer.
  std::size_t deliver_to(EventList& list, const Event& event) noexcept;
  std::size_t deliver_by_stream(const Event& event) noexcept;
  void call_runs(BatchGroup& group, std::span<const Event> events) noexcept;
  void call_run(BatchGroup& group, std::span<const Event> run) noexcept;
  [[nodiscard]] static bool is_batch(Attachment& subscriber) noexcept;
  [[nodiscard]] std::uint64_t offered(const Attachment& subscriber) const noexcept;

  CallbackGuard& guard_;
  FanOutCursor cursor_;
  std::uint64_t active_types_ = 0;
  std::uint64_t stream_types_ = 0;  // types with a subscriber of one stream
  std::uint64_t batch_types_ = 0;   // types with a batch subscriber of all streams
  std::array<std::unique_ptr<EventList>, kTypes> by_type_;
  std::array<StreamMap, kTypes> by_stream_;
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<BatchGroup>> batch_groups_;  // by their types
  std::array<std::vector<BatchGroup*>, kTypes> batch_groups_of_;                  // of each type
  std::vector<BatchList*> batch_sweeps_;  // with many tombstones
  std::size_t empty_batch_groups_ = 0;
  std::vector<Sweep> sweeps_;          // lists with many tombstones
  std::uint64_t left_deliveries_ = 0;  // of lists that are gone
  std::vector<Attachment*> in_order_;  // all subscribers by id; null where one has left
  std::size_t in_order_left_ = 0;
};

}  // namespace herald::core
