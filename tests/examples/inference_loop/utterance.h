// The inference loop: audio goes into the model, words come out on the bus.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "herald/publisher.h"
#include "herald/token_stream.h"
#include "publish_cost.h"
#include "real_time_factor.h"
#include "recognizer.h"
#include "recording.h"
#include "word_agreement.h"

namespace inference_loop {

inline constexpr std::chrono::milliseconds kBlockTime{20};
inline constexpr std::size_t kBlockSamples = kSampleRateHz / 1000 * kBlockTime.count();
/// A hypothesis every 100 ms of audio. Agreement says little in a shorter time: asked after each
/// block, the recognizer holds `go for` for twenty hypotheses before it hears `go forward`.
inline constexpr std::uint32_t kBlocksPerHypothesis = 5;
inline constexpr unsigned kAgreement = 5;  // hypotheses that settle a word

/// What one utterance was to the thread that decoded it.
struct Outcome {
  absl::Status status;
  std::chrono::nanoseconds decoding{0};  ///< In the model and in Herald, without waiting for audio.
  herald::TokenStreamReport stream;
  PublishCost publishing;  ///< Of words, metrics and the end; hypotheses are longer than an event.
};

/// One utterance: a stream of these events, in which only hypotheses are longer than an event.
///   kInfo: each hypothesis, whole. kToken: a word with the space before it, once it is settled.
///   kMetrics and RealTimeFactor: after words, and before the end. kComplete: the end, with blocks
///   of audio as prompt tokens and words as completion tokens; or kError.
/// Threads: movable; used by one thread at a time, the one that uses recognizer and publisher.
/// Ownership: recognizer and publisher must stay where they are meanwhile.
class Utterance {
 public:
  /// Opens the stream. Errors show in the outcome.
  Utterance(Recognizer& recognizer, herald::Publisher& publisher,
            herald::EventType<RealTimeFactor> real_time_factor, herald::StreamId stream);

  [[nodiscard]] bool stop_requested() const noexcept { return answer_.stop_requested(); }

  /// The next block of audio. False if there is nothing more to do but end().
  bool hear(std::span<const std::int16_t> block);
  /// Ends utterance and stream; to be called once.
  Outcome end();

 private:
  void show(std::string_view hypothesis);
  void publish_words(std::span<const std::string> words);
  void publish_figures();
  void publish_end();
  [[nodiscard]] std::chrono::nanoseconds decoding() const noexcept;

  Recognizer& recognizer_;
  herald::Publisher& publisher_;
  herald::EventType<RealTimeFactor> real_time_factor_;
  herald::TokenStream answer_;
  WordAgreement agreement_{kAgreement};
  absl::Status status_;
  std::uint32_t blocks_ = 0;
  std::uint32_t words_ = 0;
  PublishCost publishing_;
  std::chrono::nanoseconds decoding_{0};
  std::chrono::steady_clock::time_point entered_;
};

/// A whole utterance from a recording: as fast as it can be decoded, or as it is spoken.
Outcome listen(Utterance utterance, std::span<const std::int16_t> audio, bool realtime);

}  // namespace inference_loop
