// A bus around a queue, as one writes it in an afternoon, in the shape of Herald: one dispatcher
// thread drains the queue in bulk and delivers through a plain table. Every queue of the peers
// stands in the same one, so that only the queue differs.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>

#include "backoff.h"
#include "delivered.h"
#include "processors.h"
#include "system.h"
#include "table.h"

namespace peers {

/// Made for a number of publishers and a capacity. push and push_batch by one thread for each
/// publisher number, never waiting (push_batch takes a prefix and returns its length); pop_batch by
/// one thread, returning how many it put into `room`.
template <typename Q>
concept Queue = std::constructible_from<Q, unsigned, std::size_t> &&
    requires(Q queue, const Event& event, std::span<const Event> events, std::span<Event> room) {
  { queue.push(0U, event) } -> std::same_as<bool>;
  { queue.push_batch(0U, events) } -> std::same_as<std::size_t>;
  { queue.pop_batch(room) } -> std::same_as<std::size_t>;
};

template <Queue Q>
class TableBus {
 public:
  static constexpr auto kName = Q::kName;
  static constexpr Abilities kAbilities{.receives_batches = true};

  explicit TableBus(const Setup& setup)
      : queue_(setup.publishers, setup.capacity_events), processor_(setup.processor) {}

  template <typename Receiver>
  void subscribe(const Interest& interest, Receiver& receiver) {
    table_.subscribe(interest, receiver);
  }
  template <typename Receiver>
  void subscribe_batch(const Interest& interest, Receiver& receiver) {
    table_.subscribe_batch(interest, receiver);
  }

  void start() {
    dispatcher_ = std::thread([this] {
      stay_on(processor_);
      dispatch();
    });
  }

  void publish(unsigned publisher, const Topic& topic, const Content& content) {
    const Event event{topic, publisher, 0, content};
    Backoff backoff;
    while (!queue_.push(publisher, event)) {
      backoff.pause();
    }
  }

  void publish_batch(unsigned publisher, const Topic& topic, std::span<const Content> contents) {
    std::array<Event, kBatchEvents> events;
    while (!contents.empty()) {
      const std::size_t count = std::min(contents.size(), kBatchEvents);
      for (std::size_t i = 0; i < count; ++i) {
        events[i] = {topic, publisher, 0, contents[i]};
      }
      push_all(publisher, std::span(events).first(count));
      contents = contents.subspan(count);
    }
  }

  void flush(const Totals& totals) const { delivered_.await(totals.events); }

  void stop() {
    stopping_.store(true, std::memory_order_relaxed);  // orders nothing: all has been flushed
    if (dispatcher_.joinable()) {
      dispatcher_.join();
    }
  }

 private:
  static constexpr std::size_t kBatchEvents = 256;  // as Herald's dispatcher takes

  void push_all(unsigned publisher, std::span<const Event> events) {
    Backoff backoff;
    while (true) {
      events = events.subspan(queue_.push_batch(publisher, events));
      if (events.empty()) {
        return;
      }
      backoff.pause();
    }
  }

  void dispatch() {
    const auto batch = std::make_unique<std::array<Event, kBatchEvents>>();
    std::uint64_t delivered = 0;
    while (!stopping_.load(std::memory_order_relaxed)) {  // a flag alone
      const std::size_t count = queue_.pop_batch(*batch);
      if (count == 0) {
        cpu_pause();
        continue;
      }
      table_.deliver(std::span<const Event>(*batch).first(count));
      delivered += count;
      delivered_.tell(delivered);
    }
  }

  Q queue_;
  Table table_;
  const unsigned processor_;
  std::thread dispatcher_;
  std::atomic<bool> stopping_{false};
  Delivered delivered_;
};

}  // namespace peers
