// Fan-out, subscriber table: takes a stamped event, finds and calls the subscribers it matches.
#include "core/fan_out/subscriber_table.h"

#include <bit>

#include "core/mailbox/mailbox_core.h"

namespace herald::core {
namespace {

// A batch subscriber of one stream is called by its stream's list, with spans of one event.
void call_with_span_of_one(void* object, const Event& event) {
  auto& batch = *static_cast<detail::Erased<detail::BatchFunction>*>(object);
  batch.function(batch.object.get(), std::span(&event, 1));
}

template <typename Visit>
void for_each_bit(std::uint64_t bits, Visit&& visit) {
  for (; bits != 0; bits &= bits - 1) {
    visit(static_cast<unsigned>(std::countr_zero(bits)));
  }
}

}  // namespace

bool SubscriberTable::is_batch(Attachment& subscriber) noexcept {
  return subscriber.callback().batch.function != nullptr && subscriber.mail == nullptr &&
         !subscriber.filter().stream.has_value();
}

void SubscriberTable::activate(unsigned type_index) {
  if (((active_types_ >> type_index) & 1U) != 0) {
    return;
  }
  active_types_ |= std::uint64_t{1} << type_index;
  for (Attachment* subscriber : in_order_) {
    if (subscriber != nullptr && subscriber->filter().types.contains(type_index) &&
        !is_batch(*subscriber)) {
      attach_to_type(*subscriber, type_index);
    }
  }
}

void SubscriberTable::attach(Attachment& subscriber) {
  subscriber.index_in_order = in_order_.size();
  make_room_for_one(in_order_);
  in_order_.push_back(&subscriber);
  if (is_batch(subscriber)) {
    attach_to_batches(subscriber);
    return;
  }
  for_each_bit(subscriber.filter().types.bits() & active_types_,
               [&](unsigned type_index) { attach_to_type(subscriber, type_index); });
}

void SubscriberTable::attach_to_type(Attachment& subscriber, unsigned type_index) {
  EventList& list = list_of(type_index, subscriber.filter().stream);
  detail::Callback& callback = subscriber.callback();
  if (subscriber.mail != nullptr) {
    list.add(subscriber, type_index, &MailboxCore::put, &subscriber);
  } else if (callback.batch.function != nullptr) {
    list.add(subscriber, type_index, &call_with_span_of_one, &callback.batch);
  } else {
    list.add(subscriber, type_index, callback.event.function, callback.event.object.get());
  }
}

void SubscriberTable::attach_to_batches(Attachment& subscriber) {
  const TypeMask types = subscriber.filter().types;
  std::unique_ptr<BatchGroup>& group = batch_groups_[types.bits()];
  if (group == nullptr) {
    group = std::make_unique<BatchGroup>(BatchGroup{types, {}});
    batch_types_ |= types.bits();
    for_each_bit(types.bits(),
                 [&](unsigned type_index) { batch_groups_of_[type_index].push_back(group.get()); });
  } else if (group->list.live() == 0) {
    --empty_batch_groups_;
  }
  detail::Erased<detail::BatchFunction>& batch = subscriber.callback().batch;
  group->list.add(subscriber, 0, batch.function, batch.object.get());
}

SubscriberTable::EventList& SubscriberTable::list_of(unsigned type_index,
                                                     const std::optional<StreamId>& stream) {
  std::unique_ptr<EventList>* list = &by_type_[type_index];
  if (stream.has_value()) {
    stream_types_ |= std::uint64_t{1} << type_index;
    list = &by_stream_[type_index][*stream];
  }
  if (*list == nullptr) {
    *list = std::make_unique<EventList>();
  }
  return **list;
}

void SubscriberTable::detach(Attachment& subscriber) noexcept {
  in_order_[subscriber.index_in_order] = nullptr;
  ++in_order_left_;
  for (const Place& place : subscriber.places) {
    leave(subscriber, place);
  }
  subscriber.places.clear();
}

void SubscriberTable::leave(Attachment& subscriber, const Place& place) noexcept {
  const auto leave_list = [&](auto& list) {
    subscriber.offered += list.offered(place, cursor_);
    list.undeliver(list.not_reached(place, cursor_));
    list.remove(place.index, cursor_);
    return list.wants_sweep();
  };
  if (is_batch(subscriber)) {
    auto* const list = static_cast<BatchList*>(place.list);
    if (leave_list(*list)) {
      batch_sweeps_.push_back(list);
    }
    empty_batch_groups_ += list->live() == 0 ? 1 : 0;
  } else if (leave_list(*static_cast<EventList*>(place.list))) {
    sweeps_.push_back({place.type_index, subscriber.filter().stream});
  }
}

void SubscriberTable::sweep() noexcept {
  for (const Sweep& sweep : sweeps_) {
    sweep_list(sweep);
  }
  sweeps_.clear();
  for (BatchList* list : batch_sweeps_) {
    if (list->wants_sweep()) {  // noted many times, swept once
      list->sweep();
    }
  }
  batch_sweeps_.clear();
  if (empty_batch_groups_ > batch_groups_.size() / 2) {
    sweep_batch_groups();
  }
  if (in_order_left_ > in_order_.size() / 2) {
    std::size_t kept = 0;
    for (Attachment* subscriber : in_order_) {
      if (subscriber != nullptr) {
        subscriber->index_in_order = kept;
        in_order_[kept++] = subscriber;
      }
    }
    in_order_.resize(kept);
    in_order_left_ = 0;
  }
}

void SubscriberTable::sweep_list(const Sweep& sweep) noexcept {
  if (!sweep.stream.has_value()) {
    if (by_type_[sweep.type_index]->wants_sweep()) {  // noted many times, swept once
      by_type_[sweep.type_index]->sweep();
    }
    return;
  }
  StreamMap& streams = by_stream_[sweep.type_index];
  const auto found = streams.find(*sweep.stream);
  if (found == streams.end()) {
    return;  // Noted twice, swept once.
  }
  if (found->second->live() != 0) {
    if (found->second->wants_sweep()) {
      found->second->sweep();
    }
    return;
  }
  left_deliveries_ += found->second->deliveries();
  streams.erase(found);
  if (streams.empty()) {
    stream_types_ &= ~(std::uint64_t{1} << sweep.type_index);
  }
}

// When most of them are empty, so that removing many is linear.
void SubscriberTable::sweep_batch_groups() noexcept {
  empty_batch_groups_ = 0;
  for_each_bit(batch_types_, [this](unsigned type_index) {
    std::vector<BatchGroup*>& groups = batch_groups_of_[type_index];
    std::erase_if(groups, [](const BatchGroup* group) { return group->list.live() == 0; });
    batch_types_ &= ~(std::uint64_t{groups.empty()} << type_index);
  });
  absl::erase_if(batch_groups_, [this](const auto& entry) {
    left_deliveries_ += entry.second->list.live() == 0 ? entry.second->list.deliveries() : 0;
    return entry.second->list.live() == 0;
  });
}

void SubscriberTable::clear() noexcept {
  for (Attachment* subscriber : in_order_) {
    if (subscriber != nullptr) {
      detach(*subscriber);
      subscriber->state = Attachment::State::kDetached;
      const std::shared_ptr<Attachment> kept = std::move(subscriber->attached);
      if (kept->mail == nullptr) {  // of others, who drains the mailbox may be in a call
        kept->destroy_callable();
      }
    }
  }
  sweep();
}

std::size_t SubscriberTable::deliver_by_stream(const Event& event) noexcept {
  StreamMap& streams = by_stream_[event.type_index()];
  const auto found = streams.find(event.stream());
  return found == streams.end() ? 0 : deliver_to(*found->second, event);
}

std::size_t SubscriberTable::deliver_to(EventList& list, const Event& event) noexcept {
  return list.call(event, 1, cursor_, guard_);
}

void SubscriberTable::deliver_batch(std::span<const Event> events) noexcept {
  std::uint64_t seen_types = 0;
  for (const Event& event : events) {
    seen_types |= std::uint64_t{1} << event.type_index();
  }
  for (std::uint64_t left = seen_types; left != 0; left &= left - 1) {
    const std::uint64_t earlier_types = seen_types & ~left;
    for (BatchGroup* group : batch_groups_of_[static_cast<std::size_t>(std::countr_zero(left))]) {
      if ((group->types.bits() & earlier_types) != 0) {
        continue;  // it had its turn with one of those
      }
      if ((seen_types & ~group->types.bits()) == 0) {
        call_run(*group, events);
      } else {
        call_runs(*group, events);
      }
    }
  }
}

void SubscriberTable::call_runs(BatchGroup& group, std::span<const Event> events) noexcept {
  std::size_t begin = 0;
  while (begin < events.size()) {
    std::size_t end = begin;
    while (end < events.size() && group.types.contains(events[end].type_index())) {
      ++end;
    }
    if (end > begin) {
      call_run(group, events.subspan(begin, end - begin));
    }
    begin = end + 1;
  }
}

void SubscriberTable::call_run(BatchGroup& group, std::span<const Event> run) noexcept {
  begin_turn();
  group.list.call(run, run.size(), cursor_, guard_);
}

std::uint64_t SubscriberTable::offered(const Attachment& subscriber) const noexcept {
  std::uint64_t sum = subscriber.offered;
  const bool batch = is_batch(const_cast<Attachment&>(subscriber));
  for (const Place& place : subscriber.places) {
    sum += batch ? static_cast<BatchList*>(place.list)->offered(place, cursor_)
                 : static_cast<EventList*>(place.list)->offered(place, cursor_);
  }
  return sum;
}

SubscriptionStats SubscriberTable::stats(const Attachment& subscriber, base::Ticks watched) const {
  const std::uint64_t events = offered(subscriber);
  SubscriptionStats stats{.id = subscriber.id(),
                          .name = subscriber.name(),
                          .offered = events,
                          .delivered = events,
                          .exceptions = subscriber.exceptions};
  subscriber.fill(stats, watched);
  return stats;
}

void SubscriberTable::fill(SubscriberRows& rows) const {
  rows.reserve(in_order_.size() - in_order_left_);
  for (const Attachment* each : in_order_) {
    if (each != nullptr) {
      rows.add(*each, offered(*each));
    }
  }
}

std::uint64_t SubscriberTable::deliveries() const noexcept {
  std::uint64_t sum = left_deliveries_;
  for (const auto& list : by_type_) {
    sum += list == nullptr ? 0 : list->deliveries();
  }
  for (const StreamMap& streams : by_stream_) {
    for (const auto& [stream, list] : streams) {
      sum += list->deliveries();
    }
  }
  for (const auto& [types, group] : batch_groups_) {
    sum += group->list.deliveries();
  }
  return sum;
}

std::size_t SubscriberTable::size_bytes() const noexcept {
  std::size_t sum = in_order_.capacity() * sizeof(Attachment*);
  for (const auto& list : by_type_) {
    sum += list == nullptr ? 0 : list->size_bytes();
  }
  for (const StreamMap& streams : by_stream_) {
    sum += streams.capacity() * (sizeof(StreamMap::value_type) + 1);
    for (const auto& [stream, list] : streams) {
      sum += list->size_bytes();
    }
  }
  for (const auto& [types, group] : batch_groups_) {
    sum += group->list.size_bytes();
  }
  return sum;
}

}  // namespace herald::core
