// One publisher of a run, with the events it sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "herald/publisher.h"
#include "sample_log.h"
#include "stamp.h"
#include "workload.h"

namespace herald::cli {

/// Sends one event after another, each with the next number and in the next type.
/// Threads: one at a time. A cache line of its own, so that sources do not slow each other.
class alignas(64) EventSource {
 public:
  EventSource() = default;
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;
  virtual ~EventSource() = default;

  /// Sends the next event; the epoch as `due` stands for "now". It counts as sent if the bus took
  /// it, else as refused, and its number is used again.
  virtual void send(Instant due) noexcept = 0;

  /// The number of the last event that the bus took.
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 protected:
  std::uint64_t sent_ = 0;
  std::uint64_t refused_ = 0;
};

template <typename Payload>
class PayloadSource final : public EventSource {
 public:
  using Key = EventType<typename Payload::Type>;

  PayloadSource(Publisher publisher, std::uint32_t id, std::vector<Key> keys,
                std::size_t payload_bytes)
      : publisher_(std::move(publisher)),
        id_(id),
        type_((id + 1) % keys.size()),
        keys_(std::move(keys)),
        payload_(payload_bytes) {}

  void send(Instant due) noexcept override {
    const Stamp stamp = Stamp::make(id_, sent_ + 1);
    const PublishResult result =
        publisher_.publish(keys_[type_], payload_.fill(stamp), {.at = due});
    if (result != PublishResult::kAccepted) [[unlikely]] {
      ++refused_;
      return;
    }
    ++sent_;
    type_ = type_ + 1 == keys_.size() ? 0 : type_ + 1;
  }

 private:
  Publisher publisher_;
  std::uint32_t id_;
  std::size_t type_;  // of the next event: (id + number) % types, as the workload has it
  std::vector<Key> keys_;
  Payload payload_;
};

}  // namespace herald::cli
