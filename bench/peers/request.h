// One measurement, as asked for.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "system.h"

namespace peers {

enum class Workload : std::uint8_t {
  kThroughput,   ///< Deliveries a second, publishing as fast as the system takes events.
  kLatency,      ///< Open loop: from the due time to the last subscriber's callback.
  kOneEvent,     ///< The same for one event at a time and very many subscribers.
  kProcessor,    ///< Processor time for a million events at a fixed rate, or while idle.
  kAllocations,  ///< Allocations for a million events, when warm.
  kMemory,       ///< Bytes for each subscriber, publisher and bus.
};

struct Request {
  Workload workload = Workload::kThroughput;
  std::string system;
  unsigned publishers = 1;
  std::size_t subscribers = 1;
  std::size_t batch = 1;      ///< Events a publish call.
  std::uint64_t types = 1;    ///< Event n has type n % types, and so wants subscriber n.
  std::uint64_t streams = 0;  ///< The same with streams; 0: no stream is used.
  bool receive_batches = false;
  Wait wait = Wait::kSpin;
  std::uint64_t rate = 0;    ///< Events a second.
  std::uint64_t events = 0;  ///< Exactly so many; 0: as many as fit the duration.
  std::chrono::milliseconds duration{250};
};

}  // namespace peers
