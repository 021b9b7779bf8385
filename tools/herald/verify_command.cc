#include "verify_command.h"

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "exit_status.h"
#include "interrupt.h"
#include "machine.h"
#include "percentile_plot.h"
#include "terminal.h"
#include "verb.h"
#include "verify_json.h"
#include "verify_options.h"
#include "verify_run.h"
#include "verify_table.h"

namespace herald::cli {
namespace {

constexpr const char* kExamples = R"(
Examples:
  herald verify                                    the proof for 1 to 10,000 subscribers
  herald verify --subscribers 1000 --rate 50000 --slo 500us --pin 1,0 --plot
  herald verify --subscribers 1000 --slow-subscriber 5ms   fails, and names the culprit

How it measures:
  Open loop: events are due at fixed times, and latency runs from the due time to the return of the
  last matching subscriber, so a late publisher or a backlog shows. Every event carries publisher,
  number and checksum, and every subscriber proves what it got. Up to 2,000,000 events of a row are
  samples; of more, an even share is. Gaps in which the machine stopped a waiting thread are shown,
  and the p99.9 of the verdict leaves out the samples they touch, 5 % at most. Fewer than 1,000
  events prove no p99.9: such a row fails. Of a row that does not pass, subscribers whose calls
  took 1 ms or more are named: those with 3 such calls at least and a quarter of all of them. With
  fewer, the machine may as well have stopped the dispatcher inside the call of an innocent.

Exit status: 0 every row passes, 1 one does not, 2 wrong usage, 130 Ctrl-C, 141 the reader of the
output has closed it, as `head` does.)";

void add_options(Verb& verb, VerifyArguments& arguments) {
  verb.text("--subscribers", arguments.subscribers, "N,N,...",
            "Subscribers, a row each: 1 to 100,000");
  verb.text("--publishers", arguments.publishers, "N",
            "1 to 1,024; their threads are at most the cores less one");
  verb.text("--rate", arguments.rate, "N|max|auto",
            "Events per second, of all publishers together: 1 to 100,000,000.\n"
            "auto: 100,000; above 2,000 subscribers 2e8 / subscribers.\n"
            "max: as fast as the bus takes them; latency from publish,\n"
            "the verdict is on losses only");
  verb.text("--duration", arguments.duration, "TIME", "Of a row: 10ms to 1h");
  verb.text("--types", arguments.types, "N", "Types of event, published in turn: 1 to 59");
  verb.text("--selectivity", arguments.selectivity, "SHARE",
            "Share of subscribers that match each event: 0 to 1; at least one does");
  verb.text("--payload", arguments.payload, "BYTES",
            "16 to 4,096; above 32 each event has a block of memory of its own");
  verb.text("--slo", arguments.slo, "TIME", "The objective for latency: 1ns to 1h");
  verb.text("--wait", arguments.wait, "spin|adaptive|park", "What an idle dispatcher does");
  verb.text("--pin", arguments.pin, "CPU,CPU,...|any",
            "Processor of the dispatcher, then those of publishers");
  verb.text("--slow-subscriber", arguments.slow_subscriber, "TIME|none",
            "Adds a subscriber named slow that sleeps so long in its call ten times a\n"
            "second: 5ms to 90ms");
  verb.flag("--json", arguments.json, "Print one JSON object, nothing else");
  verb.flag("--plot", arguments.plot, "Draw the percentile curve of each row");
  verb.exclude("--plot", "--json");
  verb.flag("--strict", arguments.strict, "The p99.9 of all samples must be within the SLO");
}

int exit_status_of(const std::vector<VerifyRow>& rows) {
  if (interrupted()) {
    return kExitInterrupted;
  }
  for (const VerifyRow& row : rows) {
    if (row.outcome != Outcome::kPass) {
      return kExitFailed;
    }
  }
  return kExitSuccess;
}

/// Runs the rows, printing each as it ends. Errors: what the bus says.
absl::StatusOr<std::vector<VerifyRow>> run_rows(const VerifyOptions& options) {
  const bool color = takes_color(stdout);
  ProgressLine progress;
  std::vector<VerifyRow> rows;
  for (const std::uint64_t subscribers : options.subscribers) {
    if (interrupted() || print_error() != 0) {
      break;
    }
    absl::StatusOr<VerifyRow> row = VerifyRun(options, subscribers, progress).run();
    progress.clear();
    if (!row.ok()) {
      return row.status();
    }
    if (row->events == 0 && row->interrupted) {
      break;
    }
    rows.push_back(*std::move(row));
    if (!options.json) {
      print(table_row(rows.back(), options, color) +
            (options.plot ? percentile_plot(rows.back(), options) : ""));
    }
  }
  return rows;
}

int verify(const VerifyArguments& arguments) {
  const absl::StatusOr<VerifyOptions> options = parse(arguments);
  if (!options.ok()) {
    std::fprintf(stderr, "herald verify: %s\n", std::string(options.status().message()).c_str());
    return kExitUsage;
  }
  catch_interrupt();
  const Machine machine = Machine::read();
  if (!options->json) {
    print(table_heading(*options, machine));
  }
  const absl::StatusOr<std::vector<VerifyRow>> rows = run_rows(*options);
  if (!rows.ok()) {
    std::fprintf(stderr, "herald verify: %s\n", std::string(rows.status().message()).c_str());
    return kExitFailed;
  }
  print(options->json ? verify_json(machine, *options, *rows)
                      : table_summary(*rows, *options, takes_color(stdout)));
  return exit_status_of(*rows);
}

}  // namespace

void add_verify(CLI::App& program, int& exit_status) {
  auto arguments = std::make_shared<VerifyArguments>();
  Verb verb(program, "verify", "Prove on this machine that events reach every subscriber in time",
            kExamples);
  add_options(verb, *arguments);
  verb.run([arguments, &exit_status] { exit_status = verify(*arguments); });
}

}  // namespace herald::cli
