// A signal for each type and for each stream: how the libraries of signals are used as a bus.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "same_thread.h"

namespace peers {

/// Signal: default-constructible, connect(callable), and called with a const Event&.
template <typename Derived, typename Signal>
class SignalTable : public SameThread<Derived> {
 public:
  explicit SignalTable(const Setup& /*setup*/) {}

  template <typename Receiver>
  void subscribe(const Interest& interest, Receiver& receiver) {
    Signal& signal =
        interest.stream.has_value() ? by_stream_[*interest.stream] : by_type_[interest.type];
    signal.connect([&receiver](const Event& event) { receiver.take(event.content); });
  }
  void deliver(const Event& event) {
    by_type_[event.topic.type](event);
    if (by_stream_.empty()) {
      return;
    }
    if (const auto found = by_stream_.find(event.topic.stream); found != by_stream_.end()) {
      found->second(event);
    }
  }

 private:
  std::array<Signal, kMostTypes> by_type_;
  std::unordered_map<std::uint64_t, Signal> by_stream_;
};

}  // namespace peers
