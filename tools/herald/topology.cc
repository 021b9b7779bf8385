#include "topology.h"

#include <algorithm>
#include <string>

#include "stamp.h"

namespace herald::cli {
namespace {

template <typename Payload>
using Keys = std::vector<EventType<typename Payload::Type>>;

/// Lanes of the default size for a few publishers, smaller ones for many: all within some 4 MB.
std::size_t lane_capacity(std::size_t publishers) {
  constexpr std::size_t kDefaultEvents = 16'384;
  constexpr std::size_t kEventsInAll = 4 * kDefaultEvents;
  return std::min(kDefaultEvents, kEventsInAll / publishers);
}

template <typename Payload>
absl::StatusOr<Keys<Payload>> define_types(Bus& bus, const Workload& workload,
                                           DeliveryCheck& check) {
  Keys<Payload> keys;
  for (std::size_t type = 0; type < workload.size().types; ++type) {
    const auto key = bus.define<typename Payload::Type>("verify-" + std::to_string(type));
    if (!key.ok()) {
      return key.status();
    }
    check.set_type_index(type, key->index());
    keys.push_back(*key);
  }
  return keys;
}

/// What a subscriber asks for. One that matches no type of the workload waits for a type that is
/// never published.
template <typename Payload>
TypeMask mask_of(std::uint64_t types, const Keys<Payload>& keys) {
  TypeMask mask;
  for (std::size_t type = 0; type < keys.size(); ++type) {
    if (((types >> type) & 1U) != 0) {
      mask = mask | keys[type];
    }
  }
  return mask.empty() ? TypeMask(kInfo) : mask;
}

template <typename Payload>
absl::StatusOr<Subscription> subscribe(Bus& bus, std::size_t subscriber, TypeMask types,
                                       DeliveryCheck& check) {
  if (check.is_witness(subscriber)) {
    return bus.subscribe({.types = types},
                         WitnessSubscriber<Payload>{&check.tally(subscriber), &check, subscriber});
  }
  return bus.subscribe({.types = types}, Subscriber<Payload>{&check.tally(subscriber)});
}

absl::StatusOr<Subscription> subscribe_slow(Bus& bus, TypeMask types, SlowSubscriber& slow) {
  return bus.subscribe({.types = types}, [&slow](const Event& event) { slow.called(event); },
                       {.name = SlowSubscriber::kName});
}

template <typename Payload>
absl::StatusOr<Topology> build(Bus& bus, const Workload& workload, DeliveryCheck& check,
                               std::chrono::nanoseconds slow_call) {
  const auto keys = define_types<Payload>(bus, workload, check);
  if (!keys.ok()) {
    return keys.status();
  }
  Topology topology;
  topology.subscriptions.reserve(workload.size().subscribers + 1);
  if (slow_call.count() != 0) {
    topology.slow = std::make_unique<SlowSubscriber>(slow_call);
    auto subscription = subscribe_slow(bus, keys->front(), *topology.slow);
    if (!subscription.ok()) {
      return subscription.status();
    }
    topology.subscriptions.push_back(*std::move(subscription));
  }
  for (std::size_t subscriber = 0; subscriber < workload.size().subscribers; ++subscriber) {
    const TypeMask types = mask_of<Payload>(workload.types_of(subscriber), *keys);
    auto subscription = subscribe<Payload>(bus, subscriber, types, check);
    if (!subscription.ok()) {
      return subscription.status();
    }
    topology.subscriptions.push_back(*std::move(subscription));
  }
  const std::size_t publishers = workload.size().publishers;
  for (std::uint32_t id = 0; id < publishers; ++id) {
    auto publisher = bus.publisher(
        {.name = "verify-" + std::to_string(id), .capacity_events = lane_capacity(publishers)});
    if (!publisher.ok()) {
      return publisher.status();
    }
    topology.sources.push_back(std::make_unique<PayloadSource<Payload>>(
        *std::move(publisher), id, *keys, workload.size().payload_bytes));
  }
  return topology;
}

}  // namespace

absl::StatusOr<Topology> build_topology(Bus& bus, const Workload& workload, DeliveryCheck& check,
                                        std::chrono::nanoseconds slow_call) {
  return workload.size().payload_bytes == sizeof(Stamp)
             ? build<StampPayload>(bus, workload, check, slow_call)
             : build<TextPayload>(bus, workload, check, slow_call);
}

}  // namespace herald::cli
