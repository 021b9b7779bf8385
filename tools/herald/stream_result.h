// What one run of `herald stream` found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "herald/event_type.h"
#include "herald/latency_histogram.h"
#include "herald/stats.h"
#include "herald/token_stream.h"

namespace herald::cli {

struct StreamResult {
  std::string input;  ///< Its title.
  bool input_is_empty = false;
  std::size_t subscribers = 0;

  TokenStreamReport stream;          ///< As its producer saw it.
  std::optional<Complete> complete;  ///< How it ended, as its subscribers saw it:
  std::optional<Error> error;        ///< one of the two, unless its end was not delivered.

  std::uint64_t events_joined = 0;  ///< Tokens that went on in the event of one before.
  std::uint64_t events = 0;         ///< That every subscriber was to get.
  std::uint64_t deliveries = 0;
  std::uint64_t text_bytes = 0;  ///< Delivered to each.
  LatencyHistogram delivery;
  bool within_slo = false;
  StallStats stalls;

  bool interrupted = false;
  bool pipe_closed = false;         ///< By the reader of standard output.
  std::vector<std::string> faults;  ///< A line each: why not every byte was delivered.
  bool ends_with_line_end = true;   ///< The text.

  [[nodiscard]] bool every_byte_delivered() const noexcept {
    return faults.empty() && !interrupted && !pipe_closed;
  }
};

}  // namespace herald::cli
