#include "assistant/archive.h"

#include <algorithm>
#include <utility>

namespace assistant {

using herald::Event;

Archive::Archive(herald::Bus& bus, std::size_t capacity_events)
    : bus_(bus), capacity_events_(capacity_events) {
  queue_.reserve(capacity_events_);
  const auto callback = [this](std::span<const Event> events) { keep(events); };
  const herald::Filter everything{.types = herald::TypeMask::all()};
  subscription_ = bus.subscribe_batch(everything, callback, {.name = "archive"}).value();
  writer_ = std::thread([this] { write_all(); });
}

Archive::~Archive() { finish(); }

void Archive::keep(std::span<const Event> events) {
  const std::scoped_lock lock(mutex_);  // held by others only for a moment
  const std::size_t room = std::min(events.size(), capacity_events_ - queue_.size());
  queue_.insert(queue_.end(), events.begin(), events.begin() + static_cast<std::ptrdiff_t>(room));
  overflowed_ += events.size() - room;
  changed_.notify_one();
}

void Archive::begin() {
  const std::scoped_lock lock(mutex_);
  begun_ = true;
  changed_.notify_one();
}

void Archive::finish() {
  subscription_.unsubscribe();
  {
    const std::scoped_lock lock(mutex_);
    finished_ = true;
    changed_.notify_one();
  }
  if (writer_.joinable()) {
    writer_.join();
  }
}

void Archive::write_all() {
  std::vector<Event> batch;
  batch.reserve(capacity_events_);
  std::unique_lock lock(mutex_);
  while (!finished_ || !queue_.empty()) {
    changed_.wait(lock, [this] { return finished_ || (begun_ && !queue_.empty()); });
    batch.swap(queue_);
    lock.unlock();
    for (const Event& event : batch) {
      write(event);
    }
    batch.clear();
    lock.lock();
  }
}

void Archive::write(const Event& event) {
  dense_ = dense_ && event.sequence() == last_sequence_ + 1;
  last_sequence_ = event.sequence();
  lines_ += R"({"sequence":)" + std::to_string(event.sequence()) + R"(,"type":")";
  lines_ += bus_.type_name(event.type_index());
  lines_ += R"(","payload":)";
  bus_.encode(event, lines_);
  lines_ += "}\n";
}

std::size_t Archive::waiting() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

std::uint64_t Archive::overflowed() const {
  const std::scoped_lock lock(mutex_);
  return overflowed_;
}

}  // namespace assistant
