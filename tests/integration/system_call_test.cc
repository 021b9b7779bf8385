// A publisher makes no system call in steady state: its thread may make none (a filter kills it at
// the first), and still everything arrives.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <thread>

#include "herald/herald.h"
#include "support/buses.h"

namespace herald {
namespace {

constexpr std::size_t kEvents = 20'000;

// From now on this thread may do nothing but end.
bool forbid_system_calls() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
  };
  const sock_fprog filter{std::size(program), program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// Runs `call` in a thread that may make no system call, then ends that thread. False if the kernel
// had to kill it.
template <typename Call>
bool without_system_calls(Call&& call) {
  std::atomic<bool> survived{false};
  std::thread([&] {
    call();  // once before: lazy binding, first touches
    if (forbid_system_calls()) {
      for (std::size_t i = 0; i < kEvents; ++i) {
        call();
      }
      survived.store(true, std::memory_order_relaxed);
      syscall(SYS_exit, 0);  // the one way out that is left
    }
  }).join();
  return survived.load(std::memory_order_relaxed);
}

class SystemCalls : public testing::TestWithParam<Fence> {
 protected:
  // The dispatcher never sleeps, so nobody has to wake it.
  Bus bus_ = support::thread_bus({.wait = WaitStrategy::kSpin,
                                  .fence = GetParam(),
                                  .shared_lane = {.overflow = OverflowPolicy::kDropNewest}});
  Publisher publisher_ = support::make_publisher(bus_, {.overflow = OverflowPolicy::kDropNewest});
  std::size_t calls_ = 0;
  Subscription subscription_ = bus_.subscribe({.types = kToken}, support::count_in(calls_)).value();

  void expect_all_arrived() {
    ASSERT_TRUE(bus_.flush(support::kLong).ok());
    EXPECT_EQ(calls_, bus_.stats().total.accepted);
    EXPECT_GT(calls_, 0u);
    EXPECT_TRUE(bus_.stats().conserved());
  }
};

TEST_P(SystemCalls, NoneInPublish) {
  EXPECT_TRUE(without_system_calls([this] { publisher_.publish(kToken, "text"); }));
  expect_all_arrived();
}

TEST_P(SystemCalls, NoneInPublishBatch) {
  constexpr std::array<std::string_view, 3> kBatch{"a", "b", "c"};
  EXPECT_TRUE(without_system_calls([&] { publisher_.publish_batch(kToken, kBatch); }));
  expect_all_arrived();
}

TEST_P(SystemCalls, NoneInPublishThroughTheSharedLane) {
  EXPECT_TRUE(without_system_calls([this] { bus_.publish(kToken, "text"); }));
  expect_all_arrived();
}

// The check itself: what sleeps is killed.
TEST(SystemCallFilter, KillsWhatMakesOne) {
  std::size_t turns = 0;
  EXPECT_FALSE(without_system_calls([&turns] {
    if (++turns == 2) {
      static_cast<void>(getppid());
    }
  }));
  EXPECT_EQ(turns, 2u);
}

INSTANTIATE_TEST_SUITE_P(Fences, SystemCalls,
                         testing::Values(Fence::kAutomatic, Fence::kSequentiallyConsistent),
                         [](const auto& fence) {
                           return fence.param == Fence::kAutomatic ? "Automatic"
                                                                   : "SequentiallyConsistent";
                         });

}  // namespace
}  // namespace herald
