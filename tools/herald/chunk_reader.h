// A streamed chat completion, as servers in OpenAI's style send it, into its text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "herald/event_type.h"
#include "line_splitter.h"
#include "loose_json.h"

namespace herald::cli {

/// Reads server-sent events whose every `data:` line is one JSON chunk, up to `data: [DONE]`, and
/// gives the content of the choice with index 0. Comments, blank lines and other fields say
/// nothing, nor does a chunk without choices, delta or content.
///
/// Errors end it; what was read before them stays valid:
///   `upstream`, or the code it brings: a chunk with an `error` instead of choices, or such an
///     object in place of all chunks, without `data:`, on one line or several (1 MiB at most).
///   `malformed`: a line that is too long (1 MiB) or no chunk; the message has its number.
///   `truncated`: the bytes end before [DONE], be it within a line.
///
/// Invariant: what comes out depends on the bytes alone, not on the pieces in which they come.
class ChunkReader {
 public:
  /// Takes bytes from the front of `bytes` until there is text, and returns it; empty if all were
  /// taken and there is none. Valid until the next call. It is UTF-8 as the source cut it: a
  /// character may come in two texts; what is ill-formed is still so, see LooseText.
  [[nodiscard]] std::string_view next(std::string_view& bytes);
  /// The end of the bytes: ends it, and returns the last text; empty if there is none left.
  [[nodiscard]] std::string_view finish();

  /// From then on all bytes are taken and mean nothing.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }
  /// As the source told; kStop and zeros before or without that.
  [[nodiscard]] FinishReason finish_reason() const noexcept { return finish_reason_; }
  [[nodiscard]] Usage usage() const noexcept { return usage_; }

 private:
  class Chunk;

  void take_line(std::string_view line);
  void keep_bare_line(std::string_view line);
  void take_bare_error();
  void take_chunk(std::string_view json);
  void fail(std::string_view code, std::string message);
  void fail_at_line(std::string_view what);

  LineSplitter lines_;
  LooseText text_;
  std::string content_;  // returned by the last call
  std::string bare_;     // lines that may be an error in place of a stream
  bool in_last_line_ = false;
  bool any_chunk_ = false;
  bool may_be_bare_ = true;
  bool ended_ = false;
  std::optional<Error> error_;
  FinishReason finish_reason_ = FinishReason::kStop;
  Usage usage_;
};

}  // namespace herald::cli
