// An event that tells on whoever loses, repeats, reorders or tears it.
//
// A publisher numbers its events by acceptance: an event that was refused is offered again under
// the same number. So whatever the policy, a receiver must see 0, 1, 2, ... of each publisher, and
// as many as were accepted: a number that comes too early means that one before it was lost or
// overtaken; one that comes too late was repeated, overtaken, or refused and yet delivered.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "herald/herald.h"
#include "support/stress_run.h"

namespace herald::stress {

/// 32 bytes: the whole inline payload.
struct Stamp {
  std::uint64_t publisher = 0;
  std::uint64_t number = 0;
  std::uint64_t salt = 0;
  std::uint64_t checksum = 0;

  [[nodiscard]] static std::uint64_t sum(const Stamp& stamp) noexcept;
  [[nodiscard]] bool whole() const noexcept { return checksum == sum(*this); }
};

[[nodiscard]] Stamp make_stamp(std::uint64_t publisher, std::uint64_t number,
                               Random& random) noexcept;

/// What publishers were told, by kind of answer.
struct Answers {
  std::uint64_t attempts = 0;
  std::uint64_t accepted = 0;
  std::uint64_t dropped = 0;
  std::uint64_t full = 0;
  std::uint64_t closed = 0;
  std::uint64_t rejected = 0;

  /// `events` of them met `result`.
  void add(PublishResult result, std::uint64_t events) noexcept;
  [[nodiscard]] bool equals(const PublisherStats& row) const noexcept;
};

/// Publishes stamps through one handle. Threads: one at a time; accepted() may be read by any.
class StampPublisher {
 public:
  static constexpr std::size_t kMaxBatch = 100;

  StampPublisher(Publisher handle, EventType<Stamp> type, std::uint64_t id, Random random) noexcept
      : handle_(std::move(handle)), type_(type), id_(id), random_(random) {}

  /// One call of a random kind: publish, try_publish or publish_batch.
  PublishResult step();
  PublishResult publish();
  PublishResult try_publish();
  PublishResult publish_batch(std::size_t count);
  void close() noexcept { handle_.close(); }

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const Answers& answers() const noexcept { return answers_; }
  [[nodiscard]] Random& random() noexcept { return random_; }

 private:
  PublishResult note(PublishResult result, std::size_t accepted, std::size_t events) noexcept;

  Publisher handle_;
  EventType<Stamp> type_;
  std::uint64_t id_;
  Random random_;
  Answers answers_;
  std::array<Stamp, kMaxBatch> batch_;
};

/// Checks what comes. receive() on the dispatching thread; the rest on any.
class StampCheck {
 public:
  explicit StampCheck(std::size_t publishers) : received_(publishers) {}

  void receive(const Stamp& stamp) noexcept;

  [[nodiscard]] std::uint64_t received(std::size_t publisher) const noexcept {
    return received_[publisher].load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t total() const noexcept;
  /// Fails the test for each kind of forbidden outcome.
  void expect_flawless() const;

 private:
  std::vector<std::atomic<std::uint64_t>> received_;  // by publisher: the next number
  std::atomic<std::uint64_t> torn_{0};
  std::atomic<std::uint64_t> early_{0};
  std::atomic<std::uint64_t> late_{0};
};

}  // namespace herald::stress
