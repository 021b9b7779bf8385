// Runs a scenario again and again until all its executions are seen, or many by chance.
//
//   const Report report = explore({.name = "two adders"}, [](Scheduler& run) {
//     Atomic<int> sum{0};
//     run.spawn("one", [&] { sum.fetch_add(1, std::memory_order_relaxed); });
//     run.spawn("two", [&] { sum.fetch_add(1, std::memory_order_relaxed); });
//     run.join();
//     check(sum.load(std::memory_order_relaxed) == 2, "an addition was lost");
//   });
//
// Environment: HERALD_FULL=1 goes further; HERALD_MODEL_SEED=<number> gives other executions by
// chance; HERALD_MODEL_REPLAY=<schedule> runs and traces one execution, as a failure has printed it
// (choose the test by --gtest_filter).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "model/choices.h"
#include "model/fail.h"
#include "model/model_atomics.h"
#include "model/scheduler.h"
#include "model/var.h"

namespace herald::model {

struct Exploration {
  std::string name;
  Bounds bounds{};
  std::uint64_t by_chance = 0;  ///< This many executions by chance; 0: all within the bounds.
  std::size_t max_steps = 2'000;
};

struct Report {
  bool holds = true;
  std::uint64_t executions = 0;
  std::uint64_t sleeps = 0;  ///< How often a thread slept, in all.
  std::string failure;       ///< What went wrong first.
  std::string text;          ///< For people: the failure, its schedule and trace, or the figures.
};

using Scenario = std::function<void(Scheduler&)>;

[[nodiscard]] Report explore(const Exploration& exploration, const Scenario& scenario);

/// Whether HERALD_FULL is set.
[[nodiscard]] bool full();

/// For scenarios with many threads, where the usual bounds leave minutes of work: less, unless
/// HERALD_FULL is set.
[[nodiscard]] inline Bounds narrow() {
  return full() ? Bounds{} : Bounds{.preemptions = 2, .stale_loads = 1, .surprises = 0};
}

/// The test fails if the scenario does.
Report expect_holds(const Exploration& exploration, const Scenario& scenario);
/// The test fails if the scenario does not, or with another failure than `part` says.
Report expect_fails(const Exploration& exploration, const std::string& part,
                    const Scenario& scenario);

}  // namespace herald::model
