// A subscriber that is slow: how it takes part without holding up anybody.
#pragma once

#include <herald/herald.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace assistant {

/// Writes every event of a bus as a line of JSON, at its own pace.
///
/// A callback must not wait for a slow disk. So this one only copies the events (64 bytes each, the
/// payload is shared) into a bounded queue; a thread of the archive does the slow part. What does
/// not fit is counted and missing in the archive, nowhere else.
/// Threads: the callback on the dispatching thread, the writer on its own, all else on the owner's.
class Archive {
 public:
  Archive(herald::Bus& bus, std::size_t capacity_events);
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  ~Archive();

  /// The disk is there: only from now on lines are written. As slow as can be.
  void begin();
  /// Takes no more events; returns when those that it has are written.
  void finish();

  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::uint64_t overflowed() const;

  // After finish().
  [[nodiscard]] const std::string& lines() const { return lines_; }
  [[nodiscard]] std::uint64_t last_sequence() const { return last_sequence_; }
  [[nodiscard]] bool dense() const { return dense_; }

 private:
  void keep(std::span<const herald::Event> events);
  void write_all();
  void write(const herald::Event& event);

  herald::Bus& bus_;
  const std::size_t capacity_events_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<herald::Event> queue_;  // under the mutex, as the next three
  std::uint64_t overflowed_ = 0;
  bool begun_ = false;
  bool finished_ = false;

  // The writer's.
  std::string lines_;
  std::uint64_t last_sequence_ = 0;
  bool dense_ = true;  // no sequence was left out

  herald::Subscription subscription_;
  std::thread writer_;
};

}  // namespace assistant
