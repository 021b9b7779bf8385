// Several publishers over a queue that takes only one: a ring each, polled in turn.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "event.h"

namespace peers {

/// Ring: made from a capacity; push, push_batch and pop_batch as in Queue, without the number.
template <typename Ring>
class PolledRings {
 public:
  static constexpr auto kName = Ring::kName;

  PolledRings(unsigned publishers, std::size_t capacity) {
    for (unsigned i = 0; i < publishers; ++i) {
      rings_.push_back(std::make_unique<Ring>(capacity));
    }
  }

  bool push(unsigned publisher, const Event& event) { return rings_[publisher]->push(event); }
  std::size_t push_batch(unsigned publisher, std::span<const Event> events) {
    return rings_[publisher]->push_batch(events);
  }
  std::size_t pop_batch(std::span<Event> room) {
    std::size_t count = 0;
    for (std::size_t tries = 0; count == 0 && tries < rings_.size(); ++tries) {
      count = rings_[next_]->pop_batch(room);
      next_ = next_ + 1 == rings_.size() ? 0 : next_ + 1;
    }
    return count;
  }

 private:
  std::vector<std::unique_ptr<Ring>> rings_;
  std::size_t next_ = 0;
};

}  // namespace peers
