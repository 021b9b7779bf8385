// A lane: events into it and out of it, by one thread, beside the bare ring under it and
// moodycamel's queue with a token. What the way between two processors costs shows in peers/. An
// item is an event.
#include <concurrentqueue.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#include "base/atomics.h"
#include "core/event_ring.h"
#include "core/lane.h"
#include "workload.h"

namespace herald::bench {
namespace {

using Slot = detail::EventSlot;
using NativeLane = core::Lane<base::NativeAtomics, core::EventRing>;

constexpr std::size_t kCapacity = 16'384;

class HeraldLane {
 public:
  HeraldLane() { lane_.ring().reserve(kCapacity); }
  bool push(Slot* slots, std::size_t count) {
    return lane_.push(slots, count) == core::PushResult::kAccepted;
  }
  std::size_t take(Slot* slots, std::size_t most) { return lane_.take(slots, most, lane_.limit()); }

 private:
  const base::FenceMode mode_ = base::best_fence_mode<base::NativeAtomics>();
  base::ParkingSpot<base::NativeAtomics> doorbell_{mode_};
  NativeLane lane_{core::EventRing(), kCapacity, mode_, doorbell_};
};

// A ring and two counters, each with a copy of the other: nothing can be sealed, nobody sleeps.
class BareRing {
 public:
  BareRing() { ring_.reserve(kCapacity); }
  bool push(Slot* slots, std::size_t count) {
    const std::uint64_t put = put_.load(std::memory_order_relaxed);
    if (put + count - seen_taken_ > kCapacity) {
      seen_taken_ = taken_.load(std::memory_order_acquire);
      if (put + count - seen_taken_ > kCapacity) {
        return false;
      }
    }
    ring_.put(put, slots, count);
    put_.store(put + count, std::memory_order_release);
    return true;
  }
  std::size_t take(Slot* slots, std::size_t most) {
    const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    const std::uint64_t count =
        std::min<std::uint64_t>(most, put_.load(std::memory_order_acquire) - taken);
    ring_.get(taken, slots, count);
    taken_.store(taken + count, std::memory_order_release);
    return count;
  }

 private:
  core::EventRing ring_;
  alignas(128) std::atomic<std::uint64_t> put_{0};
  std::uint64_t seen_taken_ = 0;
  alignas(128) std::atomic<std::uint64_t> taken_{0};
};

// Not bounded: try_enqueue takes what its blocks hold.
class MoodycamelToken {
 public:
  bool push(Slot* slots, std::size_t count) {
    return queue_.try_enqueue_bulk(producer_, slots, count);
  }
  std::size_t take(Slot* slots, std::size_t most) {
    return queue_.try_dequeue_bulk_from_producer(producer_, slots, most);
  }

 private:
  moodycamel::ConcurrentQueue<Slot> queue_{kCapacity, 1, 0};
  moodycamel::ProducerToken producer_{queue_};
};

template <typename Queue>
void BM_OneThread(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Queue queue;
  std::array<Slot, 256> slots{};
  for (auto _ : state) {
    if (!queue.push(slots.data(), batch) || queue.take(slots.data(), batch) != batch) {
      state.SkipWithError("an event was lost");
      break;
    }
  }
  count_items(state, batch);
}

BENCHMARK(BM_OneThread<HeraldLane>)->ArgName("batch")->Arg(1)->Arg(32)->Arg(256);
BENCHMARK(BM_OneThread<BareRing>)->ArgName("batch")->Arg(1)->Arg(32)->Arg(256);
BENCHMARK(BM_OneThread<MoodycamelToken>)->ArgName("batch")->Arg(1)->Arg(32)->Arg(256);

}  // namespace
}  // namespace herald::bench
