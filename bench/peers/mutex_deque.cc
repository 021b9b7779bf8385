// What people write by hand: a mutex, a deque, a vector of std::function for each type. The
// dispatcher takes all there is at once; to park it waits for a condition.
#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "backoff.h"
#include "delivered.h"
#include "measure.h"
#include "processors.h"
#include "systems.h"

namespace peers {
namespace {

class MutexDeque {
 public:
  static constexpr std::string_view kName = "mutex_deque";
  static constexpr Abilities kAbilities{.parks = true};

  explicit MutexDeque(const Setup& setup)
      : capacity_(setup.publishers * setup.capacity_events),
        parks_(setup.wait == Wait::kPark),
        processor_(setup.processor) {}

  template <typename Receiver>
  void subscribe(const Interest& interest, Receiver& receiver) {
    Callback callback = [&receiver](const Event& event) { receiver.take(event.content); };
    if (interest.stream.has_value()) {
      by_stream_[*interest.stream].push_back(std::move(callback));
    } else {
      by_type_[interest.type].push_back(std::move(callback));
    }
  }

  void start() {
    dispatcher_ = std::thread([this] {
      stay_on(processor_);
      dispatch();
    });
  }

  void publish(unsigned publisher, const Topic& topic, const Content& content) {
    publish_batch(publisher, topic, std::span(&content, 1));
  }

  void publish_batch(unsigned publisher, const Topic& topic, std::span<const Content> contents) {
    Backoff backoff;
    while (true) {
      contents = contents.subspan(push(publisher, topic, contents));
      if (contents.empty()) {
        return;
      }
      backoff.pause();
    }
  }

  void flush(const Totals& totals) const { delivered_.await(totals.events); }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_.store(true, std::memory_order_relaxed);
    }
    more_.notify_one();
    if (dispatcher_.joinable()) {
      dispatcher_.join();
    }
  }

 private:
  using Callback = std::function<void(const Event&)>;

  std::size_t push(unsigned publisher, const Topic& topic, std::span<const Content> contents) {
    std::size_t count = 0;
    {
      const std::lock_guard lock(mutex_);
      count = std::min(contents.size(), capacity_ - queue_.size());
      for (const Content& content : contents.first(count)) {
        queue_.push_back({topic, publisher, 0, content});
      }
      some_.store(true, std::memory_order_relaxed);  // a hint for the poller; the mutex orders
    }
    if (parks_) {
      more_.notify_one();
    }
    return count;
  }

  /// False when stopping and nothing is left.
  bool take_all(std::deque<Event>& taken) {
    while (!parks_ && !some_.load(std::memory_order_relaxed)) {
      if (stopping_.load(std::memory_order_relaxed)) {
        return false;
      }
      cpu_pause();
    }
    std::unique_lock lock(mutex_);
    if (parks_) {
      more_.wait(lock,
                 [this] { return !queue_.empty() || stopping_.load(std::memory_order_relaxed); });
    }
    taken.swap(queue_);
    some_.store(false, std::memory_order_relaxed);
    return !taken.empty() || !stopping_.load(std::memory_order_relaxed);
  }

  void dispatch() {
    std::deque<Event> taken;
    std::uint64_t delivered = 0;
    while (take_all(taken)) {
      for (const Event& event : taken) {
        deliver(event);
      }
      delivered += taken.size();
      taken.clear();
      delivered_.tell(delivered);
    }
  }

  void deliver(const Event& event) const {
    for (const Callback& callback : by_type_[event.topic.type]) {
      callback(event);
    }
    if (by_stream_.empty()) {
      return;
    }
    if (const auto found = by_stream_.find(event.topic.stream); found != by_stream_.end()) {
      for (const Callback& callback : found->second) {
        callback(event);
      }
    }
  }

  const std::size_t capacity_;
  const bool parks_;
  const unsigned processor_;
  std::array<std::vector<Callback>, kMostTypes> by_type_;
  std::unordered_map<std::uint64_t, std::vector<Callback>> by_stream_;
  std::thread dispatcher_;

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Event> queue_;
  std::atomic<bool> some_{false};
  std::atomic<bool> stopping_{false};  // written under the mutex; polled without
  Delivered delivered_;
};

}  // namespace

Entry mutex_deque() { return make_entry<MutexDeque>(); }

}  // namespace peers
