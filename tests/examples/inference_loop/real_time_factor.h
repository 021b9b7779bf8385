// The figure that speech recognition is judged by, as a type of event.
#pragma once

#include <string>

#include "herald/bus.h"

namespace inference_loop {

/// How long an utterance was decoded for, and how long it is, by now. herald::Metrics has no field
/// for it, so it is a type of its own. Kept inside the event.
struct RealTimeFactor {
  float decoding_s = 0;
  float audio_s = 0;

  /// Below 1: faster than people speak.
  [[nodiscard]] float value() const noexcept { return audio_s > 0 ? decoding_s / audio_s : 0; }
};

inline herald::EventType<RealTimeFactor> define_real_time_factor(herald::Bus& bus) {
  const auto encode = [](const RealTimeFactor& factor, std::string& json) {
    json += std::to_string(factor.value());
  };
  return bus.define<RealTimeFactor>("real_time_factor", {.encode = encode}).value();
}

}  // namespace inference_loop
