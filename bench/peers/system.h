// What a system under test is: the one interface that the workloads measure through.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "content.h"
#include "event.h"
#include "receivers.h"

namespace peers {

/// What a system's own thread does while there is nothing to deliver.
enum class Wait : std::uint8_t {
  kSpin,      ///< Polls for ever.
  kPark,      ///< Sleeps in the kernel at once.
  kAdaptive,  ///< Herald's default: polls a while, then sleeps.
};

struct Setup {
  unsigned publishers = 1;
  std::uint64_t types = 1;
  /// Most events on their way from one publisher: Herald's default, kept by every peer that can be
  /// bounded.
  std::size_t capacity_events = 16'384;
  Wait wait = Wait::kSpin;
  unsigned processor = 0;  ///< Of the system's own thread.
};

/// What one subscriber wants.
struct Interest {
  std::uint64_t type = 0;
  std::optional<std::uint64_t> stream = {};
};

/// All that has been published since the start.
struct Totals {
  std::uint64_t events = 0;
  std::uint64_t deliveries = 0;
};

/// What a system can do; a request beyond it is refused, and the report leaves the cell empty.
struct Abilities {
  bool own_thread = true;  ///< Delivers on a thread of its own; else inside publish.
  bool spins = true;
  bool parks = false;
  bool adapts = false;
  bool receives_batches = false;
  bool filters = true;  ///< Types and streams.
  unsigned publishers = 1'024;
  std::size_t subscribers = 100'000;
};

/// Made from a Setup. subscribe() before start(), by one thread; publish() by one thread for each
/// publisher number, waiting while the system is full; flush() when all publishers are at rest,
/// returning when everything is delivered; stop() after it, joining the system's threads.
/// Every Receiver is called through the system's own form of subscription, and outlives it.
template <typename S>
concept System = std::constructible_from<S, const Setup&> &&
    requires(S system, Subscriber& receiver, Interest interest, Topic topic, Content content,
             std::span<const Content> contents, Totals totals) {
  { S::kName } -> std::convertible_to<std::string_view>;
  { S::kAbilities } -> std::convertible_to<Abilities>;
  system.subscribe(interest, receiver);
  system.start();
  system.publish(0U, topic, content);
  system.publish_batch(0U, topic, contents);
  system.flush(totals);
  system.stop();
};

/// A system whose subscribers may take several events a call: receiver.take(content) for each.
template <typename S>
concept BatchSystem = System<S> && requires(S system, Subscriber& receiver, Interest interest) {
  system.subscribe_batch(interest, receiver);
};

}  // namespace peers
