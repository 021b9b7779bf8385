#include "machine.h"

#include <sched.h>
#include <sys/utsname.h>

#include <fstream>

#include "herald/bus.h"

// Given by the build, which alone knows them.
#ifndef HERALD_COMPILE_FLAGS
#define HERALD_COMPILE_FLAGS "unknown"
#endif

namespace herald::cli {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

std::string kernel_name() {
  utsname name = {};
  return uname(&name) == 0 ? std::string(name.sysname) + " " + name.release : "unknown";
}

std::string compiler_name() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#else
  return "GCC " __VERSION__;
#endif
}

std::string fence_in_use() {
  const auto bus = Bus::create({.dispatch = DispatchMode::kManual});
  return bus.ok() ? bus->stats().fence : "unknown";
}

}  // namespace

Machine Machine::read() {
  return {.cpu = processor_name(),
          .cores = usable_processors().size(),
          .kernel = kernel_name(),
          .compiler = compiler_name(),
          .flags = HERALD_COMPILE_FLAGS,
          .fence = fence_in_use()};
}

std::vector<unsigned> usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> processors;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (unsigned processor = 0; processor < CPU_SETSIZE; ++processor) {
      if (CPU_ISSET(processor, &set)) {
        processors.push_back(processor);
      }
    }
  }
  if (processors.empty()) {
    processors.push_back(0);
  }
  return processors;
}

}  // namespace herald::cli
