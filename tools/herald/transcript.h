// The subscriber that writes a stream down.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "herald/bus.h"
#include "herald/event.h"
#include "herald/event_type.h"
#include "tally.h"
#include "text_digest.h"
#include "text_output.h"

namespace herald::cli {

/// What any subscriber adds to its tally for an event.
[[nodiscard]] inline std::uint64_t word_of(const Event& event) noexcept {
  return event.is(kToken) ? word_of(event.text()) : event.type_index();
}

/// Gives the text of the events to an output, or each event as a line of JSON, and keeps what the
/// other subscribers are compared with.
/// Threads: take by the dispatching thread; delivered_bytes by any; the rest after the bus.
class Transcript {
 public:
  enum class Form : std::uint8_t { kText, kEventLines };

  Transcript(TextOutput& output, Form form) : output_(output), form_(form) {}

  /// The callback for batches: one hand-over to the output each.
  void take(const Bus& bus, std::span<const Event> events);

  /// Of text, so far.
  [[nodiscard]] std::uint64_t delivered_bytes() const noexcept {
    return delivered_bytes_.load(std::memory_order_relaxed);  // relaxed: a statistic only
  }
  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }
  [[nodiscard]] const TextDigest& text() const noexcept { return text_; }
  [[nodiscard]] bool ends_with_line_end() const noexcept { return last_byte_ == '\n'; }

  /// The terminal event: one of the two, if ends() is 1.
  [[nodiscard]] std::uint64_t ends() const noexcept { return ends_; }
  [[nodiscard]] const std::optional<Complete>& complete() const noexcept { return complete_; }
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

 private:
  void note(const Event& event);

  TextOutput& output_;
  Form form_;
  std::string lines_;
  std::atomic<std::uint64_t> delivered_bytes_{0};
  Tally tally_;
  TextDigest text_;
  char last_byte_ = '\n';
  std::uint64_t ends_ = 0;
  std::optional<Complete> complete_;
  std::optional<Error> error_;
};

}  // namespace herald::cli
