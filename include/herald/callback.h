#pragma once

#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "herald/batch.h"
#include "herald/event.h"
#include "herald/event_type.h"

namespace herald {

class Emitter;
enum class Verdict : std::uint8_t;

namespace detail {

/// A callable erased to plain pointers: one indirect call, nothing between it and the user's code.
/// (absl::AnyInvocable in its place costs 20 % of a fan-out.) Move-only; null if the user's was.
template <typename Function>
struct Erased {
  Function* function = nullptr;
  std::unique_ptr<void, void (*)(void*)> object{nullptr, [](void*) {}};
};

template <typename F>
[[nodiscard]] bool is_null(const F& callable) noexcept {
  if constexpr (std::is_constructible_v<bool, const F&> &&
                std::is_constructible_v<F, std::nullptr_t>) {
    return !static_cast<bool>(callable);  // function pointers, std::function
  } else {
    return false;
  }
}

/// How a callable is kept: one that a pointer has room for, such as a lambda that captures `this`,
/// in the pointer itself, so that a call reads one cache line less. It is copied for the call: only
/// what can be called as const is kept so, as that need not remember anything.
template <typename F, typename... Arguments>
struct Kept {
  static constexpr bool kInPointer = sizeof(F) <= sizeof(void*) && alignof(F) <= alignof(void*) &&
                                     std::is_trivially_copyable_v<F> &&
                                     std::is_invocable_v<const F&, Arguments...>;

  template <typename From>
  [[nodiscard]] static std::unique_ptr<void, void (*)(void*)> keep(From&& callable) {
    if constexpr (kInPointer) {
      void* object = nullptr;
      ::new (static_cast<void*>(&object)) F(std::forward<From>(callable));
      return {object, [](void*) {}};
    } else {
      return {new F(std::forward<From>(callable)),
              [](void* object) { delete static_cast<F*>(object); }};
    }
  }
  /// `object` is the caller's own copy of the pointer.
  [[nodiscard]] static F& in(void*& object) noexcept {
    if constexpr (kInPointer) {
      return *std::launder(reinterpret_cast<F*>(&object));
    } else {
      return *static_cast<F*>(object);
    }
  }
};

/// Whether what Kept makes of an F, a value of its own and not const, may be called so.
template <typename F, typename Result, typename... Arguments>
inline constexpr bool kKeptTakes =
    std::conjunction_v<std::is_constructible<std::decay_t<F>, F>,
                       std::is_invocable_r<Result, std::decay_t<F>&, Arguments...>>;

template <typename F>
concept EventCallable = kKeptTakes<F, void, const Event&>;
template <typename F, typename T>
concept PayloadCallable = (kKeptTakes<F, void, ReceiveArgument<T>, const Event&>);
template <typename F>
concept BatchCallable = kKeptTakes<F, void, std::span<const Event>>;
template <typename F, typename T>
concept PayloadBatchCallable = (kKeptTakes<F, void, Batch<T>>);
template <typename F>
concept MiddlewareCallable = kKeptTakes<F, Verdict, Event&, Emitter&>;

using EventFunction = void(void* object, const Event& event);
using BatchFunction = void(void* object, std::span<const Event> events);

/// A subscriber: one of the two is set.
struct Callback {
  Erased<EventFunction> event;
  Erased<BatchFunction> batch;

  template <typename F>
  [[nodiscard]] static Callback of_event(F&& callable) {
    using Held = Kept<std::decay_t<F>, const Event&>;
    Callback made;
    if (!is_null<std::decay_t<F>>(callable)) {
      made.event = {[](void* object, const Event& delivered) { Held::in(object)(delivered); },
                    Held::keep(std::forward<F>(callable))};
    }
    return made;
  }

  template <typename T, typename F>
  [[nodiscard]] static Callback of_payload(F&& callable) {
    using Held = Kept<std::decay_t<F>, ReceiveArgument<T>, const Event&>;
    Callback made;
    if (!is_null<std::decay_t<F>>(callable)) {
      made.event = {[](void* object, const Event& delivered) {
                      Held::in(object)(EventPayload::of<T>(delivered), delivered);
                    },
                    Held::keep(std::forward<F>(callable))};
    }
    return made;
  }

  template <typename F>
  [[nodiscard]] static Callback of_batch(F&& callable) {
    using Held = Kept<std::decay_t<F>, std::span<const Event>>;
    Callback made;
    if (!is_null<std::decay_t<F>>(callable)) {
      made.batch = {[](void* object, std::span<const Event> events) { Held::in(object)(events); },
                    Held::keep(std::forward<F>(callable))};
    }
    return made;
  }

  template <typename T, typename F>
  [[nodiscard]] static Callback of_payload_batch(F&& callable) {
    using Held = Kept<std::decay_t<F>, Batch<T>>;
    Callback made;
    if (!is_null<std::decay_t<F>>(callable)) {
      made.batch = {
          [](void* object, std::span<const Event> events) { Held::in(object)(Batch<T>(events)); },
          Held::keep(std::forward<F>(callable))};
    }
    return made;
  }
};

using MiddlewareFunction = Verdict(void* object, Event& event, Emitter& emitter);
using DeadlineFunction = void(void* object, Emitter& emitter);

struct MiddlewareCallback {
  Erased<MiddlewareFunction> event;
  DeadlineFunction* deadline = nullptr;  // null: the callable has no on_deadline

  template <typename F>
  [[nodiscard]] static MiddlewareCallback of(F&& callable) {
    using Made = std::decay_t<F>;
    MiddlewareCallback made;
    if (is_null<Made>(callable)) {
      return made;
    }
    made.event = {[](void* object, Event& seen, Emitter& emitter) -> Verdict {
                    return (*static_cast<Made*>(object))(seen, emitter);
                  },
                  {new Made(std::forward<F>(callable)),
                   [](void* object) { delete static_cast<Made*>(object); }}};
    if constexpr (requires(Made & kept, Emitter & emitter) { kept.on_deadline(emitter); }) {
      made.deadline = [](void* object, Emitter& emitter) {
        static_cast<Made*>(object)->on_deadline(emitter);
      };
    }
    return made;
  }
};

/// A type's JSON encoder, erased.
struct Encoder {
  using Typed = void (*)();
  void (*call)(Typed typed, const Event& event, std::string& json) = nullptr;
  Typed typed = nullptr;
};

template <typename T>
[[nodiscard]] Encoder make_encoder(void (*typed)(ReceiveArgument<T>, std::string&)) noexcept {
  if (typed == nullptr) {
    return {};
  }
  return {[](Encoder::Typed erased, const Event& event, std::string& json) {
            auto* encode = reinterpret_cast<void (*)(ReceiveArgument<T>, std::string&)>(erased);
            if constexpr (std::is_same_v<T, Text>) {
              encode(event.text(), json);
            } else if (const T* payload = event.get<T>(); payload != nullptr) {
              encode(*payload, json);
            } else {
              json += "null";  // an event of another bus, or one whose payload was moved away
            }
          },
          reinterpret_cast<Encoder::Typed>(typed)};
}

}  // namespace detail
}  // namespace herald
