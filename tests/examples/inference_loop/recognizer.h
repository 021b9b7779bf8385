// The model: PocketSphinx.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

struct ps_decoder_s;

namespace inference_loop {

/// Turns the audio of one utterance after the other into hypotheses, each as if it were its first.
/// Threads: movable; used by one thread at a time. Different ones are independent, but load() is
///   called by one thread.
/// Memory: some 100 MB.
class Recognizer {
 public:
  /// Free American English, or what the JSGF grammar in a file allows. Errors: one line.
  static absl::StatusOr<Recognizer> load(const std::string& grammar);

  /// False if PocketSphinx refuses; so in the next two.
  [[nodiscard]] bool begin() noexcept;
  [[nodiscard]] bool hear(std::span<const std::int16_t> samples) noexcept;
  [[nodiscard]] bool end() noexcept;

  /// What it takes the utterance for by now, or has taken it for: words with a space between them.
  /// Valid until the next call.
  [[nodiscard]] std::string_view hypothesis() noexcept;

 private:
  using Decoder = std::unique_ptr<ps_decoder_s, int (*)(ps_decoder_s*)>;

  explicit Recognizer(Decoder decoder);

  Decoder decoder_;
  std::vector<float> first_mean_;  // of the cepstrum, which each utterance changes
  bool begun_ = false;             // PocketSphinx never returns if it hears more behind an end
};

}  // namespace inference_loop
