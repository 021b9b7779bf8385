// Short-lived publishers and threads: their lanes are drained and used again.
//
// Forbidden: memory that grows with the number of publishers there have ever been; an accepted
// event lost; a publisher's numbers missing from the sums.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <thread>
#include <vector>

#include "herald/herald.h"
#include "support/stress_run.h"

namespace herald::stress {
namespace {

using namespace std::chrono_literals;

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total_pages = 0;
  std::int64_t resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

class PublisherChurn : public Test {
 protected:
  static constexpr std::size_t kMaxPublishers = 64;
  static constexpr std::size_t kMaxCapacity = 16;
  static constexpr std::size_t kThreads = 3;
  static constexpr std::int64_t kNoise = 2 << 20;  // of the allocator, in bytes

  PublisherChurn()
      : bus_(Bus::create({.max_publishers = kMaxPublishers}).value()),
        subscription_(
            bus_.subscribe({.types = TypeMask::all()}, [this](const Event&) { ++delivered_; })
                .value()) {}

  // All lanes that there may be, as large as they may get.
  void open_all() {
    std::vector<Publisher> publishers;
    for (std::size_t i = 0; i < kMaxPublishers; ++i) {
      publishers.push_back(bus_.publisher({.capacity_events = kMaxCapacity}).value());
    }
    EXPECT_EQ(bus_.publisher().status().code(), absl::StatusCode::kResourceExhausted);
  }

  void churn(std::uint64_t publishers) {
    std::vector<std::jthread> threads;
    for (std::size_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([this, thread, publishers] {
        Random random = this->random(thread);
        for (std::uint64_t i = thread; i < publishers; i += kThreads) {
          live_shortly(random);
          watchdog_.progress();
        }
      });
    }
  }

  void live_shortly(Random& random) {
    while (true) {
      absl::StatusOr<Publisher> publisher =
          bus_.publisher({.name = "short-lived, with a name that is not so short",
                          .capacity_events = 1 + random.below(kMaxCapacity)});
      if (publisher.ok()) {
        for (std::uint64_t i = random.below(4); i != 0; --i) {
          EXPECT_EQ(publisher->publish(kToken, "x"), PublishResult::kAccepted);
          accepted_.fetch_add(1, std::memory_order_relaxed);
        }
        return;
      }
      // All lanes wait for the dispatcher; nothing else may fail.
      EXPECT_EQ(publisher.status().code(), absl::StatusCode::kResourceExhausted);
      std::this_thread::yield();
    }
  }

  void expect_all_delivered() {
    ASSERT_TRUE(bus_.flush(60s).ok());
    const BusStats stats = bus_.stats();
    EXPECT_EQ(delivered_, accepted_.load(std::memory_order_relaxed));
    EXPECT_EQ(stats.total.accepted, delivered_);
    EXPECT_TRUE(stats.conserved());
  }

  std::uint64_t delivered_ = 0;
  std::atomic<std::uint64_t> accepted_{0};
  Watchdog watchdog_;
  Bus bus_;
  Subscription subscription_;
};

TEST_F(PublisherChurn, DoesNotGrowMemory) {
  const std::uint64_t publishers = rounds(100'000, 10'000'000);
  open_all();
  churn(publishers / 10);
  const std::size_t lanes_before = bus_.stats().lane_bytes;
  const std::int64_t before = resident_bytes();
  churn(publishers);
  const std::int64_t after = resident_bytes();
  std::printf("%llu publishers: resident %lld KiB, then %lld KiB; lanes %zu KiB\n",
              static_cast<unsigned long long>(publishers), static_cast<long long>(before / 1024),
              static_cast<long long>(after / 1024), lanes_before / 1024);
  EXPECT_EQ(bus_.stats().lane_bytes, lanes_before) << "FORBIDDEN: lanes grow";
  if (!sanitized()) {
    EXPECT_LT(after - before, kNoise) << "FORBIDDEN: memory grows";
  }
  expect_all_delivered();
}

TEST_F(PublisherChurn, ThreadsThatPublishOnceDoNotGrowMemory) {
  const auto publish_from_threads = [this](std::uint64_t threads) {
    for (std::uint64_t i = 0; i < threads; i += kThreads) {
      std::vector<std::jthread> group;
      for (std::size_t thread = 0; thread < kThreads; ++thread) {
        group.emplace_back([this] {
          EXPECT_EQ(bus_.publish(kToken, "x"), PublishResult::kAccepted);
          accepted_.fetch_add(1, std::memory_order_relaxed);
        });
      }
      group.clear();
      watchdog_.progress();
    }
  };
  const std::uint64_t threads = rounds(20'000, 1'000'000);
  publish_from_threads(threads / 10);
  const std::int64_t before = resident_bytes();
  publish_from_threads(threads);
  const std::int64_t after = resident_bytes();
  std::printf("%llu threads: resident %lld KiB, then %lld KiB\n",
              static_cast<unsigned long long>(threads), static_cast<long long>(before / 1024),
              static_cast<long long>(after / 1024));
  if (!sanitized()) {
    EXPECT_LT(after - before, kNoise) << "FORBIDDEN: memory grows";
  }
  expect_all_delivered();
}

}  // namespace
}  // namespace herald::stress
