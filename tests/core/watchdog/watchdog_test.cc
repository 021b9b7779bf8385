// The watchdog with its own thread, where only what must hold is asserted.
#include "core/watchdog/watchdog.h"

#include <dirent.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::eventually;
using support::manual_bus;
using support::thread_bus;
using support::work_for;

// The samplers of this process that came after this. Others are there if the default bus is in use,
// and one that was joined may still be listed for a moment.
class NewSamplers {
 public:
  [[nodiscard]] std::size_t count() const {
    const std::set<std::string> now = samplers();
    return static_cast<std::size_t>(std::count_if(
        now.begin(), now.end(), [this](const std::string& id) { return !before_.contains(id); }));
  }

 private:
  static std::set<std::string> samplers() {
    std::set<std::string> found;
    DIR* const tasks = opendir("/proc/self/task");
    for (const dirent* task = readdir(tasks); task != nullptr; task = readdir(tasks)) {
      std::ifstream file(std::string("/proc/self/task/") + task->d_name + "/comm");
      std::string name;
      std::getline(file, name);
      if (name == "herald-watch") {
        found.insert(task->d_name);
      }
    }
    closedir(tasks);
    return found;
  }

  const std::set<std::string> before_ = samplers();
};

TEST(Watchdog, IsOneThreadThatEndsWithTheBus) {
  const NewSamplers samplers;
  {
    Bus bus = thread_bus();
    EXPECT_TRUE(eventually([&] { return samplers.count() == 1; }));
    Bus manual = manual_bus();
    EXPECT_TRUE(eventually([&] { return samplers.count() == 2; }));
  }
  EXPECT_TRUE(eventually([&] { return samplers.count() == 0; }));
}

TEST(Watchdog, IsNoneIfItIsOff) {
  const NewSamplers samplers;
  Bus bus = thread_bus({.slow_after = 0ns});
  auto slow = bus.subscribe({.types = kToken}, [](const Event&) { work_for(3ms); }).value();
  ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  ASSERT_TRUE(bus.flush(support::kLong).ok());
  EXPECT_EQ(samplers.count(), 0u);
  EXPECT_EQ(slow.stats().strikes, 0u);
  EXPECT_EQ(bus.stats().watch.watched, 0ns);
  EXPECT_EQ(bus.stats().watch.looks, 0u);
}

// Publishes until `found`; the machine may keep the sampler from looking for as long as it likes.
template <typename Found>
void publish_until(Bus& bus, bool pumps, Found&& found) {
  EXPECT_TRUE(eventually([&] {
    bus.publish(kToken, "text");
    if (pumps) {
      bus.pump();
    } else {
      static_cast<void>(bus.flush(support::kLong));
    }
    return found();
  }));
}

class WatchedBus : public testing::TestWithParam<DispatchMode> {
 protected:
  [[nodiscard]] bool pumps() const { return GetParam() == DispatchMode::kManual; }
};

TEST_P(WatchedBus, FindsTheSlowOneAndNobodyElseBeforeIt) {
  Bus bus = thread_bus({.dispatch = GetParam(), .slow_after = 400us});
  std::chrono::nanoseconds longest{0};
  auto slow = bus.subscribe({.types = kToken},
                            [&](const Event&) {
                              const auto begin = std::chrono::steady_clock::now();
                              work_for(3ms);
                              const auto took = std::chrono::steady_clock::now() - begin;
                              longest = std::max<std::chrono::nanoseconds>(longest, took);
                            },
                            {.name = "slow"})
                  .value();
  publish_until(bus, pumps(), [&] { return slow.stats().strikes >= 3; });
  const BusStats stats = bus.stats();
  ASSERT_FALSE(stats.culprits.empty());
  EXPECT_EQ(stats.culprits[0].name, "slow");
  const SubscriptionStats row = slow.stats();
  EXPECT_GE(row.longest_stay, 400us);
  EXPECT_GE(stats.watch.looks, 2 * stats.watch.strikes) << "a stay is seen twice at least";
  EXPECT_LE(row.longest_stay, longest + longest / 100) << "longer than it was";
  EXPECT_LE(row.strikes, row.delivered);
  EXPECT_GT(row.share, 0);
  EXPECT_LE(row.share, 1);
  EXPECT_GE(row.strikes, stats.culprits[0].strikes);
}

TEST_P(WatchedBus, WarnsOnTheDispatchingThread) {
  std::atomic<bool> told{false};  // Relaxed: what it stands for is ordered by flush().
  std::thread::id dispatching;
  std::thread::id teller;
  Bus bus = thread_bus(
      {.dispatch = GetParam(), .slow_after = 400us, .on_slow = [&](const SlowCall& call) {
         EXPECT_EQ(call.subscription_name, "slow");
         EXPECT_GE(call.stay, 400us);
         teller = std::this_thread::get_id();
         told.store(true, std::memory_order_relaxed);
       }});
  auto slow = bus.subscribe({.types = kToken},
                            [&](const Event&) {
                              dispatching = std::this_thread::get_id();
                              work_for(3ms);
                            },
                            {.name = "slow"})
                  .value();
  publish_until(bus, pumps(), [&] { return told.load(std::memory_order_relaxed); });
  ASSERT_TRUE(bus.flush(support::kLong).ok());
  EXPECT_EQ(dispatching, teller);
}

TEST_P(WatchedBus, QuarantinesForGood) {
  Bus bus = thread_bus({.dispatch = GetParam(), .slow_after = 400us});
  auto captured = std::make_shared<std::atomic<int>>(0);
  auto slow =
      bus.subscribe({.types = kToken},
                    [captured](const Event&) {
                      ++*captured;
                      work_for(3ms);
                    },
                    {.name = "slow", .slow_policy = SlowPolicy::kQuarantine, .strikes_allowed = 2})
          .value();
  publish_until(bus, pumps(), [&] { return slow.stats().quarantined; });
  const int calls = *captured;
  EXPECT_EQ(captured.use_count(), 1);
  publish_until(bus, pumps(), [&] { return true; });
  EXPECT_EQ(*captured, calls);
  EXPECT_TRUE(slow.active());
  // The call that ran when the second was told may be the third.
  EXPECT_GE(slow.stats().strikes, 2u);
  EXPECT_LE(slow.stats().strikes, 3u);
  slow.unsubscribe();
  EXPECT_EQ(slow.stats().delivered, static_cast<std::uint64_t>(calls));
  EXPECT_TRUE(bus.stats().subscriptions.empty());
  EXPECT_TRUE(bus.stats().conserved());
}

INSTANTIATE_TEST_SUITE_P(Modes, WatchedBus,
                         testing::Values(DispatchMode::kThread, DispatchMode::kManual),
                         [](const auto& mode) {
                           return mode.param == DispatchMode::kThread ? "Thread" : "Manual";
                         });

// Forbidden outcome: a round that begins while the sampler sleeps and does not wake it.
TEST(Watchdog, IsWokenByWhoBeginsARound) {
  core::WatchPost post(base::FenceMode::kSequentiallyConsistent, true);
  constexpr core::WatchPost::Activity kRounds = 2'000;
  std::jthread sampler([&post] {
    while (!post.stopping()) {
      const core::WatchPost::Activity seen = post.activity();
      if (core::WatchPost::rests(seen)) {
        post.sleep_until_work(seen);
      } else {
        std::this_thread::yield();
      }
      post.set_lost(seen);
    }
  });
  for (core::WatchPost::Activity round = 1; round <= kRounds; ++round) {
    post.begin_work();
    // It is awake: it comes to see the round.
    ASSERT_TRUE(eventually([&] { return post.lost() == 2 * round - 1; }));
    post.end_work();
  }
  post.stop();
}

// Forbidden outcome: a report that the holder does not find and that leaves no order to look
// again.
TEST(Watchdog, LeavesNoReportWithoutAnOrder) {
  struct Right {
    std::atomic<int> left{0};
    void leave(core::Order& /*order*/) { left.fetch_add(1, std::memory_order_acq_rel); }
  };
  core::WatchPost post(base::FenceMode::kSequentiallyConsistent, true);
  Right right;
  core::Order order;
  constexpr std::uint64_t kRounds = 200'000;
  std::atomic<std::uint64_t> taken{0};
  std::jthread holder([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (right.left.exchange(0, std::memory_order_acq_rel) != 0) {
        post.answered();
        post.take([&](const core::StayReport&) { taken.fetch_add(1, std::memory_order_acq_rel); });
      }
    }
  });
  for (std::uint64_t told = 2; told <= 2 * kRounds; told += 2) {
    for (int i = 0; i < 2; ++i) {  // the second while the first is answered
      ASSERT_TRUE(post.ring().put({.stay = {}, .is_strike = true}));
      post.ask(right, order);
    }
    ASSERT_TRUE(eventually([&] { return taken.load(std::memory_order_acquire) == told; }));
  }
}

}  // namespace
}  // namespace herald
