// The dispatch right on the real machine; its races are explored in tests/model.
#include "core/control/dispatch_right.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "base/atomics.h"
#include "base/clock.h"

namespace herald::core {
namespace {

constexpr std::int64_t kNoDeadline = base::NativeAtomics::kNoDeadline;

// Notes which commands ran, and on which thread; lets the test do something in each.
class Holder {
 public:
  using Order = Command<base::NativeAtomics>;

  void run(Order& order) {
    ran.push_back(&order);
    by.push_back(std::this_thread::get_id());
    order.complete();
  }

  std::vector<const Order*> ran;  // no lock: the right orders its holders
  std::vector<std::thread::id> by;
  DispatchRight<base::NativeAtomics, Holder> right{*this};
};

TEST(DispatchRight, HasOneHolder) {
  Holder holder;
  EXPECT_TRUE(holder.right.try_acquire());
  EXPECT_FALSE(holder.right.try_acquire());
  holder.right.release();
  EXPECT_TRUE(holder.right.try_acquire());
}

TEST(DispatchRight, ACommandRunsAtOnceIfTheRightIsFree) {
  Holder holder;
  Holder::Order order;
  holder.right.submit(order);
  EXPECT_EQ(holder.ran.size(), 1u);
  EXPECT_TRUE(order.done());
  EXPECT_TRUE(order.await(0));
  EXPECT_TRUE(holder.right.try_acquire()) << "given back";
}

TEST(DispatchRight, CommandsWaitForTheHolderAndRunInOrder) {
  Holder holder;
  std::deque<Holder::Order> orders(3);
  ASSERT_TRUE(holder.right.try_acquire());
  EXPECT_FALSE(holder.right.pending());
  for (Holder::Order& order : orders) {
    holder.right.submit(order);
  }
  EXPECT_TRUE(holder.right.pending());
  EXPECT_TRUE(holder.ran.empty());
  EXPECT_FALSE(orders[0].await(0)) << "nobody has run it";
  EXPECT_FALSE(orders[0].await(base::Clock::monotonic_ns() + 1'000'000));
  holder.right.run_commands();
  ASSERT_EQ(holder.ran.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(holder.ran[i], &orders[i]);
    EXPECT_TRUE(orders[i].await(kNoDeadline));
  }
}

TEST(DispatchRight, ReleaseRunsWhatCameMeanwhile) {
  Holder holder;
  Holder::Order order;
  ASSERT_TRUE(holder.right.try_acquire());
  holder.right.submit(order);
  holder.right.release();
  EXPECT_TRUE(order.done());
  EXPECT_TRUE(holder.right.try_acquire());
}

TEST(DispatchRight, ACommandOfAnotherThreadRunsOnTheHolders) {
  Holder holder;
  Holder::Order order;
  ASSERT_TRUE(holder.right.try_acquire());
  std::thread other([&] {
    holder.right.submit(order);
    EXPECT_TRUE(order.await(kNoDeadline));
  });
  while (holder.ran.empty()) {
    holder.right.run_commands();
    std::this_thread::yield();
  }
  other.join();
  EXPECT_EQ(holder.by[0], std::this_thread::get_id());
}

TEST(DispatchRight, EachCommandOfManyThreadsRunsOnce) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kEach = 2'000;
  Holder holder;
  std::vector<std::thread> threads;
  for (std::size_t who = 0; who < kThreads; ++who) {
    threads.emplace_back([&] {
      Holder::Order order;
      for (std::size_t i = 0; i < kEach; ++i) {
        order.state.store(Holder::Order::kPending, std::memory_order_relaxed);
        holder.right.submit(order);
        ASSERT_TRUE(order.await(kNoDeadline));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(holder.ran.size(), kThreads * kEach);
}

}  // namespace
}  // namespace herald::core
