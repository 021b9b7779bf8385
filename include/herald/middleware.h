#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "herald/event.h"
#include "herald/publisher.h"

namespace herald {

namespace core {
class MiddlewareChain;
}

/// What a middleware decides about the event it was given.
enum class Verdict : std::uint8_t {
  kPass,  ///< It goes on, with the changes made to it; without its payload it is dropped.
  kDrop,  ///< It ends here and is counted as dropped by this middleware.
  kHold,  ///< The middleware has moved it away (Event held = std::move(event)) and owes it, or one
          ///< in its place, to Emitter::resume; counted as held until then. What it left is lost.
};

struct MiddlewareOptions {
  std::string name = {};  ///< For reports. Default: empty.
  int priority = 0;       ///< Lower runs earlier; equal ones in the order of use(). Default 0.
};

/// What a middleware can do besides its verdict; valid only inside the call it was passed to.
/// Emitted and resumed events enter the chain behind the emitter and never visit it again.
/// Threads: the dispatching thread, inside the call.
class Emitter {
 public:
  /// Emits a new event just before, or just after, the current one; of several on one side, also of
  /// several middlewares, what was sent first comes first. False if the event is refused:
  /// payload too large, no memory, a key of another bus, or more than
  /// BusOptions::max_emitted_per_event for one event (counted as `emit_refused`).
  template <typename T>
  bool emit_before(const EventType<T>& type, std::type_identity_t<PublishArgument<T>> payload,
                   const PublishOptions& options = {}) noexcept {
    return emit<T>(type, static_cast<PublishArgument<T>&&>(payload), options, true);
  }
  template <typename T>
  bool emit_after(const EventType<T>& type, std::type_identity_t<PublishArgument<T>> payload,
                  const PublishOptions& options = {}) noexcept {
    return emit<T>(type, static_cast<PublishArgument<T>&&>(payload), options, false);
  }

  /// Sends on an event that this middleware had held, changed or not, before the current one. Its
  /// latency counts from its own publish time. False, and `event` is unchanged, if this middleware
  /// holds none, or for one event more than BusOptions::max_emitted_per_event have been sent.
  bool resume(Event&& event) noexcept;

  /// Asks for a call of `on_deadline(Emitter&)` at `time` or soon after, also when no event comes:
  /// the dispatcher wakes for it. Bus::drain calls it early, and gives up on what is then
  /// still held. One deadline a middleware: the last call counts; the callable must have such a
  /// member.
  void wake_at(std::chrono::steady_clock::time_point time) noexcept;

  /// Whether Bus::drain asks for what is held: send it now, be it due or not. From then on always,
  /// since the bus is closed. Never tell it from the time: a clock of your own may be behind.
  [[nodiscard]] bool draining() const noexcept;

  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

 private:
  friend class core::MiddlewareChain;
  Emitter(core::MiddlewareChain& chain, std::size_t position) noexcept;

  template <typename T>
  bool emit(const EventType<T>& type, PublishArgument<T> payload, const PublishOptions& options,
            bool before) noexcept {
    detail::EventSlot slot;
    if (!detail::make_slot<T>(slot, type, static_cast<PublishArgument<T>&&>(payload),
                              options.stream, bus_id_, resource_)) {
      return refuse();
    }
    return emit(slot, options, before);
  }
  bool emit(detail::EventSlot& slot, const PublishOptions& options, bool before) noexcept;
  bool refuse() noexcept;

  core::MiddlewareChain& chain_;
  std::size_t position_;
  std::pmr::memory_resource* resource_;
  std::uint32_t bus_id_;
};

}  // namespace herald
