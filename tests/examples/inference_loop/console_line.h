// What is being heard, live: one line on standard error that is written over.
#pragma once

#include <string>
#include <vector>

#include "herald/bus.h"
#include "herald/event.h"
#include "herald/subscription.h"

namespace inference_loop {

/// Subscribes to the hypotheses of all streams and shows the latest of each, side by side. Does
/// nothing unless standard error is a terminal.
/// Threads: the dispatching thread writes; clear() once the bus is at rest.
class ConsoleLine {
 public:
  ConsoleLine(herald::Bus& bus, unsigned streams);
  ConsoleLine(const ConsoleLine&) = delete;
  ConsoleLine& operator=(const ConsoleLine&) = delete;

  /// Leaves an empty line.
  void clear();

 private:
  void show(const herald::Info& hypothesis, herald::StreamId stream);

  std::vector<std::string> latest_;
  herald::Subscription hypotheses_;
};

}  // namespace inference_loop
