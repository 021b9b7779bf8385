#include "text_output.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string>

namespace herald::cli {
namespace {

constexpr int kNoRoomMs = 10;  // between tries of a file that said there was room

/// A write to a terminal waits until all is taken, also when poll() says that there is room. Not to
/// wait is a flag of the open file, which the shell and its other programs share: so another one.
int open_again_if_terminal(int file) {
  return isatty(file) == 1 ? open(("/proc/self/fd/" + std::to_string(file)).c_str(),
                                  O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                           : -1;
}

}  // namespace

TextOutput::TextOutput(int file)
    : file_(file), terminal_(open_again_if_terminal(file)), thread_([this] { work(); }) {}

TextOutput::~TextOutput() {
  {
    const std::scoped_lock lock(mutex_);
    ending_.store(true, std::memory_order_relaxed);  // relaxed: the lock orders it
  }
  changed_.notify_all();
  thread_.join();
  if (terminal_ >= 0) {
    close(terminal_);
  }
}

// Relaxed, here and below: the counts and the error are statistics that publish nothing.
void TextOutput::append(std::string_view text) {
  if (text.empty() || error() != 0) {
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    pending_.append(text);
    appended_bytes_.fetch_add(text.size(), std::memory_order_relaxed);
  }
  changed_.notify_all();
}

void TextOutput::look_at_reader() noexcept {
  pollfd looking{file_, 0, 0};
  if (poll(&looking, 1, 0) > 0 && (looking.revents & (POLLERR | POLLHUP)) != 0) {
    fail(EPIPE);
    changed_.notify_all();
  }
}

// The first error stays. Relaxed: see above.
void TextOutput::fail(int error) noexcept {
  int none = 0;
  error_.compare_exchange_strong(none, error, std::memory_order_relaxed);
}

std::uint64_t TextOutput::unwritten_bytes() const noexcept {
  const std::uint64_t written = written_bytes();  // first, so that it is not the greater one
  return error() != 0 ? 0 : appended_bytes_.load(std::memory_order_relaxed) - written;
}

int TextOutput::error() const noexcept { return error_.load(std::memory_order_relaxed); }

std::uint64_t TextOutput::written_bytes() const noexcept {
  return written_bytes_.load(std::memory_order_relaxed);
}

bool TextOutput::settle(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience,
                           [this] { return error() != 0 || (pending_.empty() && !writing_); });
}

void TextOutput::work() {
  pthread_setname_np(pthread_self(), "herald-output");
  std::string text;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock,
                  [this] { return ending_.load(std::memory_order_relaxed) || !pending_.empty(); });
    if (ending_.load(std::memory_order_relaxed)) {
      return;
    }
    text.clear();
    text.swap(pending_);
    writing_ = true;
    lock.unlock();
    const bool written = write_all(text);
    lock.lock();
    writing_ = false;
    changed_.notify_all();
    if (!written) {
      return;
    }
  }
}

/// False if the text could not be written, or need not be any more.
bool TextOutput::write_all(std::string_view text) {
  const int file = terminal_ >= 0 ? terminal_ : file_;
  while (!text.empty()) {
    if (!ready()) {
      return false;
    }
    // A pipe that is ready takes this much without making anyone wait.
    const ssize_t count = ::write(file, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
      written_bytes_.fetch_add(static_cast<std::uint64_t>(count), std::memory_order_relaxed);
    } else if (errno == EAGAIN) {
      poll(nullptr, 0, kNoRoomMs);  // A terminal with room for a byte may have none for a line end.
    } else if (errno != EINTR) {
      fail(errno);
      return false;
    }
  }
  return true;
}

/// Waits until the file takes something, or would say why not. False: it is over before.
bool TextOutput::ready() {
  constexpr int kLookMs = 50;
  pollfd waiting{file_, POLLOUT, 0};
  while (!ending_.load(std::memory_order_relaxed)) {
    if (poll(&waiting, 1, kLookMs) > 0) {
      return true;
    }
  }
  return false;
}

}  // namespace herald::cli
