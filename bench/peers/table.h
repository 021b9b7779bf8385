// The plain table that the queues' dispatcher and the bare loop deliver through: {function,
// receiver} for each type, and a hash map from stream to its subscribers.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "event.h"
#include "system.h"

namespace peers {

class Table {
 public:
  template <typename Receiver>
  void subscribe(const Interest& interest, Receiver& receiver) {
    const Entry entry{[](void* object, const Event& event) {
                        static_cast<Receiver*>(object)->take(event.content);
                      },
                      &receiver};
    if (interest.stream.has_value()) {
      by_stream_[*interest.stream].push_back({interest.type, entry});
    } else {
      by_type_[interest.type].push_back(entry);
    }
  }

  /// Called with what was drained at once. For runs of one type: the type is not looked at.
  template <typename Receiver>
  void subscribe_batch(const Interest& /*interest*/, Receiver& receiver) {
    batches_.push_back({[](void* object, std::span<const Event> events) {
                          Receiver taking = *static_cast<Receiver*>(object);
                          for (const Event& event : events) {
                            taking.take(event.content);
                          }
                          *static_cast<Receiver*>(object) = taking;
                        },
                        &receiver});
  }

  void deliver(const Event& event) const {
    for (const Entry& entry : by_type_[event.topic.type]) {
      entry.function(entry.receiver, event);
    }
    if (!by_stream_.empty()) {
      deliver_to_stream(event);
    }
  }

  void deliver(std::span<const Event> events) const {
    for (const Event& event : events) {
      deliver(event);
    }
    for (const BatchEntry& entry : batches_) {
      entry.function(entry.receiver, events);
    }
  }

 private:
  struct Entry {
    void (*function)(void* receiver, const Event& event);
    void* receiver;
  };
  struct StreamEntry {
    std::uint64_t type;
    Entry entry;
  };
  struct BatchEntry {
    void (*function)(void* receiver, std::span<const Event> events);
    void* receiver;
  };

  void deliver_to_stream(const Event& event) const {
    const auto found = by_stream_.find(event.topic.stream);
    if (found == by_stream_.end()) {
      return;
    }
    for (const StreamEntry& subscriber : found->second) {
      if (subscriber.type == event.topic.type) {
        subscriber.entry.function(subscriber.entry.receiver, event);
      }
    }
  }

  std::array<std::vector<Entry>, kMostTypes> by_type_;
  std::unordered_map<std::uint64_t, std::vector<StreamEntry>> by_stream_;
  std::vector<BatchEntry> batches_;
};

}  // namespace peers
