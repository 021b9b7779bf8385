// base/parking.h under the controlled scheduler.
//
// Forbidden: a sleeper sleeps for ever though its condition holds; it goes on and does not see what
// the notifier did before.
#include <cstdint>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/fence.h"
#include "base/parking.h"
#include "model/explore.h"
#include "model/fence_modes.h"

namespace herald::model {
namespace {

using base::FenceMode;
using Spot = base::ParkingSpot<ModelAtomics>;
using Race = base::StoreThenLoad<ModelAtomics>;
using Word = Atomic<std::uint64_t>;

constexpr std::int64_t kNever = ModelAtomics::kNoDeadline;
constexpr std::int64_t kSoon = 1;

/// The use that parking.h prescribes. `holds` reads the condition with heavy_load.
template <typename Condition>
void sleep_until(Spot& spot, Condition holds, std::int64_t deadline_ns = kNever) {
  while (!holds()) {
    const Spot::Ticket ticket = spot.prepare();
    if (holds() || !spot.sleep(ticket, deadline_ns)) {
      return;
    }
  }
}

class ParkingModel : public FenceModes {
 protected:
  static Exploration named(const std::string& name, Bounds bounds = {}) {
    return FenceModes::named("parking, " + name, bounds);
  }

  static void work(Word& word, Spot& spot, std::uint64_t value) {
    Race::light_store(mode(), word, value);
    spot.notify();
  }
  static bool reaches(const Word& word, std::uint64_t value) {
    return Race::heavy_load(mode(), word) >= value;
  }
};

INSTANTIATE_TEST_SUITE_P(Fences, ParkingModel, FenceModes::both(), FenceModes::suffix);

TEST_P(ParkingModel, OneSleeperOneNotifier) {
  const Bounds bounds{.preemptions = 4, .stale_loads = 4, .surprises = 2};
  const Report report = expect_holds(named("one sleeper", bounds), [](Scheduler& run) {
    Spot spot(mode());
    Word word{0};
    Var<int> payload;
    run.name("spot", spot);
    run.name("word", word);
    run.spawn("notifier", [&] {
      payload.set(1);
      work(word, spot, 1);
    });
    run.spawn("sleeper", [&] {
      sleep_until(spot, [&] { return reaches(word, 1); });
      check(payload.get() == 1, "went on without the payload");
    });
    run.join();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// A publisher that goes on, a dispatcher that sleeps again: the word is armed anew each time.
TEST_P(ParkingModel, EachOfSeveralRoundsIsSeen) {
  const Bounds bounds{.preemptions = full() ? 4U : 3U};
  const Report report = expect_holds(named("three rounds", bounds), [](Scheduler& run) {
    Spot spot(mode());
    Word word{0};
    run.name("spot", spot);
    run.name("word", word);
    run.spawn("notifier", [&] {
      for (std::uint64_t round = 1; round <= 3; ++round) {
        work(word, spot, round);
      }
    });
    run.spawn("sleeper", [&] {
      for (std::uint64_t round = 1; round <= 3; ++round) {
        sleep_until(spot, [&] { return reaches(word, round); });
      }
    });
    run.join();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// One notifier's wake-up takes the bit from the other.
TEST_P(ParkingModel, TwoNotifiersOneSleeper) {
  const Bounds bounds{.preemptions = full() ? 4U : 3U};
  const Report report = expect_holds(named("two notifiers", bounds), [](Scheduler& run) {
    Spot spot(mode());
    Word one{0};
    Word two{0};
    run.name("spot", spot);
    run.name("one", one);
    run.name("two", two);
    run.spawn("notifier one", [&] { work(one, spot, 1); });
    run.spawn("notifier two", [&] { work(two, spot, 1); });
    run.spawn("sleeper",
              [&] { sleep_until(spot, [&] { return reaches(one, 1) && reaches(two, 1); }); });
    run.join();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// They share one bit: one's ticket is the other's.
TEST_P(ParkingModel, TwoSleepersOneNotifier) {
  const Report report = expect_holds(named("two sleepers"), [](Scheduler& run) {
    Spot spot(mode());
    Word word{0};
    run.name("spot", spot);
    run.name("word", word);
    for (std::uint64_t awaited = 1; awaited <= 2; ++awaited) {
      run.spawn(awaited == 1 ? "sleeper one" : "sleeper two",
                [&, awaited] { sleep_until(spot, [&] { return reaches(word, awaited); }); });
    }
    run.spawn("notifier", [&] {
      work(word, spot, 1);
      work(word, spot, 2);
    });
    run.join();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// Who leaves by time-out leaves the bit armed; who sleeps next must not suffer.
TEST_P(ParkingModel, SleepAfterTimeOut) {
  const Bounds bounds{.preemptions = 3, .surprises = 2};
  const Report report = expect_holds(named("time-out", bounds), [](Scheduler& run) {
    Spot spot(mode());
    Word word{0};
    run.name("spot", spot);
    run.name("word", word);
    run.spawn("notifier", [&] { work(word, spot, 1); });
    run.spawn("sleeper", [&] {
      sleep_until(
          spot, [&] { return reaches(word, 1); }, kSoon);
      sleep_until(spot, [&] { return reaches(word, 1); });
    });
    run.join();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// One sleeper arms again what a wake-up for the other has cleared, and leaves.
TEST_P(ParkingModel, NobodyTakesTheWakeUpOfAnother) {
  const Report report = expect_holds(named("strangers"), [](Scheduler& run) {
    Spot spot(mode());
    Word word{0};
    Word never{0};
    run.name("spot", spot);
    run.name("word", word);
    run.spawn("sleeper", [&] { sleep_until(spot, [&] { return reaches(word, 1); }); });
    run.spawn("notifier", [&] { work(word, spot, 1); });
    run.spawn("stranger", [&] {
      sleep_until(
          spot, [&] { return reaches(never, 1); }, kSoon);
    });
    run.join();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// A condition made by a read-modify-write needs no light_store.
TEST_P(ParkingModel, ConditionByReadModifyWrite) {
  const Report report = expect_holds(named("fetch_add"), [](Scheduler& run) {
    Spot spot(mode());
    Word word{0};
    run.name("spot", spot);
    run.name("word", word);
    for (const char* name : {"notifier one", "notifier two"}) {
      run.spawn(name, [&] {
        word.fetch_add(1, std::memory_order_seq_cst);
        spot.notify();
      });
    }
    run.spawn("sleeper", [&] { sleep_until(spot, [&] { return reaches(word, 2); }); });
    run.join();
  });
  EXPECT_GT(report.sleeps, 0U);
}

TEST_P(ParkingModel, ManyByChance) {
  Exploration exploration = named("three notifiers, two sleepers");
  exploration.by_chance = 100'000;
  expect_holds(exploration, [](Scheduler& run) {
    Spot spot(mode());
    Word words[3];
    run.name("spot", spot);
    run.name("words", words);
    for (Word& word : words) {
      run.spawn("notifier", [&] {
        for (std::uint64_t round = 1; round <= 3; ++round) {
          work(word, spot, round);
        }
      });
    }
    for (const char* name : {"sleeper one", "sleeper two"}) {
      run.spawn(name, [&] {
        for (std::uint64_t round = 1; round <= 3; ++round) {
          sleep_until(spot, [&] {
            return reaches(words[0], round) && reaches(words[1], round) && reaches(words[2], round);
          });
        }
      });
    }
    run.join();
  });
}

}  // namespace
}  // namespace herald::model
