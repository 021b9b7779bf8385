// What the recognizer listens to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace inference_loop {

inline constexpr unsigned kSampleRateHz = 16'000;  // of the acoustic model

/// One channel of 16-bit samples, at most 10 minutes of it.
struct Recording {
  std::string title;  ///< As people know it.
  unsigned rate_hz = kSampleRateHz;
  std::vector<std::int16_t> samples;
};

/// Errors of all: one line that names the file and says what is wrong with it.

/// Samples without a header, little endian, 16 kHz.
absl::StatusOr<Recording> read_raw(const std::string& path);
/// A RIFF WAVE file of 16 kHz.
absl::StatusOr<Recording> read_wav(const std::string& path);

/// The bytes of a RIFF WAVE file, of any rate. A size of 0x7FFFF000 or more, which programs write
/// into a pipe because they do not know it yet, means all that follows.
absl::StatusOr<Recording> parse_wav(std::string_view bytes, std::string title);

/// The same at kSampleRateHz, by straight lines between the samples: simple, and what lies above
/// 8 kHz is folded into what is heard. Enough for a clear voice.
[[nodiscard]] Recording resample(Recording recording);

}  // namespace inference_loop
