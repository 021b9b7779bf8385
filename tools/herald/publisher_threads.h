// The threads that publish, on schedule.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "event_source.h"
#include "schedule.h"
#include "spin_wait.h"

namespace herald::cli {

/// One stretch of publishing, from the schedule's origin on.
struct Phase {
  std::uint64_t events = 0;  ///< Open loop: how many, of all publishers together.
  Instant end;               ///< Open loop: when to give up what is still due. Closed: when to end.
};

/// Threads that serve sources, several each if there are more sources than threads. In an open loop
/// each event is sent at its due time, or at once when that has passed: none is left out before
/// Phase::end. In a closed loop each follows the one before it.
///
/// Threads: those of its own live from construction to destruction: starting them is no part of a
///   phase. All functions are for one other thread; sources and schedule are at rest, and may be
///   read and changed, whenever no run() is under way.
class PublisherThreads {
 public:
  /// Thread i runs on processors[i % processors.size()]; anywhere if that is empty. Throws
  /// std::system_error if the system gives no thread.
  PublisherThreads(std::span<const std::unique_ptr<EventSource>> sources, std::size_t threads,
                   const Schedule& schedule, std::vector<unsigned> processors);
  PublisherThreads(const PublisherThreads&) = delete;
  PublisherThreads& operator=(const PublisherThreads&) = delete;
  ~PublisherThreads();

  /// Publishes a phase and returns when it is over, or interrupted. `tick` is called now and then.
  /// Allocates nothing.
  void run(const Phase& phase, const std::function<void()>& tick);

  /// Stalls that the threads noticed in the last phase.
  [[nodiscard]] std::vector<Interval> stalls() const;
  /// How many more there were than are kept.
  [[nodiscard]] std::uint64_t stalls_unrecorded() const noexcept;

 private:
  void work(std::size_t thread);
  void end() noexcept;
  void publish_open(std::size_t thread, SpinWait& wait) noexcept;
  void publish_closed(std::size_t thread) noexcept;

  std::span<const std::unique_ptr<EventSource>> sources_;
  const Schedule& schedule_;
  std::vector<unsigned> processors_;
  std::deque<SpinWait> waits_;  // by thread

  std::mutex mutex_;
  std::condition_variable changed_;
  Phase phase_;               // guarded by mutex_, and constant while threads are busy
  std::uint64_t phases_ = 0;  // guarded: begun so far
  std::size_t busy_ = 0;      // guarded: threads still at work
  bool ending_ = false;       // guarded

  std::vector<std::thread> threads_;  // last: they use everything above
};

}  // namespace herald::cli
