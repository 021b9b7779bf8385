// The job threads: physics, combat and sound, each with a publisher of its own.
#pragma once

#include <herald/herald.h>

#include <atomic>
#include <barrier>
#include <cstdint>
#include <thread>
#include <vector>

#include "game_loop/game_events.h"

namespace game {

class Jobs {
 public:
  static constexpr std::uint32_t kCollisions = 400;  ///< A frame.
  static constexpr std::uint32_t kDamages = 200;
  static constexpr std::uint32_t kSounds = 100;
  static constexpr std::uint32_t kEvents = kCollisions + kDamages + kSounds;

  Jobs(herald::Bus& bus, const Types& types);
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;
  ~Jobs();

  /// Lets each thread do its part of a frame. They publish from now on until end_frame() returns.
  void begin_frame();
  void end_frame();
  /// Events that found their lane full. A lane has room for 40 frames: some are refused only if the
  /// main thread falls far behind.
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  template <typename T, typename Make>
  void add(herald::Publisher publisher, herald::EventType<T> type, std::uint32_t a_frame,
           Make make);

  static constexpr int kThreads = 3;

  std::barrier<> begin_{kThreads + 1};
  std::barrier<> end_{kThreads + 1};
  bool over_ = false;  // written before begin_ lets the threads go
  std::atomic<std::uint64_t> refused_{0};
  std::vector<std::thread> threads_;
};

}  // namespace game
