// peer_bench WORKLOAD SYSTEM: one measurement, in a process of its own, printed as one JSON object.
// bench/run puts them together. Exit status: 0; 1 a subscriber did not get what it should; 2 usage.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "placement.h"
#include "request.h"
#include "systems.h"

namespace {

using peers::Abilities;
using peers::Entry;
using peers::Measurement;
using peers::Request;
using peers::Wait;
using peers::Workload;

const std::map<std::string, Workload> kWorkloads{
    {"throughput", Workload::kThroughput},   {"latency", Workload::kLatency},
    {"one_event", Workload::kOneEvent},      {"processor", Workload::kProcessor},
    {"allocations", Workload::kAllocations}, {"memory", Workload::kMemory}};

constexpr const char* kPlacement = "placement";

struct Options {
  std::string workload;
  Request request;
  bool list = false;
};

int measure_placement() {
  const peers::Processors processors;
  nlohmann::json out{{"workload", kPlacement}};
  if (processors.several()) {
    const double ns = peers::one_way_ns(processors);
    out["one_way_ns"] = ns;
    out["placement"] = ns < peers::kNearNs ? "near" : "far";
  } else {
    out["placement"] = "single";
  }
  std::cout << out << '\n';
  return 0;
}

int list() {
  nlohmann::json out{{"workloads", {kPlacement}}, {"systems", nlohmann::json::array()}};
  for (const auto& [name, workload] : kWorkloads) {
    out["workloads"].push_back(name);
  }
  for (const Entry& entry : peers::all_systems()) {
    const Abilities& can = entry.abilities;
    nlohmann::json waits = nlohmann::json::array();
    for (const auto& [able, name] : {std::pair{can.spins, "spin"}, std::pair{can.parks, "park"},
                                     std::pair{can.adapts, "adaptive"}}) {
      if (able) {
        waits.push_back(name);
      }
    }
    out["systems"].push_back({{"name", entry.name},
                              {"own_thread", can.own_thread},
                              {"waits", waits},
                              {"receives_batches", can.receives_batches},
                              {"filters", can.filters},
                              {"publishers", can.publishers},
                              {"subscribers", can.subscribers}});
  }
  std::cout << out.dump(2) << '\n';
  return 0;
}

/// Empty, or what the system, or any, cannot do.
std::string refusal(const Request& request, const Abilities& can) {
  const bool classes = request.types > 1 || request.streams > 0;
  const bool able = request.wait == Wait::kSpin   ? can.spins
                    : request.wait == Wait::kPark ? can.parks
                                                  : can.adapts;
  const bool timed =
      request.workload == Workload::kLatency || request.workload == Workload::kOneEvent;
  if (request.types > 1 && request.streams > 0) {
    return "--types and --streams exclude each other";
  }
  if (classes && (request.batch > 1 || request.receive_batches || timed)) {
    return "--types and --streams are for single events, and not for latency";
  }
  if (request.publishers > 1 && request.workload != Workload::kThroughput) {
    return "several --publishers are for throughput";
  }
  if (request.workload == Workload::kLatency && request.rate == 0) {
    return "latency needs a --rate";
  }
  if (request.publishers > can.publishers) {
    return "it takes at most " + std::to_string(can.publishers) + " publishers";
  }
  if (request.subscribers > can.subscribers) {
    return "it is measured with at most " + std::to_string(can.subscribers) + " subscribers";
  }
  if (timed && !can.own_thread) {
    return "it has no thread of its own";
  }
  if (!able) {
    return "it does not wait so";
  }
  if (request.receive_batches && !can.receives_batches) {
    return "it does not deliver batches";
  }
  return classes && !can.filters ? "it does not filter" : "";
}

int measure(const Options& options) {
  const Request& request = options.request;
  for (const Entry& entry : peers::all_systems()) {
    if (entry.name != request.system) {
      continue;
    }
    if (const std::string reason = refusal(request, entry.abilities); !reason.empty()) {
      std::cerr << "peer_bench: " << request.system << ": " << reason << '\n';
      return 2;
    }
    const Measurement found = entry.measure(request);
    nlohmann::json out{{"workload", options.workload},
                       {"system", entry.name},
                       {"value", found.value},
                       {"unit", found.unit},
                       {"checked", found.failure.empty()}};
    for (const auto& [name, fact] : found.facts) {
      out[name] = fact;
    }
    if (!found.failure.empty()) {
      out["failure"] = found.failure;
    }
    std::cout << out << '\n';
    return found.failure.empty() ? 0 : 1;
  }
  std::cerr << "peer_bench: no system " << request.system << "; --list names them\n";
  return 2;
}

void define(CLI::App& app, Options& options) {
  static const std::map<std::string, Wait> waits{
      {"spin", Wait::kSpin}, {"park", Wait::kPark}, {"adaptive", Wait::kAdaptive}};
  static const std::map<std::string, bool> receives{{"each", false}, {"batch", true}};
  Request& request = options.request;
  app.add_option("WORKLOAD", options.workload, "what to measure");
  app.add_option("SYSTEM", request.system, "what to measure it on");
  app.add_flag("--list", options.list, "workloads and systems, as JSON");
  app.add_option("--publishers", request.publishers)->check(CLI::Range(1, 16));
  app.add_option("--subscribers", request.subscribers)->check(CLI::Range(1, 100'000));
  app.add_option("--batch", request.batch, "events a publish call")->check(CLI::Range(1, 256));
  app.add_option("--types", request.types)->check(CLI::Range(1, 32));
  app.add_option("--streams", request.streams)->check(CLI::Range(0, 100'000));
  app.add_option("--receive", request.receive_batches, "a callback each or a batch")
      ->transform(CLI::CheckedTransformer(receives));
  app.add_option("--wait", request.wait, "spin, park or adaptive")
      ->transform(CLI::CheckedTransformer(waits));
  app.add_option("--rate", request.rate, "events a second")->check(CLI::Range(0, 10'000'000));
  app.add_option("--events", request.events, "exactly so many, of each publisher");
  app.add_option_function<std::uint64_t>(
         "--duration-ms",
         [&request](std::uint64_t ms) { request.duration = std::chrono::milliseconds(ms); })
      ->check(CLI::Range(1, 60'000));
}

/// A socket of ZeroMQ or nng takes one or two descriptors.
void allow_many_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("One measurement of one system, as one JSON object.", "peer_bench");
  Options options;
  define(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  allow_many_files();
  if (options.list) {
    return list();
  }
  if (options.workload == kPlacement) {
    return measure_placement();
  }
  const auto workload = kWorkloads.find(options.workload);
  if (workload == kWorkloads.end()) {
    std::cerr << "peer_bench: no workload '" << options.workload << "'; --list names them\n";
    return 2;
  }
  options.request.workload = workload->second;
  return measure(options);
}
