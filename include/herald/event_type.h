#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "herald/payload_id.h"

namespace herald {

class Bus;

/// The payload type of events that carry UTF-8 text; they are published and read as
/// std::string_view. Up to 32 bytes are kept inside the event, more in one shared block.
struct Text {};

/// Why an answer ended.
enum class FinishReason : std::uint8_t { kStop, kLength, kToolCalls, kContentFilter, kCancelled };

/// Tokens counted by the producer; 0 if it does not count.
struct Usage {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t completion_tokens = 0;
};

/// Durations measured by the producer, in nanoseconds; 0 if it does not measure.
struct Timing {
  std::int64_t first_token_ns = 0;  ///< From the request to the first token (TTFT).
  std::int64_t total_ns = 0;        ///< From the request to the end.
};

/// Payload of kComplete: a stream ended well. Kept inside the event.
struct Complete {
  FinishReason finish_reason = FinishReason::kStop;
  Usage usage;
  Timing timing;
};

/// Payload of kError: a stream ended, or a component failed. Kept in a shared block.
struct Error {
  std::string code;     ///< A short stable word, for machines.
  std::string message;  ///< A sentence, for people.
  bool retryable = false;
};

enum class InfoLevel : std::uint8_t { kDebug, kInfo, kWarning };

/// Payload of kInfo: a status message. Kept in a shared block.
struct Info {
  Info(std::string text) : message(std::move(text)) {}
  Info(std::string_view text) : message(text) {}
  Info(const char* text) : message(text) {}
  Info(InfoLevel at, std::string_view text) : level(at), message(text) {}

  InfoLevel level = InfoLevel::kInfo;
  std::string message;
};

/// Payload of kMetrics: what is known by now; absent fields are unchanged, and with none at all
/// nothing is known any more. Kept inside the event.
struct Metrics {
  std::optional<float> first_token_ms = {};     ///< Time to first token, in milliseconds.
  std::optional<float> tokens_per_second = {};  ///< Generation rate.
  std::optional<float> inter_token_ms = {};     ///< Time between two tokens, in milliseconds.
  std::optional<float> progress = {};           ///< 0 to 1.
};

namespace detail {

template <>
[[nodiscard]] constexpr PayloadId payload_id<Text>() noexcept {
  return 1;
}
template <>
[[nodiscard]] constexpr PayloadId payload_id<Complete>() noexcept {
  return 2;
}
template <>
[[nodiscard]] constexpr PayloadId payload_id<Error>() noexcept {
  return 3;
}
template <>
[[nodiscard]] constexpr PayloadId payload_id<Info>() noexcept {
  return 4;
}
template <>
[[nodiscard]] constexpr PayloadId payload_id<Metrics>() noexcept {
  return 5;
}

inline constexpr std::size_t kInlineBytes = 32;

/// Whether payloads of type T live inside the event.
template <typename T>
inline constexpr bool kIsInline = std::is_trivially_copyable_v<T> && sizeof(T) <= kInlineBytes &&
                                  alignof(T) <= kInlineBytes;

/// How a payload of type T is handed to publish and to typed callbacks.
template <typename T>
struct PayloadArgument {
  using Publish = std::conditional_t<kIsInline<T>, const T&, T>;
  using Receive = const T&;
  using Element = T;
};
template <>
struct PayloadArgument<Text> {
  using Publish = std::string_view;
  using Receive = std::string_view;
  using Element = std::string_view;
};

struct KeyAccess;

}  // namespace detail

/// How publish() takes a payload of type T: text as std::string_view, small trivially copyable
/// types by reference, all others by value (they are moved into the event).
template <typename T>
using PublishArgument = typename detail::PayloadArgument<T>::Publish;

/// How publish_batch() takes them: as elements of a span, which are copied.
template <typename T>
using BatchElement = typename detail::PayloadArgument<T>::Element;

/// How typed callbacks get a payload of type T: text as std::string_view, else const T&.
template <typename T>
using ReceiveArgument = typename detail::PayloadArgument<T>::Receive;

/// A key to one type of event of one bus: a bit index and the payload type. Built-in keys (kToken
/// and so on) fit every bus; the others come from Bus::define and fit that bus only.
/// A small value: copy it freely, from any thread. It owns nothing and may outlive its bus.
template <typename T>
class EventType {
 public:
  using Payload = T;

  /// The bit index, 0 to 63, which is also the index of the type in every report.
  [[nodiscard]] constexpr unsigned index() const noexcept { return index_; }

  friend constexpr bool operator==(const EventType&, const EventType&) noexcept = default;

 private:
  friend struct detail::KeyAccess;

  constexpr EventType(std::uint32_t bus_id, unsigned index) noexcept
      : bus_id_(bus_id), index_(static_cast<std::uint8_t>(index)) {}

  std::uint32_t bus_id_;  // 0: built in, fits every bus
  std::uint8_t index_;
};

namespace detail {

/// What the library itself does with keys.
struct KeyAccess {
  template <typename T>
  [[nodiscard]] static constexpr EventType<T> make(std::uint32_t bus_id, unsigned index) noexcept {
    return EventType<T>(bus_id, index);
  }
  template <typename T>
  [[nodiscard]] static constexpr std::uint32_t bus_id(const EventType<T>& type) noexcept {
    return type.bus_id_;
  }
  /// The type entry of an event: payload id in the upper 24 bits, type index in the lower 8.
  template <typename T>
  [[nodiscard]] static std::uint32_t entry(const EventType<T>& type) noexcept {
    return (payload_id<T>() << 8U) | type.index_;
  }
};

}  // namespace detail

inline constexpr EventType<Text> kToken = detail::KeyAccess::make<Text>(0, 0);
inline constexpr EventType<Complete> kComplete =
    detail::KeyAccess::make<Complete>(0, 1);  ///< Terminal: ends a stream.
inline constexpr EventType<Error> kError =
    detail::KeyAccess::make<Error>(0, 2);  ///< Terminal: ends a stream.
inline constexpr EventType<Info> kInfo = detail::KeyAccess::make<Info>(0, 3);
inline constexpr EventType<Metrics> kMetrics = detail::KeyAccess::make<Metrics>(0, 4);

/// A set of event types. A small value. It remembers whose keys it was made of, so that a bus can
/// refuse those of another bus; one made of bits is any bus's.
class TypeMask {
 public:
  constexpr TypeMask() noexcept = default;  ///< The empty set.

  template <typename T>
  constexpr TypeMask(const EventType<T>& type) noexcept
      : bits_(std::uint64_t{1} << type.index()), bus_id_(detail::KeyAccess::bus_id(type)) {}

  /// Every type, also those defined later.
  [[nodiscard]] static constexpr TypeMask all() noexcept { return from_bits(~std::uint64_t{0}); }
  [[nodiscard]] static constexpr TypeMask from_bits(std::uint64_t bits) noexcept {
    TypeMask mask;
    mask.bits_ = bits;
    return mask;
  }

  [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  [[nodiscard]] constexpr bool contains(unsigned index) const noexcept {
    return ((bits_ >> index) & 1U) != 0;
  }

  /// Whether it fits the bus: made of built-in keys, of bits, and of keys of that bus only.
  [[nodiscard]] constexpr bool fits(std::uint32_t bus_id) const noexcept {
    return bus_id_ == 0 || bus_id_ == bus_id;
  }

  friend constexpr TypeMask operator|(TypeMask a, TypeMask b) noexcept {
    return TypeMask(a.bits_ | b.bits_, common(a.bus_id_, b.bus_id_));
  }
  friend constexpr TypeMask operator&(TypeMask a, TypeMask b) noexcept {
    return TypeMask(a.bits_ & b.bits_, common(a.bus_id_, b.bus_id_));
  }
  friend constexpr TypeMask operator~(TypeMask a) noexcept { return TypeMask(~a.bits_, a.bus_id_); }
  friend constexpr bool operator==(TypeMask a, TypeMask b) noexcept { return a.bits_ == b.bits_; }

 private:
  static constexpr std::uint32_t kNoBus = UINT32_MAX;  // keys of different buses

  constexpr TypeMask(std::uint64_t bits, std::uint32_t bus_id) noexcept
      : bits_(bits), bus_id_(bus_id) {}
  [[nodiscard]] static constexpr std::uint32_t common(std::uint32_t a, std::uint32_t b) noexcept {
    return a == 0 || a == b ? b : (b == 0 ? a : kNoBus);
  }

  std::uint64_t bits_ = 0;
  std::uint32_t bus_id_ = 0;
};

template <typename A, typename B>
constexpr TypeMask operator|(const EventType<A>& a, const EventType<B>& b) noexcept {
  return TypeMask(a) | TypeMask(b);
}

}  // namespace herald
