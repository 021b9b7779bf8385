// What was said, as a listener got it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "herald/bus.h"
#include "herald/event.h"
#include "herald/subscription.h"
#include "real_time_factor.h"

namespace inference_loop {

/// One ended utterance.
struct TranscriptLine {
  herald::StreamId stream = 0;
  std::string end;  ///< A finish reason, or an error's code.
  std::string text;
  herald::Usage usage;
  float first_token_ms = 0;
  float real_time_factor = 0;
};

/// Subscribes to all streams and keeps the utterances that have ended, in the order of their ends.
/// With a file, each is written to it at once: stream, end and text, with tabs between them.
/// Threads: the dispatching thread writes; lines() and status() once the bus is at rest.
class Transcript {
 public:
  /// `path` empty: no file. Errors: Unavailable, with its name.
  static absl::StatusOr<std::unique_ptr<Transcript>> open(
      herald::Bus& bus, herald::EventType<RealTimeFactor> real_time_factor,
      const std::string& path);

  [[nodiscard]] const std::vector<TranscriptLine>& lines() const noexcept { return lines_; }
  /// Unavailable: a line could not be written.
  [[nodiscard]] const absl::Status& status() const noexcept { return status_; }

 private:
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

  Transcript(std::string path, File file) noexcept;
  void take(const herald::Event& event, herald::EventType<RealTimeFactor> real_time_factor);
  void finish(herald::StreamId stream, std::string_view end);

  std::string path_;
  File file_;
  absl::Status status_;
  std::map<herald::StreamId, TranscriptLine> open_;
  std::vector<TranscriptLine> lines_;
  herald::Subscription events_;
};

}  // namespace inference_loop
