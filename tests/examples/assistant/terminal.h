// The user interface of the assistant, on a terminal.
#pragma once

#include <herald/herald.h>

#include <array>
#include <iosfwd>
#include <string_view>
#include <vector>

#include "assistant/conversation.h"

namespace assistant {

/// Shows text as it comes, status lines with progress, error notices, and at the end of an answer
/// its metrics. Stops the story when the user has enough of it.
/// Threads: made and destroyed by one; all else happens in callbacks, which a bus runs one at a
///   time, so that there is nothing to lock. What it writes to must not block for long: a callback
///   delays all that come after it. Where it may, do as Archive does.
class Terminal {
 public:
  Terminal(herald::Bus& bus, const herald::EventType<Step>& step, std::ostream& screen);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

 private:
  using StreamId = herald::StreamId;

  void show_text(std::string_view text, StreamId stream);
  void show_step(const Step& step, StreamId stream);
  void show_info(const herald::Info& info, StreamId stream);
  void show_metrics(const herald::Metrics& metrics, StreamId stream);
  void show_error(const herald::Error& error, StreamId stream);
  void show_complete(const herald::Complete& complete, StreamId stream);
  [[nodiscard]] std::ostream& line(StreamId stream);

  herald::Bus& bus_;
  std::ostream& screen_;
  StreamId speaker_ = kNone;  // whose text the line is that is not ended yet
  int verses_ = 0;
  std::array<herald::Metrics, kStreamNames.size()> known_ = {};
  // Last, so that no callback finds the rest destroyed.
  std::vector<herald::Subscription> subscriptions_;
};

}  // namespace assistant
