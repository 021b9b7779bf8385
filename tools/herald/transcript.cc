#include "transcript.h"

#include "event_line.h"

namespace herald::cli {

void Transcript::take(const Bus& bus, std::span<const Event> events) {
  lines_.clear();
  for (const Event& event : events) {
    note(event);
    if (form_ == Form::kEventLines) {
      append_event_line(bus, event, lines_);
    } else {
      lines_ += event.text();
    }
  }
  output_.append(lines_);
}

void Transcript::note(const Event& event) {
  tally_.add(word_of(event));
  if (const std::string_view text = event.text(); !text.empty()) {
    text_.add(text);
    last_byte_ = text.back();
    // Relaxed: a statistic only, with one writer.
    delivered_bytes_.store(text_.bytes(), std::memory_order_relaxed);
  } else if (const Complete* complete = event.get<Complete>(); complete != nullptr) {
    complete_ = *complete;
    ++ends_;
  } else if (const Error* error = event.get<Error>(); error != nullptr) {
    error_ = *error;
    ++ends_;
  }
}

}  // namespace herald::cli
