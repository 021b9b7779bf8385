// A voice for texts that nobody has recorded.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "recording.h"

namespace inference_loop {

/// The text as espeak-ng, run as a child without a shell, says it in American English, resampled
/// to 16 kHz. Errors: Unavailable: espeak-ng cannot be run, or fails. Blocks until it has ended.
absl::StatusOr<Recording> speak(const std::string& text);

}  // namespace inference_loop
