// The bytes that the program is given.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace herald::cli {

/// A file, a pipe, a terminal.
/// Ownership: closes what it has opened; movable.
class InputFile {
 public:
  /// `name` "-" is standard input. Does not wait: a named pipe need not have a writer yet. Errors:
  /// Unavailable, with the name and the reason.
  static absl::StatusOr<InputFile> open(const std::string& name);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  /// The next bytes, valid until the next call. Empty: none came within `patience`, or at_end().
  [[nodiscard]] std::string_view read(std::chrono::milliseconds patience);
  /// All was read, or status() says why not.
  [[nodiscard]] bool at_end() const noexcept { return at_end_; }
  /// Unavailable: reading failed, or the file has become shorter meanwhile.
  [[nodiscard]] const absl::Status& status() const noexcept { return status_; }

  [[nodiscard]] std::uint64_t read_bytes() const noexcept { return read_bytes_; }

  /// As people know it: its name, or "standard input".
  [[nodiscard]] const std::string& title() const noexcept { return title_; }

 private:
  static constexpr std::size_t kBufferBytes = 65'536;

  InputFile(int file, std::string title) noexcept;

  absl::Status look();

  int file_;
  std::string title_;
  std::vector<char> buffer_;
  std::uint64_t size_bytes_ = 0;  // of a regular file, when it was opened
  std::uint64_t read_bytes_ = 0;
  bool at_end_ = false;
  absl::Status status_;
};

}  // namespace herald::cli
