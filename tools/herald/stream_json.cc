#include "stream_json.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "herald/stream_end.h"

namespace herald::cli {
namespace {

using Json = nlohmann::ordered_json;

double us(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }

Json end_of(const StreamResult& result) {
  Json end;
  end["type"] = result.error.has_value()      ? Json("error")
                : result.complete.has_value() ? Json("complete")
                                              : Json();
  end["finish_reason"] =
      result.complete.has_value() ? Json(name_of(result.complete->finish_reason)) : Json();
  end["code"] = result.error.has_value() ? Json(result.error->code) : Json();
  end["message"] = result.error.has_value() ? Json(result.error->message) : Json();
  return end;
}

}  // namespace

std::string stream_json(const StreamResult& result, const StreamOptions& options) {
  const TokenStreamReport& stream = result.stream;
  const LatencyHistogram& delivery = result.delivery;
  Json json;
  json["input"] = result.input;
  json["subscribers"] = result.subscribers;
  json["rate_asked"] = options.rate.has_value() ? Json(*options.rate) : Json();
  json["end"] = end_of(result);
  json["tokens"] = stream.tokens;
  json["bytes"] = stream.text_bytes;
  json["bytes_delivered"] = result.text_bytes;
  json["coalesce_us"] = options.coalesce.has_value() ? Json(us(*options.coalesce)) : Json();
  json["events_joined"] = result.events_joined;
  json["events"] = result.events;
  json["deliveries"] = result.deliveries;
  json["seconds"] = std::chrono::duration<double>(stream.total).count();
  json["first_token_us"] = us(stream.first_token);
  json["inter_token_p50_us"] = us(stream.inter_token_p50);
  json["inter_token_p99_us"] = us(stream.inter_token_p99);
  json["tokens_per_second"] = stream.tokens_per_second;
  json["decode_tokens_per_second"] = stream.decode_tokens_per_second;
  json["delivery_p50_us"] = us(delivery.percentile(50));
  json["delivery_p99_us"] = us(delivery.percentile(99));
  json["delivery_p999_us"] = us(delivery.percentile(99.9));
  json["delivery_max_us"] = us(delivery.max());
  json["slo_us"] = us(options.slo);
  json["slo_met"] = result.within_slo;
  json["events_over_slo"] = delivery.count_over_slo();
  json["stalls"] = result.stalls.count;
  json["stall_max_us"] = us(result.stalls.longest);
  json["stall_us"] = us(result.stalls.total);
  json["ill_formed"] = stream.ill_formed;
  json["first_ill_formed_offset"] =
      stream.ill_formed > 0 ? Json(stream.first_ill_formed_offset) : Json();
  json["every_byte_delivered"] = result.every_byte_delivered();
  json["faults"] = result.faults;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace herald::cli
