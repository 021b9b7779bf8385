// Any workload on one system. Each system's file makes its entry with it.
#pragma once

#include "cost.h"
#include "latency.h"
#include "measurement.h"
#include "one_event.h"
#include "request.h"
#include "system.h"
#include "systems.h"
#include "throughput.h"

namespace peers {

template <System S>
Measurement measure(const Request& request) {
  switch (request.workload) {
    case Workload::kThroughput:
      return measure_throughput<S>(request);
    case Workload::kLatency:
      return measure_latency<S>(request);
    case Workload::kOneEvent:
      return measure_one_event<S>(request);
    case Workload::kProcessor:
      return measure_processor<S>(request);
    case Workload::kAllocations:
      return measure_allocations<S>(request);
    case Workload::kMemory:
      return measure_memory<S>(request);
  }
  return {.failure = "no such workload"};
}

template <System S>
Entry make_entry() {
  return {S::kName, S::kAbilities, &measure<S>};
}

}  // namespace peers
