// W4: from the due time to the last subscriber's callback. Open loop: events are due at fixed
// times, whatever became of those before, so a backlog shows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "backoff.h"
#include "measurement.h"
#include "processors.h"
#include "receivers.h"
#include "request.h"
#include "script.h"
#include "system.h"
#include "throughput.h"

namespace peers {

/// A publisher this late stops: the system cannot keep the rate. Far above any stall of a machine.
inline constexpr std::int64_t kTooLateNs = 250'000'000;

inline void wait_until(std::int64_t due_ns) noexcept {
  while (now_ns() < due_ns) {
    cpu_pause();
  }
}

/// Publishes at the rate, and returns how many events: fewer when the system cannot keep it.
template <System S>
std::uint64_t publish_on_time(S& system, const Request& request, const Script& script,
                              std::uint64_t events) {
  const double period_ns = 1e9 / static_cast<double>(request.rate);
  const std::int64_t begin = now_ns() + 1'000'000;
  for (std::uint64_t n = 0; n < events; ++n) {
    const std::int64_t due = begin + static_cast<std::int64_t>(static_cast<double>(n) * period_ns);
    wait_until(due);
    if (now_ns() - due > kTooLateNs) {
      return n;
    }
    system.publish(0, script.topic(n % script.classes()), content_of(n, due));
  }
  return events;
}

/// Returns the median, in microseconds. Requires: samples.
inline double add_percentiles(Measurement& found, std::vector<std::int64_t> samples_ns) {
  std::sort(samples_ns.begin(), samples_ns.end());
  const auto us = [&samples_ns](double share) {
    return static_cast<double>(quantile(samples_ns, share)) / 1e3;
  };
  found.add("p50_us", us(0.50));
  found.add("p99_us", us(0.99));
  found.add("p999_us", us(0.999));
  found.add("samples", static_cast<double>(samples_ns.size()));
  return us(0.50);
}

template <System S>
Measurement measure_latency(const Request& request) {
  const Processors processors;
  const Script script(request);
  const auto duration_ms = static_cast<std::uint64_t>(request.duration.count());
  const std::uint64_t wanted =
      request.events > 0 ? request.events
                         : std::max<std::uint64_t>(request.rate * duration_ms / 1'000, 10);
  Audience audience(script, request.subscribers - 1);
  Watcher last(wanted);
  S system(setup_of(request, processors));
  audience.join(system);
  system.subscribe(script.interest(request.subscribers - 1), last);
  system.start();

  stay_on(processors.publisher(0));
  const std::uint64_t events = publish_on_time(system, request, script, wanted);
  Totals totals = audience.totals(1, events);
  totals.deliveries += events;
  system.flush(totals);
  system.stop();

  Measurement found{.unit = "us"};
  const std::vector<Tally> expected = script.expected(1, events);
  found.failure = audience.failure(expected);
  if (found.failure.empty() && last.tally() != expected[0]) {
    found.failure = "the last subscriber got other events than were published";
  }
  found.add("events", static_cast<double>(events));
  found.add("overloaded", events < wanted ? 1 : 0);
  std::vector<std::int64_t> samples = last.samples_ns();
  const auto warm_up = static_cast<std::ptrdiff_t>(samples.size() / 10);
  samples.erase(samples.begin(), samples.begin() + warm_up);
  if (!samples.empty()) {
    found.value = add_percentiles(found, std::move(samples));
  }
  return found;
}

}  // namespace peers
