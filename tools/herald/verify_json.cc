#include "verify_json.h"

#include <chrono>
#include <nlohmann/json.hpp>

namespace herald::cli {
namespace {

using Json = nlohmann::ordered_json;

double us(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }

Json to_json(const std::vector<Culprit>& culprits) {
  Json list = Json::array();
  for (const Culprit& culprit : culprits) {
    list.push_back({{"name", culprit.name},
                    {"share", culprit.share},
                    {"longest_stay_us", us(culprit.longest_stay)},
                    {"strikes", culprit.strikes}});
  }
  return list;
}

Json to_json(const VerifyRow& row, const VerifyOptions& options) {
  Json json;
  json["subscribers"] = row.subscribers;
  json["publishers"] = row.publishers;
  json["rate_asked"] = row.rate_asked.has_value() ? Json(*row.rate_asked) : Json();
  json["rate"] = row.rate;
  json["events"] = row.events;
  json["deliveries"] = row.deliveries;
  json["seconds"] = row.seconds;
  json["p50_us"] = us(row.all.percentile(50));
  json["p90_us"] = us(row.all.percentile(90));
  json["p99_us"] = us(row.all.percentile(99));
  json["p999_us"] = us(row.all.percentile(99.9));
  json["p9999_us"] = us(row.all.percentile(99.99));
  json["max_us"] = us(row.all.max());
  json["p999_unstalled_us"] =
      row.unstalled.count() == 0 ? Json() : Json(us(row.unstalled.percentile(99.9)));
  json["stalled_share"] = row.stalled_share();
  json["stalls"] = row.stalls.count();
  json["stall_max_us"] = us(row.stalls.longest());
  json["stall_us"] = us(row.stalls.total());
  json["involuntary_switches"] = row.involuntary_switches;
  json["within_slo"] = row.all.share_within(options.slo);
  json["lost"] = row.faults.lost;
  json["duplicated"] = row.faults.duplicated;
  json["reordered"] = row.faults.reordered;
  json["torn"] = row.faults.torn;
  json["allocations"] = row.allocations;
  json["culprits"] = to_json(row.culprits);
  json["verdict"] = name_of(row.outcome);
  return json;
}

}  // namespace

std::string verify_json(const Machine& machine, const VerifyOptions& options,
                        const std::vector<VerifyRow>& rows) {
  Json json;
  json["machine"] = {{"cpu", machine.cpu},       {"cores", machine.cores},
                     {"kernel", machine.kernel}, {"compiler", machine.compiler},
                     {"flags", machine.flags},   {"fence", machine.fence}};
  json["slo_us"] = us(options.slo);
  json["rows"] = Json::array();
  for (const VerifyRow& row : rows) {
    json["rows"].push_back(to_json(row, options));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace herald::cli
