#include "slow_consumer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "herald/herald.h"

namespace inference_loop {
namespace {

using namespace std::chrono_literals;

TEST(SlowConsumer, HoldsUpNobodyAndCountsWhatItDrops) {
  constexpr std::uint64_t kEvents = 1'000;
  herald::Bus bus;
  SlowConsumer slow(bus, 1h, 8);  // it ends with its first event, if it has begun one
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    ASSERT_EQ(bus.publish(herald::kToken, "word"), herald::PublishResult::kAccepted);
  }
  ASSERT_TRUE(bus.flush(60s).ok());
  const SlowConsumer::Counts counts = slow.stop();
  EXPECT_EQ(counts.offered, kEvents);
  EXPECT_LE(counts.consumed, 1U);
  EXPECT_EQ(counts.consumed + counts.dropped, kEvents);
}

TEST(SlowConsumer, ConsumesAllThatItHasTimeFor) {
  herald::Bus bus;
  SlowConsumer quick(bus, 0ms, 100);
  for (int i = 0; i < 50; ++i) {
    bus.publish(herald::kToken, "word");
  }
  ASSERT_TRUE(bus.flush(60s).ok());
  EXPECT_EQ(quick.stop().offered, 50U);
  EXPECT_EQ(quick.stop().offered, 50U);  // again: nothing more
}

TEST(SlowConsumer, MayBeDestroyedUnstopped) {
  herald::Bus bus;
  SlowConsumer slow(bus, 1h, 8);
  bus.publish(herald::kToken, "word");
}

}  // namespace
}  // namespace inference_loop
