// A real inference loop on Herald: several threads recognize speech with PocketSphinx, each
// publishes its utterance as a stream of words, and a live line, a transcript, a listener that has
// heard enough and a slow consumer subscribe. The loop itself is utterance.cc.
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "herald/herald.h"
#include "inference_loop/console_line.h"
#include "inference_loop/interrupt.h"
#include "inference_loop/options.h"
#include "inference_loop/report.h"
#include "inference_loop/synthetic_voice.h"

namespace {

using namespace inference_loop;
using namespace std::chrono_literals;

constexpr const char* kPackagedRecording = HERALD_POCKETSPHINX_FOLDER "/test/data/goforward.raw";
constexpr auto kTimeForEachEvent = 50ms;  // of the slow consumer
constexpr std::size_t kRoomOfSlowConsumer = 8;
constexpr int kStatusFailed = 1;
constexpr int kStatusInterrupted = 130;

absl::StatusOr<Recording> load_recording(const Options& options) {
  if (!options.say.empty()) {
    return speak(options.say);
  }
  return options.file.empty() ? read_raw(kPackagedRecording) : read_wav(options.file);
}

absl::StatusOr<std::vector<Recognizer>> load_recognizers(const Options& options) {
  std::vector<Recognizer> recognizers;
  while (recognizers.size() < options.streams) {
    absl::StatusOr<Recognizer> recognizer = Recognizer::load(options.grammar);
    if (!recognizer.ok()) {
      return recognizer.status();
    }
    recognizers.push_back(*std::move(recognizer));
  }
  return recognizers;
}

// The bus, and who publishes on it: for each stream of a round a recognizer and a publisher.
class Loop {
 public:
  Loop(const Options& options, const Recording& recording, std::vector<Recognizer> recognizers)
      : options_(options), recording_(recording), recognizers_(std::move(recognizers)) {
    for (unsigned i = 0; i < options.streams; ++i) {
      publishers_.push_back(bus_.publisher({.name = "decoder " + std::to_string(i)}).value());
    }
  }

  [[nodiscard]] herald::Bus& bus() noexcept { return bus_; }
  [[nodiscard]] herald::EventType<RealTimeFactor> real_time_factor() const noexcept {
    return real_time_factor_;
  }

  // All streams of the first `rounds` rounds; those that are not open are no matter.
  void cancel(unsigned rounds) {
    for (herald::StreamId stream = 1; stream <= rounds * options_.streams; ++stream) {
      bus_.cancel(stream);
    }
  }

  // Streams are numbered from 1, round by round. They are all open before `interrupted` is asked,
  // so that an interrupt cancels them here or finds them open.
  std::vector<Outcome> run_round(unsigned round, const std::function<bool()>& interrupted) {
    std::vector<Utterance> utterances;
    utterances.reserve(options_.streams);
    for (unsigned i = 0; i < options_.streams; ++i) {
      utterances.emplace_back(recognizers_[i], publishers_[i], real_time_factor_,
                              herald::StreamId{round} * options_.streams + i + 1);
    }
    if (interrupted()) {
      cancel(round + 1);
    }
    std::vector<Outcome> outcomes(options_.streams);
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < options_.streams; ++i) {
      threads.emplace_back([&, i] {
        outcomes[i] = listen(std::move(utterances[i]), recording_.samples, options_.realtime);
      });
    }
    threads.clear();  // joins them
    return outcomes;
  }

 private:
  const Options& options_;
  const Recording& recording_;
  std::vector<Recognizer> recognizers_;
  herald::Bus bus_;
  herald::EventType<RealTimeFactor> real_time_factor_ = define_real_time_factor(bus_);
  std::deque<herald::Publisher> publishers_;
};

// A listener that has heard enough of each stream after `words` words.
herald::Subscription cancel_after(herald::Bus& bus, unsigned words) {
  auto count = [&bus, words, heard = std::map<herald::StreamId, unsigned>()](
                   std::string_view, const herald::Event& event) mutable {
    if (++heard[event.stream()] == words) {
      bus.cancel(event.stream());
    }
  };
  return bus.subscribe(herald::kToken, std::move(count), {.name = "hang-up"}).value();
}

// In every other round, from the first, with the slow consumer, whose counts are added up.
std::vector<Round> run_rounds(Loop& loop, const Options& options, SlowConsumer::Counts& counts,
                              const std::function<bool()>& interrupted) {
  std::vector<Round> rounds;
  while (rounds.size() < options.rounds && !interrupted()) {
    const auto number = static_cast<unsigned>(rounds.size());
    std::optional<SlowConsumer> slow;
    if (number % 2 == 0) {
      slow.emplace(loop.bus(), kTimeForEachEvent, kRoomOfSlowConsumer);
    }
    rounds.push_back({slow.has_value(), loop.run_round(number, interrupted)});
    if (slow.has_value()) {
      const SlowConsumer::Counts more = slow->stop();
      counts.offered += more.offered;
      counts.consumed += more.consumed;
      counts.dropped += more.dropped;
    }
  }
  return rounds;
}

absl::Status first_error(const std::vector<Round>& rounds) {
  absl::Status status;
  for (const Round& round : rounds) {
    for (const Outcome& outcome : round.outcomes) {
      status.Update(outcome.status);
      if (outcome.stream.lost_events > 0) {
        status.Update(absl::InternalError("a lane did not take an event"));
      }
    }
  }
  return status;
}

absl::StatusOr<int> run(const Options& options) {
  const absl::StatusOr<Recording> recording = load_recording(options);
  if (!recording.ok()) {
    return recording.status();
  }
  absl::StatusOr<std::vector<Recognizer>> recognizers = load_recognizers(options);
  if (!recognizers.ok()) {
    return recognizers.status();
  }
  block_interrupt();
  Loop loop(options, *recording, *std::move(recognizers));
  const auto transcript = Transcript::open(loop.bus(), loop.real_time_factor(), options.transcript);
  if (!transcript.ok()) {
    return transcript.status();
  }
  ConsoleLine console_line(loop.bus(), options.streams);
  herald::Subscription hang_up;
  if (options.cancel_after > 0) {
    hang_up = cancel_after(loop.bus(), options.cancel_after);
  }

  const InterruptWatch interrupt([&] { loop.cancel(options.rounds); });
  SlowConsumer::Counts slow_consumer;
  const std::vector<Round> rounds =
      run_rounds(loop, options, slow_consumer, [&] { return interrupt.came(); });
  const absl::StatusOr<herald::DrainReport> drained = loop.bus().drain(10s);
  console_line.clear();
  const bool compare = rounds.size() >= 3 && options.cancel_after == 0 && !interrupt.came();
  print_report(*recording, (*transcript)->lines(), rounds, slow_consumer, compare);

  absl::Status status = first_error(rounds);
  status.Update((*transcript)->status());
  if (!drained.ok() || !drained->complete || !loop.bus().stats().conserved()) {
    status.Update(absl::InternalError("not every event was delivered"));
  }
  if (std::fflush(stdout) != 0) {
    status.Update(absl::UnavailableError("cannot write to standard output"));
  }
  if (!status.ok()) {
    return status;
  }
  return interrupt.came() ? kStatusInterrupted : EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const std::optional<int> ended = read_options(argc, argv, options); ended.has_value()) {
    return *ended;
  }
  const absl::StatusOr<int> status = run(options);
  if (!status.ok()) {
    std::fprintf(stderr, "inference_loop: %s\n", std::string(status.status().message()).c_str());
    return kStatusFailed;
  }
  return *status;
}
