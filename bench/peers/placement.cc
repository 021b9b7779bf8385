#include "placement.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "receivers.h"

namespace peers {
namespace {

constexpr std::int64_t kDurationNs = 20'000'000;
constexpr std::size_t kLeastExchanges = 100;  // also where other work takes most of the time
constexpr std::uint32_t kTurns = 200;         // there and back, timed together

struct alignas(64) Line {
  std::atomic<std::uint32_t> turn{0};
};

// Nothing but the word itself is handed over, so no order is needed.
void answer(Line& line, const std::atomic<bool>& done) {
  while (!done.load(std::memory_order_relaxed)) {
    const std::uint32_t turn = line.turn.load(std::memory_order_relaxed);
    if (turn % 2 == 1) {
      line.turn.store(turn + 1, std::memory_order_relaxed);
    }
  }
}

double exchange(Line& line) {
  const std::int64_t begin = now_ns();
  for (std::uint32_t i = 0; i < kTurns; ++i) {
    const std::uint32_t mine = line.turn.load(std::memory_order_relaxed) + 1;
    line.turn.store(mine, std::memory_order_relaxed);
    while (line.turn.load(std::memory_order_relaxed) == mine) {
    }
  }
  return static_cast<double>(now_ns() - begin) / (2.0 * kTurns);
}

}  // namespace

double one_way_ns(const Processors& processors) {
  Line line;
  alignas(64) std::atomic<bool> done{false};
  std::thread other([&] {
    stay_on(processors.dispatcher());
    answer(line, done);
  });
  stay_on(processors.publisher(0));
  std::vector<double> times_ns;
  const std::int64_t end = now_ns() + kDurationNs;
  while (now_ns() < end || times_ns.size() < kLeastExchanges) {
    times_ns.push_back(exchange(line));
  }
  done.store(true, std::memory_order_relaxed);
  other.join();
  const auto quarter = times_ns.begin() + static_cast<std::ptrdiff_t>(times_ns.size() / 4);
  std::nth_element(times_ns.begin(), quarter, times_ns.end());
  return *quarter;
}

}  // namespace peers
