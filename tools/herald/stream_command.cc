#include "stream_command.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "exit_status.h"
#include "input_file.h"
#include "interrupt.h"
#include "stream_json.h"
#include "stream_options.h"
#include "stream_report.h"
#include "stream_run.h"
#include "terminal.h"
#include "verb.h"

namespace herald::cli {
namespace {

constexpr const char* kExamples = R"(
Examples:
  herald stream README.md --rate 50                         text as a model would write it
  curl -sN URL -d @request.json | herald stream --openai    the answer of a model, as it comes

The text goes to standard output, byte for byte; the report to standard error. Every token is an
event of one stream. One subscriber writes, the others count, and all must get the same. Delivery
runs from publish to the return of the last subscriber. Stalls are seen while the dispatcher spins,
so best with --wait spin.

Exit status: 0 every byte was delivered, whether or not in time; 1 not so: unreadable input, an
error in it, ill-formed UTF-8 (each sequence becomes U+FFFD), a full disk; 2 wrong usage;
130 Ctrl-C, which cancels the stream; 141 the reader of the output has closed it, as `head` does.)";

void add_options(Verb& verb, StreamArguments& arguments) {
  verb.text("FILE", arguments.file, "", "What to stream; - is standard input");
  verb.flag("--openai", arguments.openai,
            "The input is a streamed chat completion: `data:` lines of JSON\n"
            "chunks, as servers in OpenAI's style send them; else it is text,\n"
            "cut into words");
  verb.text("--rate", arguments.rate, "N|max", "Tokens per second: 0.01 to 10,000,000, or max");
  verb.text("--subscribers", arguments.subscribers, "N", "1 to 100,000; one of them writes");
  verb.text("--coalesce", arguments.coalesce, "TIME",
            "Join the tokens of so long a time to one event: 1ms to 10s.\n"
            "The wait counts as delivery");
  verb.text("--slo", arguments.slo, "TIME", "The objective for delivery: 1ns to 1h");
  verb.text("--wait", arguments.wait, "spin|adaptive|park", "What an idle dispatcher does");
  verb.text("--events", arguments.events, "text|json",
            "json: write every event as a line of JSON instead of the text");
  verb.flag("--json", arguments.json, "The report as one JSON object");
}

/// An answer that the reader saw on the same terminal gets a line of its own.
void write_report(const StreamResult& result, const StreamOptions& options) {
  if (isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1 && !result.ends_with_line_end) {
    std::fputc('\n', stderr);
  }
  const std::string text = options.json ? stream_json(result, options)
                                        : stream_report(result, options, takes_color(stderr));
  std::fputs(text.c_str(), stderr);
}

int complain(const std::string& line, int exit_status) {
  std::fprintf(stderr, "herald stream: %s\n", line.c_str());
  return exit_status;
}

/// What is wrong is told in lines, but as JSON in the report alone.
int exit_status_of(const StreamResult& result, bool json) {
  for (const std::string& fault : result.faults) {
    if (!json) {
      complain(fault, kExitFailed);
    }
  }
  if (result.interrupted) {
    return kExitInterrupted;
  }
  if (result.pipe_closed) {
    return json ? kExitPipeClosed
                : complain("the reader of standard output has closed it", kExitPipeClosed);
  }
  return result.faults.empty() ? kExitSuccess : kExitFailed;
}

int stream(const StreamArguments& arguments) {
  const absl::StatusOr<StreamOptions> options = parse(arguments);
  if (!options.ok()) {
    return complain(std::string(options.status().message()), kExitUsage);
  }
  catch_interrupt();
  absl::StatusOr<InputFile> input = InputFile::open(options->file);
  if (!input.ok()) {
    return complain(std::string(input.status().message()), kExitFailed);
  }
  const absl::StatusOr<StreamResult> result = StreamRun(*options, *std::move(input)).run();
  if (!result.ok()) {
    return complain(std::string(result.status().message()), kExitFailed);
  }
  write_report(*result, *options);
  return exit_status_of(*result, options->json);
}

}  // namespace

void add_stream(CLI::App& program, int& exit_status) {
  auto arguments = std::make_shared<StreamArguments>();
  Verb verb(program, "stream", "Stream a text, or the answer of a model, to many subscribers",
            kExamples);
  add_options(verb, *arguments);
  verb.run([arguments, &exit_status] { exit_status = stream(*arguments); });
}

}  // namespace herald::cli
