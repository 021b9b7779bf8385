#include "utterance.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace inference_loop {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

Utterance::Utterance(Recognizer& recognizer, herald::Publisher& publisher,
                     herald::EventType<RealTimeFactor> real_time_factor, herald::StreamId stream)
    : recognizer_(recognizer),
      publisher_(publisher),
      real_time_factor_(real_time_factor),
      answer_(publisher, stream),
      status_(answer_.status()) {
  if (status_.ok() && !recognizer_.begin()) {
    status_ = absl::InternalError("PocketSphinx does not begin an utterance");
  }
}

bool Utterance::hear(std::span<const std::int16_t> block) {
  entered_ = Clock::now();
  if (status_.ok() && !recognizer_.hear(block)) {
    status_ = absl::InternalError("PocketSphinx does not take the audio");
  }
  if (!status_.ok()) {
    return false;
  }
  ++blocks_;
  if (blocks_ % kBlocksPerHypothesis == 0) {
    const std::string_view hypothesis = recognizer_.hypothesis();
    show(hypothesis);
    publish_words(agreement_.hear(hypothesis));
  }
  decoding_ = decoding();
  return true;
}

Outcome Utterance::end() {
  entered_ = Clock::now();
  if (status_.ok() && !recognizer_.end()) {
    status_ = absl::InternalError("PocketSphinx does not end the utterance");
  }
  if (status_.ok()) {
    publish_words(agreement_.finish(recognizer_.hypothesis()));
  }
  publish_figures();
  publish_end();
  decoding_ = decoding();
  return {status_, decoding_, answer_.report(), publishing_};
}

void Utterance::show(std::string_view hypothesis) {
  if (!hypothesis.empty()) {
    answer_.info(hypothesis);
  }
}

void Utterance::publish_words(std::span<const std::string> words) {
  std::string token;
  for (const std::string& word : words) {
    if (stop_requested()) {
      return;
    }
    token = words_++ == 0 ? word : ' ' + word;
    publishing_.add([&] { answer_.token(token); });
  }
  if (!words.empty()) {
    publish_figures();
  }
}

void Utterance::publish_figures() {
  const std::chrono::duration<float> audio = blocks_ * kBlockTime;
  const RealTimeFactor factor{std::chrono::duration<float>(decoding()).count(), audio.count()};
  publishing_.add([&] { answer_.update_metrics(); });
  publishing_.add(
      [&] { publisher_.publish(real_time_factor_, factor, {.stream = answer_.stream()}); });
}

void Utterance::publish_end() {
  if (status_.ok()) {
    publishing_.add([&] {
      answer_.complete(herald::FinishReason::kStop,
                       {.prompt_tokens = blocks_, .completion_tokens = words_});
    });
  } else {
    answer_.error({.code = "recognizer", .message = std::string(status_.message())});
  }
}

std::chrono::nanoseconds Utterance::decoding() const noexcept {
  return decoding_ + (Clock::now() - entered_);
}

Outcome listen(Utterance utterance, std::span<const std::int16_t> audio, bool realtime) {
  Clock::time_point due = Clock::now();
  while (!audio.empty() && !utterance.stop_requested()) {
    const auto block = audio.first(std::min(kBlockSamples, audio.size()));
    audio = audio.subspan(block.size());
    if (realtime) {
      due += kBlockTime;  // a block is there once it is spoken
      std::this_thread::sleep_until(due);
    }
    if (!utterance.hear(block)) {
      break;
    }
  }
  return utterance.end();
}

}  // namespace inference_loop
