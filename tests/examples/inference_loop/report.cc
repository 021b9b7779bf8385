#include "report.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>

namespace inference_loop {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

void print_utterance(const TranscriptLine& line) {
  std::printf("%4llu  %-9s  %2u words  first after %4.0f ms  factor %.2f  %s\n",
              static_cast<unsigned long long>(line.stream), line.end.c_str(),
              line.usage.completion_tokens, static_cast<double>(line.first_token_ms),
              static_cast<double>(line.real_time_factor), line.text.c_str());
}

void print_publishing(const std::vector<Round>& rounds) {
  PublishCost cost;
  std::chrono::nanoseconds decoding{0};
  for (const Round& round : rounds) {
    for (const Outcome& outcome : round.outcomes) {
      cost += outcome.publishing;
      decoding += outcome.decoding;
    }
  }
  std::printf(
      "publishing     words, metrics and ends: %llu calls, %llu allocations, %.3f of %.0f ms\n",
      static_cast<unsigned long long>(cost.calls),
      static_cast<unsigned long long>(cost.allocations), Milliseconds(cost.time).count(),
      Milliseconds(decoding).count());
}

// The decoding times of the rounds after the first, with or without the slow consumer.
void print_decoding(const std::vector<Round>& rounds, bool slow_consumer) {
  std::vector<double> times_ms;
  for (std::size_t i = 1; i < rounds.size(); ++i) {
    for (const Outcome& outcome : rounds[i].outcomes) {
      if (rounds[i].slow_consumer == slow_consumer) {
        times_ms.push_back(Milliseconds(outcome.decoding).count());
      }
    }
  }
  std::sort(times_ms.begin(), times_ms.end());
  std::printf("decoding       %s the slow consumer: median %.0f ms, fastest %.0f ms\n",
              slow_consumer ? "with   " : "without", times_ms[times_ms.size() / 2], times_ms[0]);
}

}  // namespace

void print_report(const Recording& recording, const std::vector<TranscriptLine>& lines,
                  const std::vector<Round>& rounds, const SlowConsumer::Counts& slow_consumer,
                  bool compare) {
  std::printf("%s: %.2f s of audio\n", recording.title.c_str(),
              static_cast<double>(recording.samples.size()) / kSampleRateHz);
  std::for_each(lines.begin(), lines.end(), &print_utterance);
  print_publishing(rounds);
  std::printf("slow consumer  got %llu events, consumed %llu, dropped %llu\n",
              static_cast<unsigned long long>(slow_consumer.offered),
              static_cast<unsigned long long>(slow_consumer.consumed),
              static_cast<unsigned long long>(slow_consumer.dropped));
  if (compare) {
    print_decoding(rounds, false);
    print_decoding(rounds, true);
  }
}

}  // namespace inference_loop
