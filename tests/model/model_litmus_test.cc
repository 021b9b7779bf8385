// Is the model sound? The well-known small programs whose outcomes are known: those that C++
// forbids must never be seen, those that it allows must be found.
#include <atomic>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "model/explore.h"

namespace herald::model {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kSeqCst = std::memory_order_seq_cst;

// All outcomes, each written as the digits of the results.
using Outcomes = std::set<std::string>;

std::string digits(std::initializer_list<int> results) {
  std::string text;
  for (const int result : results) {
    text += std::to_string(result);
  }
  return text;
}

// Bounds that leave nothing out of a small program.
Exploration all(const char* name) {
  return {.name = name, .bounds = {.preemptions = 9, .stale_loads = 9, .surprises = 9}};
}

Outcomes store_buffering(std::memory_order store, std::memory_order load) {
  Outcomes seen;
  expect_holds(all("store buffering"), [&](Scheduler& run) {
    Atomic<int> x{0};
    Atomic<int> y{0};
    int a = -1;
    int b = -1;
    run.spawn("one", [&] { x.store(1, store), a = y.load(load); });
    run.spawn("two", [&] { y.store(1, store), b = x.load(load); });
    run.join();
    seen.insert(digits({a, b}));
  });
  return seen;
}

TEST(ModelLitmus, StoreBufferingIsForbiddenOnlyBySeqCst) {
  EXPECT_EQ(store_buffering(kRelaxed, kRelaxed), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(store_buffering(kRelease, kAcquire), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(store_buffering(kSeqCst, kAcquire), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(store_buffering(kRelease, kSeqCst), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(store_buffering(kSeqCst, kSeqCst), (Outcomes{"01", "10", "11"}));
}

Outcomes store_buffering_with_membarrier(bool barrier) {
  Outcomes seen;
  expect_holds(all("store buffering, membarrier"), [&](Scheduler& run) {
    Atomic<int> x{0};
    Atomic<int> y{0};
    int a = -1;
    int b = -1;
    run.spawn("light", [&] { x.store(1, kRelaxed), a = y.load(kRelaxed); });
    run.spawn("heavy", [&] {
      y.store(1, kRelaxed);
      if (barrier) {
        ModelAtomics::membarrier();
      }
      b = x.load(kRelaxed);
    });
    run.join();
    seen.insert(digits({a, b}));
  });
  return seen;
}

TEST(ModelLitmus, MembarrierForbidsStoreBufferingFromOneSide) {
  EXPECT_EQ(store_buffering_with_membarrier(false), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(store_buffering_with_membarrier(true), (Outcomes{"01", "10", "11"}));
}

TEST(ModelLitmus, MembarrierPublishesWhatWasStoredBefore) {
  const auto pass = [](bool barrier) {
    Outcomes seen;
    expect_holds(all("message passing, membarrier"), [&](Scheduler& run) {
      Atomic<int> payload{0};
      Atomic<int> flag{0};
      int a = -1;
      int b = -1;
      run.spawn("light", [&] { payload.store(1, kRelaxed), flag.store(1, kRelaxed); });
      run.spawn("heavy", [&] {
        a = flag.load(kRelaxed);
        if (barrier) {
          ModelAtomics::membarrier();
        }
        b = payload.load(kRelaxed);
      });
      run.join();
      seen.insert(digits({a, b}));
    });
    return seen;
  };
  EXPECT_TRUE(pass(false).contains("10"));
  EXPECT_EQ(pass(true), (Outcomes{"00", "01", "11"}));
}

// With a read-modify-write instead of the store: on its own no fence for what follows.
TEST(ModelLitmus, SeqCstExchangeIsNoFenceForRelaxedLoads) {
  Outcomes seen;
  expect_holds(all("exchange, load"), [&](Scheduler& run) {
    Atomic<int> x{0};
    Atomic<int> y{0};
    int a = -1;
    int b = -1;
    run.spawn("one", [&] { x.exchange(1, kSeqCst), a = y.load(kRelaxed); });
    run.spawn("two", [&] { y.exchange(1, kSeqCst), b = x.load(kRelaxed); });
    run.join();
    seen.insert(digits({a, b}));
  });
  EXPECT_TRUE(seen.contains("00"));
}

Outcomes message_passing(std::memory_order store, std::memory_order load) {
  Outcomes seen;
  expect_holds(all("message passing"), [&](Scheduler& run) {
    Atomic<int> payload{0};
    Atomic<int> flag{0};
    int a = -1;
    int b = -1;
    run.spawn("writer", [&] { payload.store(1, kRelaxed), flag.store(1, store); });
    run.spawn("reader", [&] { a = flag.load(load), b = payload.load(kRelaxed); });
    run.join();
    seen.insert(digits({a, b}));
  });
  return seen;
}

TEST(ModelLitmus, MessagePassingNeedsReleaseAndAcquire) {
  EXPECT_TRUE(message_passing(kRelaxed, kRelaxed).contains("10"));
  EXPECT_TRUE(message_passing(kRelease, kRelaxed).contains("10"));
  EXPECT_TRUE(message_passing(kRelaxed, kAcquire).contains("10"));
  EXPECT_EQ(message_passing(kRelease, kAcquire), (Outcomes{"00", "01", "11"}));
}

TEST(ModelLitmus, PlainDataRacesAreFound) {
  const auto pass = [](std::memory_order store, std::memory_order load) {
    return [=](Scheduler& run) {
      Var<int> payload;
      Atomic<int> flag{0};
      run.spawn("writer", [&] { payload.set(1), flag.store(1, store); });
      run.spawn("reader", [&] {
        if (flag.load(load) == 1) {
          check(payload.get() == 1, "the payload is not there");
        }
      });
      run.join();
    };
  };
  expect_holds(all("payload, release and acquire"), pass(kRelease, kAcquire));
  expect_fails(all("payload, no release"), "data race", pass(kRelaxed, kAcquire));
  expect_fails(all("payload, no acquire"), "data race", pass(kRelease, kRelaxed));
}

TEST(ModelLitmus, OneWordIsCoherent) {
  Outcomes seen;
  expect_holds(all("coherence"), [&](Scheduler& run) {
    Atomic<int> x{0};
    int a = -1;
    int b = -1;
    run.spawn("writer", [&] { x.store(1, kRelaxed), x.store(2, kRelaxed); });
    run.spawn("reader", [&] { a = x.load(kRelaxed), b = x.load(kRelaxed); });
    run.join();
    seen.insert(digits({a, b}));
  });
  EXPECT_EQ(seen, (Outcomes{"00", "01", "02", "11", "12", "22"}));
}

// A read-modify-write carries a release on, a plain store by another thread does not.
TEST(ModelLitmus, ReleaseSequenceGoesThroughReadModifyWrite) {
  const auto sequence = [](bool modify) {
    return [=](Scheduler& run) {
      Var<int> payload;
      Atomic<int> flag{0};
      run.spawn("writer", [&] { payload.set(1), flag.store(1, kRelease); });
      run.spawn("middle", [&] {
        if (flag.load(kRelaxed) == 1) {
          modify ? (void)flag.fetch_add(1, kRelaxed) : flag.store(2, kRelaxed);
        }
      });
      run.spawn("reader", [&] {
        if (flag.load(kAcquire) == 2) {
          check(payload.get() == 1, "the payload is not there");
        }
      });
      run.join();
    };
  };
  expect_holds(all("release sequence"), sequence(true));
  expect_fails(all("release sequence cut"), "data race", sequence(false));
}

Outcomes independent_reads(std::memory_order store, std::memory_order load) {
  Outcomes seen;
  expect_holds(all("independent reads"), [&](Scheduler& run) {
    Atomic<int> x{0};
    Atomic<int> y{0};
    int a = -1;
    int b = -1;
    int c = -1;
    int d = -1;
    run.spawn("writer x", [&] { x.store(1, store); });
    run.spawn("writer y", [&] { y.store(1, store); });
    run.spawn("reader xy", [&] { a = x.load(load), b = y.load(load); });
    run.spawn("reader yx", [&] { c = y.load(load), d = x.load(load); });
    run.join();
    seen.insert(digits({a, b, c, d}));
  });
  return seen;
}

TEST(ModelLitmus, IndependentReadsAgreeOnlyUnderSeqCst) {
  EXPECT_TRUE(independent_reads(kRelease, kAcquire).contains("1010"));
  const Outcomes strong = independent_reads(kSeqCst, kSeqCst);
  EXPECT_FALSE(strong.contains("1010"));
  EXPECT_EQ(strong.size(), 15U);
}

// What memory.h says is not modelled: the one is never seen, the other ends with an error.
TEST(ModelLitmus, LimitsAreAsDocumented) {
  Outcomes seen;
  expect_holds(all("load buffering"), [&](Scheduler& run) {
    Atomic<int> x{0};
    Atomic<int> y{0};
    int a = -1;
    int b = -1;
    run.spawn("one", [&] { a = x.load(kRelaxed), y.store(1, kRelaxed); });
    run.spawn("two", [&] { b = y.load(kRelaxed), x.store(1, kRelaxed); });
    run.join();
    seen.insert(digits({a, b}));
  });
  EXPECT_EQ(seen, (Outcomes{"00", "01", "10"}));
  expect_fails(all("two plain stores"), "in no order", [](Scheduler& run) {
    Atomic<int> x{0};
    run.spawn("one", [&] { x.store(1, kRelaxed); });
    run.spawn("two", [&] { x.store(2, kRelaxed); });
    run.join();
  });
}

// A third thread passes the store on: write-to-read causality.
TEST(ModelLitmus, CausalityHoldsThroughAThirdThread) {
  Outcomes seen;
  expect_holds(all("write-to-read causality"), [&](Scheduler& run) {
    Atomic<int> x{0};
    Atomic<int> y{0};
    int a = -1;
    int b = -1;
    int c = -1;
    run.spawn("writer", [&] { x.store(1, kRelease); });
    run.spawn("middle", [&] { a = x.load(kAcquire), y.store(1, kRelease); });
    run.spawn("reader", [&] { b = y.load(kAcquire), c = x.load(kRelaxed); });
    run.join();
    seen.insert(digits({a, b, c}));
  });
  EXPECT_FALSE(seen.contains("110"));
  EXPECT_TRUE(seen.contains("010"));
}

// The two loads of a failed and of a repeated exchange obey their own order.
TEST(ModelLitmus, FailedExchangeMayReadAnOldValue) {
  const auto dekker = [](std::memory_order failure, Outcomes& seen) {
    return [=, &seen](Scheduler& run) {
      Atomic<int> x{0};
      Atomic<int> held{1};
      int got = -1;
      int b = -1;
      run.spawn("asks", [&] {
        x.exchange(1, kSeqCst);
        int free = 0;
        got = held.compare_exchange_strong(free, 1, kSeqCst, failure) ? 1 : 0;
      });
      run.spawn("gives", [&] { held.store(0, kSeqCst), b = x.load(kSeqCst); });
      run.join();
      seen.insert(digits({got, b}));
    };
  };
  Outcomes weak;
  expect_holds(all("failed exchange, relaxed"), dekker(kRelaxed, weak));
  EXPECT_TRUE(weak.contains("00"));
  Outcomes strong;
  expect_holds(all("failed exchange, seq_cst"), dekker(kSeqCst, strong));
  EXPECT_EQ(strong, (Outcomes{"01", "10", "11"}));
}

TEST(ModelLitmus, ReadModifyWriteIsAtomic) {
  expect_holds(all("three adders"), [](Scheduler& run) {
    Atomic<int> sum{0};
    for (int i = 0; i < 3; ++i) {
      run.spawn("adder", [&] { sum.fetch_add(1, kRelaxed); });
    }
    run.join();
    check(sum.load(kRelaxed) == 3, "an addition was lost");
  });
  expect_fails(all("load, then store"), "", [](Scheduler& run) {
    Atomic<int> sum{0};
    for (int i = 0; i < 2; ++i) {
      run.spawn("adder", [&] { sum.store(sum.load(kRelaxed) + 1, kRelaxed); });
    }
    run.join();
    check(sum.load(kRelaxed) == 2, "an addition was lost");
  });
}

TEST(ModelLitmus, WeakExchangeMayFailWithoutReason) {
  Outcomes seen;
  expect_holds(all("weak exchange"), [&](Scheduler& run) {
    Atomic<int> x{0};
    run.spawn("one", [&] {
      int expected = 0;
      seen.insert(x.compare_exchange_weak(expected, 1, kRelaxed, kRelaxed) ? "1" : "0");
    });
    run.join();
  });
  EXPECT_EQ(seen, (Outcomes{"0", "1"}));
}

// Two flags as a lock: each raises its own and enters if the other's is down.
Scenario two_flags(std::memory_order store, std::memory_order load) {
  return [=](Scheduler& run) {
    Atomic<int> raised[2];
    Var<int> guarded;
    const auto enter = [&](int self) {
      raised[self].store(1, store);
      if (raised[1 - self].load(load) == 0) {
        guarded.set(guarded.get() + 1);
      }
    };
    run.spawn("one", [&] { enter(0); });
    run.spawn("two", [&] { enter(1); });
    run.join();
  };
}

Scenario spin_lock(std::memory_order lock, std::memory_order unlock) {
  return [=](Scheduler& run) {
    Atomic<int> held{0};
    Var<int> guarded;
    const auto enter = [&] {
      while (held.exchange(1, lock) == 1) {
        ModelAtomics::yield();
      }
      guarded.set(guarded.get() + 1);
      held.store(0, unlock);
    };
    run.spawn("one", enter);
    run.spawn("two", enter);
    run.join();
    check(guarded.get() == 2, "an addition was lost");
  };
}

TEST(ModelLitmus, BadLocksAreFound) {
  expect_holds(all("two flags, seq_cst"), two_flags(kSeqCst, kSeqCst));
  expect_fails(all("two flags"), "data race", two_flags(kRelease, kAcquire));
  const Exploration few{.name = "spin lock", .bounds = {.preemptions = 3}};
  expect_holds(few, spin_lock(kAcquire, kRelease));
  expect_fails(few, "data race", spin_lock(kRelaxed, kRelease));
  expect_fails(few, "data race", spin_lock(kAcquire, kRelaxed));
}

// Sleeping without telling: the wake-up comes between the look and the sleep.
TEST(ModelLitmus, SleepForEverIsFound) {
  const auto sleeper = [](std::uint32_t awaited) {
    return [=](Scheduler& run) {
      Atomic<std::uint32_t> word{0};
      Atomic<int> ready{0};
      run.spawn("sleeper", [&] {
        while (ready.load(kAcquire) == 0) {
          ModelAtomics::futex_wait(word, 0, ModelAtomics::kNoDeadline);
        }
      });
      run.spawn("waker", [&] {
        ready.store(1, kRelease);
        word.fetch_add(awaited, kRelease);
        ModelAtomics::futex_wake_all(word);
      });
      run.join();
    };
  };
  expect_holds(all("sleeps on the right word"), sleeper(1));
  expect_fails(all("wakes without a change"), "asleep for ever: sleeper", sleeper(0));
}

TEST(ModelLitmus, TimeOutAndEarlyWakeUpAreTried) {
  Outcomes seen;
  expect_holds(all("deadline"), [&](Scheduler& run) {
    Atomic<std::uint32_t> word{0};
    run.spawn("sleeper",
              [&] { seen.insert(ModelAtomics::futex_wait(word, 0, 1) ? "woken" : "timed out"); });
    run.spawn("waker", [&] { ModelAtomics::futex_wake_all(word); });
    run.join();
  });
  EXPECT_EQ(seen, (Outcomes{"timed out", "woken"}));
}

TEST(ModelLitmus, UseOfADeadAtomicIsFound) {
  expect_fails(all("freed too early"), "destr", [](Scheduler& run) {
    auto word = std::make_unique<Atomic<int>>(0);
    Atomic<int>* address = word.get();
    run.spawn("owner", [&] { word.reset(); });
    run.spawn("user", [&] { address->load(kRelaxed); });
    run.join();
  });
}

TEST(ModelLitmus, EndlessLoopIsFound) {
  expect_fails({.name = "endless", .max_steps = 50}, "no end", [](Scheduler& run) {
    Atomic<int> word{0};
    run.spawn("spins", [&] {
      while (word.load(kRelaxed) == 0) {
      }
    });
    run.join();
  });
}

TEST(ModelLitmus, ChanceFindsWhatDepthFirstFinds) {
  Outcomes seen;
  Exploration exploration = all("independent reads by chance");
  exploration.by_chance = 20'000;
  expect_holds(exploration, [&](Scheduler& run) {
    Atomic<int> x{0};
    Atomic<int> y{0};
    int a = -1;
    int b = -1;
    run.spawn("one", [&] { x.store(1, kRelease), a = y.load(kAcquire); });
    run.spawn("two", [&] { y.store(1, kRelease), b = x.load(kAcquire); });
    run.join();
    seen.insert(digits({a, b}));
  });
  EXPECT_EQ(seen, (Outcomes{"00", "01", "10", "11"}));
}

}  // namespace
}  // namespace herald::model
