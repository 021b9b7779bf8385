#include "slow_consumer.h"

namespace inference_loop {

SlowConsumer::SlowConsumer(herald::Bus& bus, std::chrono::milliseconds per_event,
                           std::size_t capacity_events)
    : capacity_events_(capacity_events),
      thread_([this, per_event](const std::stop_token& stop) { consume(stop, per_event); }) {
  events_ =
      bus.subscribe({.types = herald::TypeMask::all()},
                    [this](const herald::Event& event) { offer(event); }, {.name = "slow consumer"})
          .value();
}

SlowConsumer::Counts SlowConsumer::stop() {
  events_.unsubscribe();
  thread_.request_stop();
  if (thread_.joinable()) {
    thread_.join();
  }
  counts_.dropped += queue_.size();
  queue_.clear();
  return counts_;
}

void SlowConsumer::offer(const herald::Event& event) {
  const std::lock_guard lock(mutex_);
  ++counts_.offered;
  if (queue_.size() == capacity_events_) {
    ++counts_.dropped;
    return;
  }
  queue_.push_back(event);
  changed_.notify_one();
}

void SlowConsumer::consume(const std::stop_token& stop, std::chrono::milliseconds per_event) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !queue_.empty(); }) && !stop.stop_requested()) {
    queue_.pop_front();
    ++counts_.consumed;
    // Where a real one would write to a disk or a network.
    changed_.wait_for(lock, stop, per_event, [] { return false; });
  }
}

}  // namespace inference_loop
