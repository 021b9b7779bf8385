// The command line.
#pragma once

#include <optional>
#include <string>

namespace inference_loop {

struct Options {
  std::string file;  ///< A WAV file; empty: the recording of Debian's pocketsphinx-testdata.
  std::string say;   ///< A text to be said by espeak-ng instead.
  std::string grammar;
  std::string transcript;
  unsigned streams = 2;
  unsigned rounds = 5;
  unsigned cancel_after = 0;  ///< Words; 0: not.
  bool realtime = false;
};

/// Reads the command line. A value: nothing is to be done, and the program ends with this status.
std::optional<int> read_options(int argc, char** argv, Options& options);

}  // namespace inference_loop
