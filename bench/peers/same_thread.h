// What systems that deliver inside publish() have in common: nothing to start, flush or stop.
#pragma once

#include <span>

#include "event.h"
#include "system.h"

namespace peers {

/// Derived has deliver(const Event&).
template <typename Derived>
class SameThread {
 public:
  static constexpr Abilities kAbilities{.own_thread = false, .publishers = 1};

  void start() const noexcept {}
  void publish(unsigned publisher, const Topic& topic, const Content& content) {
    static_cast<Derived*>(this)->deliver(Event{topic, publisher, 0, content});
  }
  void publish_batch(unsigned publisher, const Topic& topic, std::span<const Content> contents) {
    for (const Content& content : contents) {
      publish(publisher, topic, content);
    }
  }
  void flush(const Totals& /*totals*/) const noexcept {}
  void stop() const noexcept {}
};

}  // namespace peers
