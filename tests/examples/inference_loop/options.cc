#include "options.h"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace inference_loop {
namespace {

constexpr int kStatusUsage = 2;

constexpr const char* kFooter = R"(
By default it hears the recording that Debian's pocketsphinx-testdata has. FILE is a WAV file of
16 kHz, 1 channel and 16 bits. A word is told once 5 successive hypotheses, one every 100 ms of
audio, agree on it, or at the end; it is never taken back. The slow consumer listens in the first
round, which warms up and is not compared, and in every other one after it. The voice of --say is
resampled from 22,050 Hz in the simplest way.

Examples:
  inference_loop --realtime --rounds 1
  inference_loop --say "go backward six meters" --grammar commands.gram --transcript heard.txt

Exit status: 0 all was heard or cancelled with --cancel-after, 1 something failed, 2 wrong usage,
130 Ctrl-C.)";

void declare(CLI::App& program, Options& options) {
  program.add_option("FILE", options.file, "what to hear")->type_name("");
  CLI::Option* grammar =
      program.add_option("--grammar", options.grammar, "all that may be said, in JSGF")
          ->type_name("FILE");
  program.add_option("--say", options.say, "hear espeak-ng say it; needs --grammar")
      ->type_name("TEXT")
      ->needs(grammar)
      ->excludes("FILE");
  program.add_option("--streams", options.streams, "utterances at once, each its own stream")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  program.add_option("--rounds", options.rounds, "times that each stream hears it")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  program.add_option("--cancel-after", options.cancel_after, "cancel each stream N words in")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  program.add_option("--transcript", options.transcript, "write each utterance here as it ends")
      ->type_name("FILE");
  program.add_flag("--realtime", options.realtime, "hear it as fast as it is spoken, no faster");
}

int refuse(const char* reason) {
  std::fprintf(stderr, "inference_loop: %s; see --help\n", reason);
  return kStatusUsage;
}

}  // namespace

std::optional<int> read_options(int argc, char** argv, Options& options) {
  CLI::App program("Speech recognition as an inference loop on Herald", "inference_loop");
  program.footer(kFooter);
  declare(program, options);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? program.exit(error) : refuse(error.what());
  }
  if (options.say.empty() && program.count("--say") > 0) {
    return refuse("--say: there is nothing to say");
  }
  return std::nullopt;
}

}  // namespace inference_loop
