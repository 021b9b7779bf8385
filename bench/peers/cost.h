// W5: what a system costs: processor time, allocations, memory.
#pragma once

#include <sys/resource.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "allocation_count.h"
#include "measurement.h"
#include "processors.h"
#include "request.h"
#include "script.h"
#include "system.h"
#include "throughput.h"

namespace peers {

/// Of all threads of the process, user and system.
inline double processor_seconds() noexcept {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

inline void sleep_until(std::int64_t at_ns) noexcept {
  const timespec at{.tv_sec = at_ns / 1'000'000'000, .tv_nsec = at_ns % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) != 0) {
  }
}

/// The publisher sleeps, too: it wakes each millisecond and publishes what is due. With rate 0 it
/// only sleeps, and the value is the share of one processor that the idle system takes.
template <System S>
Measurement measure_processor(const Request& request) {
  constexpr std::int64_t kTickNs = 1'000'000;
  const Processors processors;
  const Script script(request);
  Audience audience(script, request.subscribers);
  S system(setup_of(request, processors));
  audience.join(system);
  system.start();
  stay_on(processors.publisher(0));
  sleep_until(now_ns() + 20 * kTickNs);  // what started has come to rest

  const std::uint64_t each_tick = request.rate / 1'000;
  const auto ticks = static_cast<std::uint64_t>(request.duration.count());
  const double before = processor_seconds();
  const std::int64_t begin = now_ns();
  std::uint64_t events = 0;
  for (std::uint64_t tick = 0; request.rate > 0 && tick < ticks; ++tick) {
    sleep_until(begin + static_cast<std::int64_t>(tick) * kTickNs);
    for (std::uint64_t i = 0; i < each_tick; ++i, ++events) {
      system.publish(0, script.topic(events % script.classes()), content_of(events));
    }
  }
  sleep_until(begin + static_cast<std::int64_t>(ticks) * kTickNs);
  const double used = processor_seconds() - before;
  const double wall = static_cast<double>(now_ns() - begin) / 1e9;
  system.flush(audience.totals(1, events));
  system.stop();

  Measurement found;
  found.failure = audience.failure(script.expected(1, events));
  found.add("events", static_cast<double>(events));
  found.add("processor_share", used / wall);
  if (request.rate > 0) {
    found.value = used / static_cast<double>(events) * 1e6;
    found.unit = "CPU s per million events";
  } else {
    found.value = used / wall;
    found.unit = "of one CPU";
  }
  return found;
}

template <System S>
Measurement measure_allocations(const Request& request) {
  const Processors processors;
  const Script script(request);
  Audience audience(script, request.subscribers);
  S system(setup_of(request, processors));
  audience.join(system);
  system.start();
  stay_on(processors.publisher(0));

  const std::uint64_t events = request.events > 0 ? request.events : 200'000;
  std::uint64_t published = 0;
  const auto publish = [&](std::uint64_t count) {
    for (const std::uint64_t end = published + count; published < end; ++published) {
      system.publish(0, script.topic(published % script.classes()), content_of(published));
    }
    system.flush(audience.totals(1, published));
  };
  const auto allocations_of = [&](std::uint64_t count) {
    const AllocationCount allocations;
    publish(count);
    return static_cast<double>(allocations.count());
  };
  publish(events);  // warm
  const double of_flush = allocations_of(0);
  const double allocations = allocations_of(events) - of_flush;
  system.stop();

  Measurement found{.value = allocations / static_cast<double>(events) * 1e6,
                    .unit = "allocations per million events"};
  found.failure = audience.failure(script.expected(1, published));
  found.add("allocations", allocations);
  found.add("events", static_cast<double>(events));
  return found;
}

/// Bytes that a system of so many publishers takes.
template <System S>
double bytes_of(Setup setup, unsigned publishers) {
  setup.publishers = publishers;
  const std::size_t before = heap_bytes();
  const auto system = std::make_unique<S>(setup);
  const std::size_t after = heap_bytes();
  system->stop();
  return static_cast<double>(after) - static_cast<double>(before);
}

template <System S>
Measurement measure_memory(const Request& request) {
  const Processors processors;
  const Script script(request);
  const Setup setup = setup_of(request, processors);
  Audience audience(script, request.subscribers);
  bytes_of<S>(setup, 1);  // what a library allocates once
  Measurement found{.unit = "bytes per subscriber"};
  {
    S system(setup);
    const std::size_t before = heap_bytes();
    audience.join(system);
    system.start();
    system.flush({});
    found.value = (static_cast<double>(heap_bytes()) - static_cast<double>(before)) /
                  static_cast<double>(request.subscribers);
    if constexpr (requires { system.table_bytes(); }) {
      found.add("table_bytes_per_subscriber", static_cast<double>(system.table_bytes()) /
                                                  static_cast<double>(request.subscribers));
    }
    system.stop();
  }
  constexpr unsigned kPublishers = 8;
  const double bus = bytes_of<S>(setup, 1);
  found.add("bytes_per_idle_bus", bus);
  if (S::kAbilities.publishers > kPublishers) {
    found.add("bytes_per_publisher", (bytes_of<S>(setup, 1 + kPublishers) - bus) / kPublishers);
  }
  return found;
}

}  // namespace peers
