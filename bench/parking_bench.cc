// Parking: what a publisher pays while nobody sleeps, and a round trip between two threads that
// sleep for each other, beside a bare futex.
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

constexpr std::int64_t kNever = NativeAtomics::kNoDeadline;

void BM_NotifyWhileNobodySleeps(benchmark::State& state) {
  Spot spot(FenceMode::kMembarrier);
  for (auto _ : state) {
    benchmark::DoNotOptimize(spot.notify());
  }
}

void BM_Membarrier(benchmark::State& state) {
  if (!NativeAtomics::membarrier_available()) {
    state.SkipWithError("the kernel refuses membarrier");
    return;
  }
  for (auto _ : state) {
    NativeAtomics::membarrier();
  }
}

// One direction: a count that one thread raises and the other waits for.
class ParkedCount {
 public:
  explicit ParkedCount(FenceMode mode) : mode_(mode), spot_(mode) {}
  void raise(std::uint64_t count) {
    Race::light_store(mode_, count_, count);
    spot_.notify();
  }
  void wait_for(std::uint64_t count) {
    while (Race::heavy_load(mode_, count_) < count) {
      const Spot::Ticket ticket = spot_.prepare();
      if (Race::heavy_load(mode_, count_) < count) {
        spot_.sleep(ticket, kNever);
      }
    }
  }

 private:
  const FenceMode mode_;
  std::atomic<std::uint64_t> count_{0};
  Spot spot_;
};

// The yardstick: the count is the futex, and each raise a wake-up.
class FutexCount {
 public:
  explicit FutexCount(FenceMode) {}
  void raise(std::uint64_t count) {
    count_.store(static_cast<std::uint32_t>(count), std::memory_order_release);
    NativeAtomics::futex_wake_all(count_);
  }
  void wait_for(std::uint64_t count) {
    for (;;) {
      const std::uint32_t seen = count_.load(std::memory_order_acquire);
      if (seen >= count) {
        return;
      }
      NativeAtomics::futex_wait(count_, seen, kNever);
    }
  }

 private:
  std::atomic<std::uint32_t> count_{0};
};

template <typename Count>
void round_trips(benchmark::State& state, FenceMode mode) {
  Count there(mode);
  Count back(mode);
  std::atomic<bool> stop = false;
  std::thread echo([&] {
    for (std::uint64_t round = 1; !stop.load(std::memory_order_acquire); ++round) {
      there.wait_for(round);
      back.raise(round);
    }
  });
  std::uint64_t round = 0;
  for (auto _ : state) {
    ++round;
    there.raise(round);
    back.wait_for(round);
  }
  stop.store(true, std::memory_order_release);
  there.raise(round + 1);
  echo.join();
}

void BM_RoundTrip_Membarrier(benchmark::State& state) {
  if (!NativeAtomics::membarrier_available()) {
    state.SkipWithError("the kernel refuses membarrier");
    return;
  }
  round_trips<ParkedCount>(state, FenceMode::kMembarrier);
}
void BM_RoundTrip_SequentiallyConsistent(benchmark::State& state) {
  round_trips<ParkedCount>(state, FenceMode::kSequentiallyConsistent);
}
void BM_RoundTrip_Futex(benchmark::State& state) {
  round_trips<FutexCount>(state, FenceMode::kSequentiallyConsistent);
}

BENCHMARK(BM_NotifyWhileNobodySleeps);
BENCHMARK(BM_Membarrier);
BENCHMARK(BM_RoundTrip_Membarrier)->UseRealTime();
BENCHMARK(BM_RoundTrip_SequentiallyConsistent)->UseRealTime();
BENCHMARK(BM_RoundTrip_Futex)->UseRealTime();

}  // namespace
}  // namespace herald::bench
