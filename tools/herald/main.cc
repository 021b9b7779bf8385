// herald: the program. One verb a file, <verb>_command.cc.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <sstream>
#include <string>
#include <system_error>

#include "exit_status.h"
#include "herald/version.h"
#include "stream_command.h"
#include "terminal.h"
#include "verify_command.h"

namespace {

using namespace herald::cli;

constexpr const char* kExamples = R"(
Examples:
  herald verify                                    prove delivery under 1 ms on this machine
  herald verify --subscribers 100,1000 --json      the same as JSON, for two rows
  herald stream README.md --rate 50                text to 1,000 subscribers, as a model writes it

`herald VERB --help` says more.)";

int refuse(const char* reason) {
  std::fprintf(stderr, "herald: %s\nRun with --help for what is allowed.\n", reason);
  return kExitUsage;
}

/// Help and version are no error; everything else CLI11 complains about is wrong usage, whatever
/// status it has for it.
int report(const CLI::App& program, const CLI::ParseError& error) {
  if (error.get_exit_code() != 0) {
    return refuse(error.what());
  }
  std::ostringstream text;
  program.exit(error, text, text);
  print(text.str());
  return kExitSuccess;
}

int complain(const char* reason) {
  std::fprintf(stderr, "herald: %s\n", reason);
  return kExitFailed;
}

constexpr const char* kNoMemory = "there is not enough memory for that";
std::terminate_handler end_with_a_dump = nullptr;

/// Without memory for a subscription the library ends the process, in whichever thread that is.
[[noreturn]] void end_without_memory() {
  try {
    if (std::current_exception() != nullptr) {
      throw;
    }
  } catch (const std::bad_alloc&) {
    std::_Exit(complain(kNoMemory));
  } catch (...) {
  }
  end_with_a_dump();
  std::abort();
}

/// Output that nobody got is a failure; a closed pipe is somebody's choice and needs no words.
int finish(int status) {
  const int error = print_error();
  if (error == 0 || status == kExitUsage || status == kExitInterrupted) {
    return status;
  }
  if (error == EPIPE) {
    return kExitPipeClosed;
  }
  std::fprintf(stderr, "herald: cannot write the output: %s\n", std::strerror(error));
  return kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  // A closed pipe, and a file that may not grow, are seen when writing.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  end_with_a_dump = std::set_terminate(&end_without_memory);
  CLI::App program("Herald: publish/subscribe with a latency you can prove", "herald");
  program.set_version_flag("--version", std::string("herald ") + herald::version());
  program.footer(kExamples);
  program.require_subcommand(0, 1);  // "required" would hide which word is unknown
  int exit_status = kExitSuccess;
  add_verify(program, exit_status);
  add_stream(program, exit_status);
  try {
    program.parse(argc, argv);
    if (program.get_subcommands().empty()) {
      exit_status = refuse("no verb is given; there are: verify, stream");
    }
  } catch (const CLI::ParseError& error) {
    exit_status = report(program, error);
  } catch (const std::bad_alloc&) {
    exit_status = complain(kNoMemory);
  } catch (const std::system_error&) {
    exit_status = complain("the system gives no more threads");
  }
  return finish(exit_status);
}
