// The subscribers: what each does with an event. All of them check it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "content.h"

namespace peers {

/// The steady clock, in nanoseconds. Cost: 28 ns.
inline std::int64_t now_ns() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

/// Counts and sums.
struct Subscriber {
  Tally tally;

  void take(const Content& content) noexcept { tally.add(content); }
};

/// The last subscriber of a latency run: it also reads the clock.
/// Bounds: samples as many as `room`; memory is touched beforehand.
class Watcher {
 public:
  explicit Watcher(std::size_t room) : samples_ns_(room) {}

  void take(const Content& content) noexcept {
    tally_.add(content);
    if (size_ < samples_ns_.size()) {
      samples_ns_[size_++] = now_ns() - content.due_ns;
    }
  }

  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }
  /// In order of delivery.
  [[nodiscard]] std::vector<std::int64_t> samples_ns() const {
    return {samples_ns_.begin(), samples_ns_.begin() + static_cast<std::ptrdiff_t>(size_)};
  }

 private:
  std::vector<std::int64_t> samples_ns_;
  std::size_t size_ = 0;
  Tally tally_;
};

/// How long the calling thread could have run while another had its processor, from the second
/// number of /proc/thread-self/schedstat; negative if this kernel does not tell. Cost: 3 us.
inline std::int64_t run_delay_ns() noexcept {
  const int file = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  char text[96];
  const ssize_t size = file >= 0 ? read(file, text, sizeof(text) - 1) : 0;
  if (file >= 0) {
    close(file);
  }
  if (size <= 0) {
    return -1;
  }
  text[size] = '\0';
  char* second = nullptr;
  static_cast<void>(std::strtoll(text, &second, 10));  // the time that it ran
  return std::strtoll(second, nullptr, 10);
}

/// One event's way through very many subscribers, as markers among them saw it.
/// Bounds: kMostMarks gaps are kept; more are not looked at.
class Passage {
 public:
  /// A marker, the first with `begins`: the gap before it counts from when the event was due.
  void mark(const Content& content, bool begins) noexcept {
    const std::int64_t now = now_ns();
    marks_ = begins ? 0 : marks_;
    if (marks_ < kMostMarks) {
      gaps_ns_[marks_++] = now - (begins ? content.due_ns : previous_ns_);
    }
    previous_ns_ = now;
    total_ns_ = now - content.due_ns;
  }
  /// Behind the last marker, on the same thread.
  void end() noexcept {
    const std::int64_t delay = run_delay_ns();
    const bool told = delay >= 0 && delay_ns_ >= 0;
    const std::int64_t by_others = delay - delay_ns_;
    delay_ns_ = delay;
    const auto last = gaps_ns_.begin() + static_cast<std::ptrdiff_t>(marks_);
    const auto middle = gaps_ns_.begin() + static_cast<std::ptrdiff_t>(marks_ / 2);
    std::nth_element(gaps_ns_.begin(), middle, last);
    const std::int64_t excess = *std::max_element(middle, last) - *middle;
    stalled_ = told && excess > kStallNs && by_others * 10 < excess;
  }

  [[nodiscard]] std::int64_t total_ns() const noexcept { return total_ns_; }
  /// Whether the machine stopped the delivering thread: one gap between two markers was over 50 us
  /// longer than their median, and other threads explain less than a tenth of that. (What they took
  /// is not excused, nor is a system that is slow all along.)
  [[nodiscard]] bool stalled() const noexcept { return stalled_; }

 private:
  static constexpr std::int64_t kStallNs = 50'000;
  static constexpr std::size_t kMostMarks = 1'024;

  std::array<std::int64_t, kMostMarks> gaps_ns_{};
  std::size_t marks_ = 0;
  std::int64_t previous_ns_ = 0;
  std::int64_t total_ns_ = 0;
  std::int64_t delay_ns_ = -1;
  bool stalled_ = false;
};

/// A subscriber that marks how far an event has come.
struct Marker {
  Passage* passage;
  bool begins;
  bool ends;
  Tally tally = {};

  void take(const Content& content) noexcept {
    tally.add(content);
    passage->mark(content, begins);
    if (ends) {
      passage->end();
    }
  }
};

}  // namespace peers
