// Bytes into lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace herald::cli {

/// Lines end with LF, CRLF or CR, in whatever pieces the bytes come.
/// Bounds: a line of more than kMostBytes is the last: from then on nothing comes out.
class LineSplitter {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;

  /// Takes bytes from the front of `bytes` up to the end of a line, and returns the line without
  /// its end; nothing if all were taken and no line is complete. Valid until the next call.
  [[nodiscard]] std::optional<std::string_view> next(std::string_view& bytes);
  /// The end of the bytes: the line that has none, if there is one.
  [[nodiscard]] std::optional<std::string_view> finish();

  [[nodiscard]] bool too_long() const noexcept { return too_long_; }
  /// Of the last line returned, or of the one that is too long; the first is 1.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  std::string line_;
  std::uint64_t number_ = 0;
  bool complete_ = false;  // line_ has been returned
  bool after_cr_ = false;  // an LF now belongs to the line before
  bool too_long_ = false;
};

}  // namespace herald::cli
