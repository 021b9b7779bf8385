// A lane: batches of events into it and out of it, by one thread, beside a plain ring for one
// producer and one consumer, and moodycamel's queue with a token. What it costs to bring them from
// one processor to another shows in peers/. An item is an event.
#include <concurrentqueue.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/atomics.h"
#include "base/cache_line.h"
#include "core/lane/event_ring.h"
#include "core/lane/lane.h"
#include "workload.h"

namespace herald::bench {
namespace {

using Slot = detail::EventSlot;

constexpr std::size_t kCapacity = 16'384;
constexpr std::size_t kLargestBatch = 256;

class HeraldLane {
 public:
  HeraldLane() { lane_.ring().reserve(kCapacity); }
  bool push(Slot* slots, std::size_t count) {
    return lane_.push(slots, count) == core::PushResult::kAccepted;
  }
  std::size_t take(Slot* slots, std::size_t most) { return lane_.take(slots, most, lane_.limit()); }

 private:
  using Lane = core::Lane<base::NativeAtomics, core::EventRing>;
  const base::FenceMode mode_ = base::best_fence_mode<base::NativeAtomics>();
  base::ParkingSpot<base::NativeAtomics> doorbell_{mode_};
  Lane lane_{core::EventRing(), kCapacity, mode_, doorbell_};
};

// Two counters, each side with a copy of the other's: nothing can be sealed, and nobody sleeps.
class PlainRing {
 public:
  bool push(Slot* slots, std::size_t count) {
    // Relaxed: the producer's own counter.
    const std::uint64_t put = put_.load(std::memory_order_relaxed);
    if (put + count - seen_taken_ > kCapacity) {
      seen_taken_ = taken_.load(std::memory_order_acquire);
      if (put + count - seen_taken_ > kCapacity) {
        return false;
      }
    }
    const std::size_t first = std::min(count, kCapacity - put % kCapacity);
    std::copy_n(slots, first, &ring_[put % kCapacity]);
    std::copy_n(slots + first, count - first, ring_.data());
    put_.store(put + count, std::memory_order_release);
    return true;
  }
  std::size_t take(Slot* slots, std::size_t most) {
    // Relaxed: the consumer's own counter.
    const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    if (seen_put_ - taken < most) {
      seen_put_ = put_.load(std::memory_order_acquire);
    }
    const std::size_t count = std::min<std::size_t>(most, seen_put_ - taken);
    const std::size_t first = std::min(count, kCapacity - taken % kCapacity);
    std::copy_n(&ring_[taken % kCapacity], first, slots);
    std::copy_n(ring_.data(), count - first, slots + first);
    taken_.store(taken + count, std::memory_order_release);
    return count;
  }

 private:
  std::vector<Slot> ring_ = std::vector<Slot>(kCapacity);
  // Written by the producer.
  alignas(base::kFalseSharingBytes) std::atomic<std::uint64_t> put_{0};
  std::uint64_t seen_taken_ = 0;
  // Written by the consumer.
  alignas(base::kFalseSharingBytes) std::atomic<std::uint64_t> taken_{0};
  std::uint64_t seen_put_ = 0;
};

// Bounded by the blocks that it is given at first.
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
void BM_Lane(benchmark::State& state) {
  const std::uint64_t batch = count_of(state);
  Queue queue;
  std::array<Slot, kLargestBatch> in{};
  std::array<Slot, kLargestBatch> out{};
  std::uint64_t number = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < batch; ++i) {
      in[i].stream = number++;
    }
    if (!queue.push(in.data(), batch) || queue.take(out.data(), batch) != batch ||
        out[batch - 1].stream != number - 1) {
      state.SkipWithError("an event was lost");
      break;
    }
    benchmark::ClobberMemory();
  }
  count_items(state, number);
}

void batches(benchmark::internal::Benchmark* bench) {
  bench->ArgName("batch")->Arg(1)->Arg(32)->Arg(kLargestBatch);
}
BENCHMARK(BM_Lane<HeraldLane>)->Apply(batches);
BENCHMARK(BM_Lane<PlainRing>)->Apply(batches);
BENCHMARK(BM_Lane<MoodycamelToken>)->Apply(batches);

}  // namespace
}  // namespace herald::bench
