// W1 to W3: how many deliveries a second, publishing as fast as the system takes events.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <span>
#include <thread>
#include <vector>

#include "measurement.h"
#include "processors.h"
#include "request.h"
#include "script.h"
#include "system.h"

namespace peers {

inline Setup setup_of(const Request& request, const Processors& processors) {
  return {.publishers = request.publishers,
          .types = request.types,
          .wait = request.wait,
          .processor = processors.dispatcher()};
}

/// The publishers' threads. Each run continues the numbers of the one before.
template <System S>
class Crew {
 public:
  Crew(S& system, const Request& request, const Script& script, const Processors& processors)
      : system_(system), request_(request), script_(script), processors_(processors) {}

  /// Events that each publisher has published.
  [[nodiscard]] std::uint64_t published() const noexcept { return published_; }

  /// Each publisher publishes `events` more. Returns the nanoseconds until all are delivered.
  std::int64_t run(std::uint64_t events, const Audience& audience) {
    std::latch ready(request_.publishers);
    std::vector<std::int64_t> begins_ns(request_.publishers);
    std::vector<std::thread> threads;
    for (unsigned publisher = 0; publisher < request_.publishers; ++publisher) {
      threads.emplace_back([this, &ready, &begin_ns = begins_ns[publisher], publisher, events] {
        stay_on(processors_.publisher(publisher));
        ready.arrive_and_wait();
        begin_ns = now_ns();
        publish(publisher, events);
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    published_ += events;
    system_.flush(audience.totals(request_.publishers, published_));
    const std::int64_t end_ns = now_ns();
    const std::int64_t begin_ns = *std::min_element(begins_ns.begin(), begins_ns.end());
    return std::max<std::int64_t>(end_ns - begin_ns, 1);
  }

 private:
  static constexpr std::size_t kMostInBatch = 256;

  void publish(unsigned publisher, std::uint64_t events) {
    const std::uint64_t first = (std::uint64_t{publisher} << kCountBits) | published_;
    if (request_.batch > 1) {
      publish_batches(publisher, first, events);
      return;
    }
    std::uint64_t of_class = published_ % script_.classes();
    for (std::uint64_t number = first; number < first + events; ++number) {
      system_.publish(publisher, script_.topic(of_class), content_of(number));
      of_class = of_class + 1 == script_.classes() ? 0 : of_class + 1;
    }
  }

  void publish_batches(unsigned publisher, std::uint64_t number, std::uint64_t events) {
    std::array<Content, kMostInBatch> contents;
    while (events > 0) {
      const std::size_t count = std::min<std::uint64_t>(events, request_.batch);
      for (std::size_t i = 0; i < count; ++i) {
        contents[i] = content_of(number + i);
      }
      system_.publish_batch(publisher, script_.topic(0), std::span(contents).first(count));
      number += count;
      events -= count;
    }
  }

  S& system_;
  const Request& request_;
  const Script& script_;
  const Processors& processors_;
  std::uint64_t published_ = 0;
};

struct Run {
  std::uint64_t events = 0;  // of each publisher
  std::int64_t took_ns = 0;
};

/// Runs of more and more events, until one fills the duration, or half of it: that one counts, the
/// shorter ones before it warm up.
template <System S>
Run run_for(std::chrono::nanoseconds duration, Crew<S>& crew, const Audience& audience) {
  const auto wanted_ns = static_cast<double>(duration.count());
  Run run{.events = 16};
  while (true) {
    run.took_ns = crew.run(run.events, audience);
    const double missing = wanted_ns / static_cast<double>(run.took_ns);
    if (missing <= 2) {
      return run;
    }
    run.events *= static_cast<std::uint64_t>(std::clamp(missing, 2.0, 16.0));
  }
}

template <System S>
Measurement measure_throughput(const Request& request) {
  const Processors processors;
  const Script script(request);
  Audience audience(script, request.subscribers);
  S system(setup_of(request, processors));
  audience.join(system, request.receive_batches);
  system.start();

  Crew<S> crew(system, request, script, processors);
  const Run run = request.events > 0 ? Run{request.events, crew.run(request.events, audience)}
                                     : run_for(request.duration, crew, audience);
  system.stop();

  const Totals before = audience.totals(request.publishers, crew.published() - run.events);
  const Totals after = audience.totals(request.publishers, crew.published());
  const double seconds = static_cast<double>(run.took_ns) / 1e9;
  Measurement found{.value = static_cast<double>(after.deliveries - before.deliveries) / seconds,
                    .unit = "deliveries/s"};
  found.add("events", static_cast<double>(after.events - before.events));
  found.add("seconds", seconds);
  found.failure = audience.failure(script.expected(request.publishers, crew.published()));
  return found;
}

}  // namespace peers
