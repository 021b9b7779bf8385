#pragma once

#include <cstddef>
#include <iterator>
#include <span>
#include <type_traits>

#include "herald/event.h"
#include "herald/event_type.h"

namespace herald {

namespace detail {
struct Callback;
}  // namespace detail

/// Events of one type that lie next to each other, seen as a range of their payloads (const T&, or
/// std::string_view for text): what a typed batch subscriber gets, never empty.
/// Ownership: a view, valid during the call; an element as long as its event.
/// Streams, sequences and times are in events(), in the same order.
/// Cost: reading an element does not look at the type of its event. One of up to 32 bytes lies in
/// it, a larger one is a pointer away; text looks where it lies.
template <typename T>
class Batch {
 public:
  class Iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = std::decay_t<ReceiveArgument<T>>;

    Iterator() = default;
    [[nodiscard]] ReceiveArgument<T> operator*() const noexcept {
      return detail::EventPayload::of<T>(*event_);
    }
    Iterator& operator++() noexcept {
      ++event_;
      return *this;
    }
    Iterator operator++(int) noexcept { return Iterator(event_++); }
    friend bool operator==(Iterator, Iterator) noexcept = default;

   private:
    friend class Batch;
    explicit Iterator(const Event* event) noexcept : event_(event) {}

    const Event* event_ = nullptr;
  };

  [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }
  /// Requires: index < size().
  [[nodiscard]] ReceiveArgument<T> operator[](std::size_t index) const noexcept {
    return detail::EventPayload::of<T>(events_[index]);
  }
  [[nodiscard]] Iterator begin() const noexcept { return Iterator(events_.data()); }
  [[nodiscard]] Iterator end() const noexcept { return Iterator(events_.data() + events_.size()); }
  [[nodiscard]] std::span<const Event> events() const noexcept { return events_; }

 private:
  friend struct detail::Callback;
  // Requires: each has a T.
  explicit Batch(std::span<const Event> events) noexcept : events_(events) {}

  std::span<const Event> events_;
};

}  // namespace herald
