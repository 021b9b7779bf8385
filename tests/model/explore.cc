#include "model/explore.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iomanip>
#include <memory>
#include <sstream>

#include <gtest/gtest.h>

namespace herald::model {
namespace {

// True if the scenario held.
bool run_once(Scheduler& run, const Scenario& scenario) {
  run.begin();
  try {
    scenario(run);
  } catch (const Failed&) {
    return false;
  }
  return run.failure().empty();
}

std::uint64_t seed() {
  const char* text = std::getenv("HERALD_MODEL_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

// Each execution has a seed of its own; those of neighbouring seeds must not meet.
Choices choices_of(const Exploration& exploration) {
  return exploration.by_chance == 0 ? Choices(exploration.bounds) : Choices(seed() << 32U);
}

// The same execution once more, now with a trace.
std::string traced(const Exploration& exploration, const Scenario& scenario,
                   const std::string& schedule) {
  Choices choices(schedule, exploration.bounds);
  choices.next();
  Scheduler run(choices, exploration.max_steps, true);
  run_once(run, scenario);
  return run.failure() + "\nHERALD_MODEL_REPLAY='" + schedule + "'\n" + run.trace();
}

std::string figures(const Exploration& exploration, const Report& report, double seconds) {
  const Bounds& bounds = exploration.bounds;
  std::ostringstream text;
  text << report.executions << " executions (";
  if (exploration.by_chance != 0) {
    text << "by chance, seed " << seed();
  } else {
    text << "all with " << bounds.preemptions << " preemptions, " << bounds.stale_loads
         << " stale loads, " << bounds.surprises << " surprises";
  }
  text << "), " << report.sleeps << " sleeps, " << std::fixed << std::setprecision(2) << seconds
       << " s";
  return text.str();
}

}  // namespace

bool full() { return std::getenv("HERALD_FULL") != nullptr; }

Report explore(const Exploration& exploration, const Scenario& scenario) {
  Report report;
  const auto begin = std::chrono::steady_clock::now();
  Choices choices = choices_of(exploration);
  auto run = std::make_unique<Scheduler>(choices, exploration.max_steps, false);
  const std::uint64_t limit =
      exploration.by_chance == 0 ? UINT64_MAX : exploration.by_chance * (full() ? 20 : 1);
  while (report.holds && report.executions < limit && choices.next()) {
    report.holds = run_once(*run, scenario);
    ++report.executions;
  }
  report.sleeps = run->sleeps();
  report.failure = run->failure();
  run.reset();  // There is one scheduler at a time.
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  report.text = exploration.name + ": " + figures(exploration, report, spent.count());
  if (!report.holds) {
    report.text.append("\n").append(traced(exploration, scenario, choices.schedule()));
  }
  return report;
}

Report expect_holds(const Exploration& exploration, const Scenario& scenario) {
  const char* schedule = std::getenv("HERALD_MODEL_REPLAY");
  if (schedule != nullptr) {
    std::printf("%s: %s", exploration.name.c_str(),
                traced(exploration, scenario, schedule).c_str());
    return {};
  }
  Report report = explore(exploration, scenario);
  std::printf("%s\n", report.holds ? report.text.c_str() : "");
  EXPECT_TRUE(report.holds) << "MODEL FAILURE " << report.text;
  return report;
}

Report expect_fails(const Exploration& exploration, const std::string& part,
                    const Scenario& scenario) {
  Report report = explore(exploration, scenario);
  EXPECT_FALSE(report.holds) << report.text;
  EXPECT_NE(report.failure.find(part), std::string::npos) << report.text;
  return report;
}

}  // namespace herald::model
