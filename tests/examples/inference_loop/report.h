// What the program says at its end.
#pragma once

#include <vector>

#include "recording.h"
#include "slow_consumer.h"
#include "transcript.h"
#include "utterance.h"

namespace inference_loop {

/// What the utterances of one round were to the threads that decoded them.
struct Round {
  bool slow_consumer = false;
  std::vector<Outcome> outcomes;
};

/// Prints it to standard output. `compare`: the first round warms up; of the others, what the slow
/// consumer costs is told.
void print_report(const Recording& recording, const std::vector<TranscriptLine>& lines,
                  const std::vector<Round>& rounds, const SlowConsumer::Counts& slow_consumer,
                  bool compare);

}  // namespace inference_loop
