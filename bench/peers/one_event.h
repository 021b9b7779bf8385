// W4: one event at a time, into an empty system, to very many subscribers: does the last have it
// within a millisecond? In tries during which the machine did not stop the delivering thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "latency.h"
#include "measurement.h"
#include "processors.h"
#include "receivers.h"
#include "request.h"
#include "script.h"
#include "system.h"
#include "throughput.h"

namespace peers {

/// Subscribers in groups of kGroup; the last of each group reads the clock.
class MarkedAudience {
 public:
  MarkedAudience(const Script& script, std::size_t subscribers) : script_(script) {
    for (std::size_t rest = subscribers; rest > 0;) {
      const std::size_t count = std::min(rest, kGroup);
      rest -= count;
      audiences_.emplace_back(script, count - 1);
      markers_.push_back({&passage_, markers_.empty(), rest == 0});
    }
  }

  template <System S>
  void join(S& system) {
    for (std::size_t i = 0; i < audiences_.size(); ++i) {
      audiences_[i].join(system);
      system.subscribe(script_.interest(0), markers_[i]);
    }
  }

  /// Of the last event. Requires: flushed.
  [[nodiscard]] const Passage& passage() const noexcept { return passage_; }

  [[nodiscard]] std::string failure(std::uint64_t events) const {
    const std::vector<Tally> expected = script_.expected(1, events);
    for (std::size_t i = 0; i < audiences_.size(); ++i) {
      std::string failure = audiences_[i].failure(expected);
      if (failure.empty() && markers_[i].tally != expected[0]) {
        failure = "the last subscriber got other events than were published";
      }
      if (!failure.empty()) {
        return "group " + std::to_string(i) + ": " + failure;
      }
    }
    return {};
  }

 private:
  static constexpr std::size_t kGroup = 1'000;

  const Script& script_;
  Passage passage_;
  std::deque<Audience> audiences_;
  std::deque<Marker> markers_;
};

template <System S>
Measurement measure_one_event(const Request& request) {
  constexpr std::uint64_t kWarmUp = 5;
  constexpr std::int64_t kWithinNs = 1'000'000;
  const Processors processors;
  const Script script(request);
  const std::uint64_t tries = request.events > 0 ? request.events : 300;
  MarkedAudience audience(script, request.subscribers);
  S system(setup_of(request, processors));
  audience.join(system);
  system.start();

  stay_on(processors.publisher(0));
  std::vector<std::int64_t> unstalled_ns;
  double within = 0;
  for (std::uint64_t n = 0; n < kWarmUp + tries; ++n) {
    system.publish(0, script.topic(0), content_of(n, now_ns()));
    system.flush({n + 1, (n + 1) * request.subscribers});
    if (n < kWarmUp) {
      continue;
    }
    const std::int64_t total_ns = audience.passage().total_ns();
    within += total_ns < kWithinNs ? 1 : 0;
    if (!audience.passage().stalled()) {
      unstalled_ns.push_back(total_ns);
    }
  }
  system.stop();

  const auto quick = std::count_if(unstalled_ns.begin(), unstalled_ns.end(),
                                   [](std::int64_t total_ns) { return total_ns < kWithinNs; });
  const auto unstalled = static_cast<double>(unstalled_ns.size());
  Measurement found{.value = unstalled > 0 ? static_cast<double>(quick) / unstalled : 0,
                    .unit = "within 1 ms"};
  found.failure = audience.failure(kWarmUp + tries);
  found.add("tries", static_cast<double>(tries));
  found.add("stalled", static_cast<double>(tries) - unstalled);
  found.add("within_of_all", within / static_cast<double>(tries));
  if (!unstalled_ns.empty()) {
    add_percentiles(found, std::move(unstalled_ns));
  }
  return found;
}

}  // namespace peers
