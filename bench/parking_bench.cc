// Parking: what a publisher pays while nobody sleeps, what a sleeper pays before it sleeps
// (membarrier), and a hand-over there and back between two threads that sleep for each other,
// beside a bare futex. Both look at the count before they sleep.
#include <atomic>
#include <cstdint>
#include <thread>

#include "base/atomics.h"
#include "base/fence.h"
#include "base/parking.h"
#include "workload.h"

namespace herald::bench {
namespace {

using base::FenceMode;
using base::NativeAtomics;
using Spot = base::ParkingSpot<NativeAtomics>;
using Race = base::StoreThenLoad<NativeAtomics>;

constexpr FenceMode kMembarrier = FenceMode::kMembarrier;
constexpr FenceMode kSeqCst = FenceMode::kSequentiallyConsistent;
constexpr std::int64_t kNever = NativeAtomics::kNoDeadline;

template <FenceMode kMode>
void BM_NotifyNobody(benchmark::State& state) {
  Spot spot(kMode);
  for (auto _ : state) {
    benchmark::DoNotOptimize(spot.notify());
  }
}

template <FenceMode kMode>
void BM_PrepareToSleep(benchmark::State& state) {
  Spot spot(kMode);
  for (auto _ : state) {
    benchmark::DoNotOptimize(spot.prepare());
  }
}

void BM_Membarrier(benchmark::State& state) {
  for (auto _ : state) {
    NativeAtomics::membarrier();
  }
}

// One direction of the hand-over: a count that one thread raises and another waits for.
template <FenceMode kMode>
class ParkedCount {
 public:
  void raise(std::uint32_t count) {
    Race::light_store(kMode, count_, count);
    spot_.notify();
  }
  void wait_for(std::uint32_t count) {
    while (Race::heavy_load(kMode, count_) != count) {
      const Spot::Ticket ticket = spot_.prepare();
      if (Race::heavy_load(kMode, count_) != count) {
        spot_.sleep(ticket, kNever);
      }
    }
  }

 private:
  std::atomic<std::uint32_t> count_{0};
  Spot spot_{kMode};
};

// The yardstick: the count is the futex, and each raise makes the system call.
class BareFutex {
 public:
  void raise(std::uint32_t count) {
    count_.store(count, std::memory_order_release);
    NativeAtomics::futex_wake_all(count_);
  }
  void wait_for(std::uint32_t count) {
    std::uint32_t seen = 0;
    while ((seen = count_.load(std::memory_order_acquire)) != count) {
      NativeAtomics::futex_wait(count_, seen, kNever);
    }
  }

 private:
  std::atomic<std::uint32_t> count_{0};
};

template <typename Count>
void BM_HandOverAndBack(benchmark::State& state) {
  Count there;
  Count back;
  std::atomic<bool> ending = false;
  std::thread echo([&] {
    for (std::uint32_t round = 1;; ++round) {
      there.wait_for(round);
      back.raise(round);
      // Relaxed: the round that it waited for came after it.
      if (ending.load(std::memory_order_relaxed)) {
        return;
      }
    }
  });
  std::uint32_t round = 0;
  for (auto _ : state) {
    ++round;
    there.raise(round);
    back.wait_for(round);
  }
  ending.store(true, std::memory_order_relaxed);  // raise() releases it
  there.raise(round + 1);
  echo.join();
  count_items(state, round);
}

BENCHMARK(BM_NotifyNobody<kSeqCst>);
BENCHMARK(BM_PrepareToSleep<kSeqCst>);
BENCHMARK(BM_HandOverAndBack<ParkedCount<kSeqCst>>)->UseRealTime();
BENCHMARK(BM_HandOverAndBack<BareFutex>)->UseRealTime();

// Where the kernel has it.
[[maybe_unused]] const bool registered = [] {
  if (!NativeAtomics::membarrier_available()) {
    return false;
  }
  benchmark::RegisterBenchmark("BM_NotifyNobody<kMembarrier>", BM_NotifyNobody<kMembarrier>);
  benchmark::RegisterBenchmark("BM_PrepareToSleep<kMembarrier>", BM_PrepareToSleep<kMembarrier>);
  benchmark::RegisterBenchmark("BM_Membarrier", BM_Membarrier);
  benchmark::RegisterBenchmark("BM_HandOverAndBack<ParkedCount<kMembarrier>>",
                               BM_HandOverAndBack<ParkedCount<kMembarrier>>)
      ->UseRealTime();
  return true;
}();

}  // namespace
}  // namespace herald::bench
