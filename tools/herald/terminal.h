// What may be shown where.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace herald::cli {

/// Whether to write colors there: a terminal that can, and NO_COLOR is not set.
[[nodiscard]] bool takes_color(std::FILE* stream);

enum class Color : char { kRed = '1', kGreen = '2', kYellow = '3' };

/// The text, in a color if that is wanted.
[[nodiscard]] std::string paint(std::string_view text, Color color, bool wanted);

/// The text with a blank for each control character and U+FFFD for what is no UTF-8, so that what
/// came from elsewhere, as names of files do, stays one line, commands no terminal and may stand in
/// JSON.
[[nodiscard]] std::string one_line(std::string_view text);

/// Writes to standard output, at once. False if nobody can read it any more (a closed pipe, a full
/// disk); from then on nothing is written.
bool print(std::string_view text);

/// Whether print() has failed, and why; 0 if not.
[[nodiscard]] int print_error() noexcept;

/// One line on standard error that is written over: how far the work is. Only on a terminal.
/// Allocates nothing.
class ProgressLine {
 public:
  ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  [[gnu::format(printf, 2, 3)]] void show(const char* format, ...) noexcept;
  void clear() noexcept;

 private:
  bool enabled_;
  bool shown_ = false;
};

}  // namespace herald::cli
