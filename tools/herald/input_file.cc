#include "input_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "quantity.h"
#include "terminal.h"

namespace herald::cli {
namespace {

absl::Status cannot_read(const std::string& title, std::string_view reason) {
  return absl::UnavailableError("cannot read " + one_line(title) + ": " + std::string(reason));
}

/// 0 for what is not a regular file.
std::uint64_t regular_size(int file) {
  struct stat about = {};
  const bool regular = fstat(file, &about) == 0 && S_ISREG(about.st_mode);
  return regular ? static_cast<std::uint64_t>(about.st_size) : 0;
}

}  // namespace

absl::StatusOr<InputFile> InputFile::open(const std::string& name) {
  if (name == "-") {
    InputFile input(STDIN_FILENO, "standard input");
    const absl::Status looked = input.look();
    return looked.ok() ? absl::StatusOr<InputFile>(std::move(input)) : looked;
  }
  // Without waiting for what the file waits for: a pipe with a name that nobody writes to yet has
  // nothing to read, and read() tells that in time.
  const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return cannot_read(name, std::strerror(errno));
  }
  InputFile input(file, name);
  const absl::Status looked = input.look();
  return looked.ok() ? absl::StatusOr<InputFile>(std::move(input)) : looked;
}

InputFile::InputFile(int file, std::string title) noexcept
    : file_(file), title_(std::move(title)), buffer_(kBufferBytes) {}

InputFile::InputFile(InputFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      title_(std::move(other.title_)),
      buffer_(std::move(other.buffer_)),
      size_bytes_(other.size_bytes_),
      read_bytes_(other.read_bytes_),
      at_end_(other.at_end_),
      status_(std::move(other.status_)) {}

InputFile::~InputFile() {
  if (file_ > STDIN_FILENO) {
    ::close(file_);
  }
}

/// What can be known before reading.
absl::Status InputFile::look() {
  struct stat about = {};
  if (fstat(file_, &about) != 0) {
    return cannot_read(title_, std::strerror(errno));
  }
  if (S_ISDIR(about.st_mode)) {
    return cannot_read(title_, std::strerror(EISDIR));
  }
  size_bytes_ = regular_size(file_);
  return absl::OkStatus();
}

std::string_view InputFile::read(std::chrono::milliseconds patience) {
  pollfd waiting{file_, POLLIN, 0};
  if (at_end_ || poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) {
    return {};  // also after a signal: whoever waits may want to look what it was
  }
  const ssize_t count = ::read(file_, buffer_.data(), buffer_.size());
  if (count > 0) {
    read_bytes_ += static_cast<std::uint64_t>(count);
    return {buffer_.data(), static_cast<std::size_t>(count)};
  }
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
    return {};
  }
  at_end_ = true;
  if (count < 0) {
    status_ = cannot_read(title_, std::strerror(errno));
  } else if (read_bytes_ < size_bytes_ && regular_size(file_) < size_bytes_) {
    status_ = cannot_read(title_, "it has become shorter meanwhile, and ended after " +
                                      format_count(read_bytes_) + " of " +
                                      format_count(size_bytes_) + " bytes");
  }
  return {};
}

}  // namespace herald::cli
