// Buses, publishers and subscribers as unit tests want them: made in one line, or the test ends.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "herald/herald.h"

namespace herald::support {

/// A wait that ends a test only when something is wrong.
inline constexpr std::chrono::seconds kLong{60};

inline Bus thread_bus(BusOptions options = {}) { return Bus::create(std::move(options)).value(); }

/// A bus without a thread: nothing happens but in the test's own calls.
inline Bus manual_bus(BusOptions options = {}) {
  options.dispatch = DispatchMode::kManual;
  return thread_bus(std::move(options));
}

inline Publisher make_publisher(Bus& bus, PublisherOptions options = {}) {
  return bus.publisher(std::move(options)).value();
}

inline Publisher make_publisher(Bus& bus, std::size_t capacity_events) {
  return make_publisher(bus, PublisherOptions{.capacity_events = capacity_events});
}

using Texts = std::vector<std::string>;

/// A subscriber that keeps the text of each event.
inline auto collect(Texts& into) {
  return [&into](const Event& event) { into.emplace_back(event.text()); };
}

/// A subscriber that counts its calls.
inline auto count_in(std::size_t& calls) {
  return [&calls](const Event&) { ++calls; };
}

inline void publish_tokens(Publisher& publisher, std::initializer_list<std::string_view> texts,
                           const PublishOptions& options = {}) {
  for (const std::string_view text : texts) {
    ASSERT_EQ(publisher.publish(kToken, text, options), PublishResult::kAccepted);
  }
}

/// In manual mode.
inline void publish_and_pump(Bus& bus, std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) {
    ASSERT_EQ(bus.publish(kToken, text), PublishResult::kAccepted);
  }
  bus.pump();
}

/// The row of a publisher that is open. A bus has no two of one name in these tests.
inline PublisherStats row_of(const Bus& bus, std::string_view name) {
  for (const PublisherStats& row : bus.stats().publishers) {
    if (row.name == name) {
      return row;
    }
  }
  ADD_FAILURE() << "no publisher named " << name;
  return {};
}

/// The error that every refusal must be: of this kind, and with these words in its message.
inline void expect_refused(const absl::Status& status, absl::StatusCode code,
                           std::initializer_list<std::string_view> words) {
  EXPECT_EQ(status.code(), code) << status;
  const std::string message(status.message());
  for (const std::string_view word : words) {
    EXPECT_NE(message.find(word), std::string::npos) << '"' << word << "\" is not in: " << message;
  }
}

inline void expect_invalid(const absl::Status& status,
                           std::initializer_list<std::string_view> words) {
  expect_refused(status, absl::StatusCode::kInvalidArgument, words);
}

/// Gives way until `condition` holds; fails the test after kLong.
template <typename Condition>
[[nodiscard]] bool eventually(Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + kLong;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

/// Keeps the processor until the clock has moved on by `time`: work that takes at least so long.
inline void work_for(std::chrono::nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

}  // namespace herald::support
