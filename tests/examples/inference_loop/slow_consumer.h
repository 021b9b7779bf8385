// A consumer that cannot keep up, kept away from those that can.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>

#include "herald/bus.h"
#include "herald/event.h"
#include "herald/subscription.h"

namespace inference_loop {

/// Subscribes to everything, takes `per_event` for each event on a thread of its own, and has room
/// for `capacity_events`: what comes when they are full is dropped and counted, so the dispatching
/// thread, and whoever publishes, never waits for it.
class SlowConsumer {
 public:
  struct Counts {
    std::uint64_t offered = 0;
    std::uint64_t consumed = 0;
    std::uint64_t dropped = 0;  ///< Also those that waited when it was stopped.
  };

  SlowConsumer(herald::Bus& bus, std::chrono::milliseconds per_event, std::size_t capacity_events);
  SlowConsumer(const SlowConsumer&) = delete;
  SlowConsumer& operator=(const SlowConsumer&) = delete;

  /// Takes no more. offered = consumed + dropped.
  Counts stop();

 private:
  void offer(const herald::Event& event);
  void consume(const std::stop_token& stop, std::chrono::milliseconds per_event);

  const std::size_t capacity_events_;
  std::mutex mutex_;  // held for a push, a pop or a count only
  std::condition_variable_any changed_;
  std::deque<herald::Event> queue_;
  Counts counts_;
  std::jthread thread_;
  herald::Subscription events_;  // last: no event comes once it is gone
};

}  // namespace inference_loop
