// Standard output, written by a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace herald::cli {

/// Writes what it is given, in order, as soon as the file takes it: what comes while a write is
/// under way goes out with the next one, so that a slow text costs a system call a token and a fast
/// one far fewer.
///
/// Threads: append by the dispatching thread, which never waits for the file; the rest by any.
/// Bounds: none of its own. Whoever feeds it looks at unwritten_bytes().
class TextOutput {
 public:
  /// `file` is a descriptor, stays open, and keeps its flags.
  explicit TextOutput(int file);
  TextOutput(const TextOutput&) = delete;
  TextOutput& operator=(const TextOutput&) = delete;
  /// Drops what is not written yet, also when nobody takes it.
  ~TextOutput();

  void append(std::string_view text);

  /// Looks whether the reader of a pipe, a socket or a terminal has gone while nothing was written:
  /// then error() is EPIPE. Costs a system call.
  void look_at_reader() noexcept;

  /// Appended and not written yet; 0 once writing has failed.
  [[nodiscard]] std::uint64_t unwritten_bytes() const noexcept;
  /// Why writing failed, as errno has it; from then on nothing is written. 0: it has not.
  [[nodiscard]] int error() const noexcept;
  [[nodiscard]] std::uint64_t written_bytes() const noexcept;

  /// Waits until all is written, or writing has failed: true. False: `patience` has run out.
  [[nodiscard]] bool settle(std::chrono::milliseconds patience);

 private:
  void work();
  [[nodiscard]] bool write_all(std::string_view text);
  [[nodiscard]] bool ready();
  void fail(int error) noexcept;

  int file_;
  int terminal_;  // the same terminal, opened so that writing never waits; -1: it is none
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string pending_;   // guarded by mutex_
  bool writing_ = false;  // guarded
  std::atomic<bool> ending_{false};
  std::atomic<int> error_{0};
  std::atomic<std::uint64_t> appended_bytes_{0};
  std::atomic<std::uint64_t> written_bytes_{0};
  std::thread thread_;  // last: it uses everything above
};

}  // namespace herald::cli
