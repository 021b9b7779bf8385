// Event, types: gives the entries of the five types that every bus has.
#include "core/event/built_in_types.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "herald/stream_end.h"

namespace herald::core {
namespace {

void append_string(std::string_view text, std::string& json) {
  json += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
      json += escape;
    } else {
      json += c;
    }
  }
  json += '"';
}

const char* name_of(InfoLevel level) {
  switch (level) {
    case InfoLevel::kDebug:
      return "debug";
    case InfoLevel::kInfo:
      return "info";
    case InfoLevel::kWarning:
      return "warning";
  }
  return "unknown";
}

void encode_complete(const Complete& complete, std::string& json) {
  json += "{\"finish_reason\":";
  append_string(name_of(complete.finish_reason), json);
  json += ",\"prompt_tokens\":" + std::to_string(complete.usage.prompt_tokens);
  json += ",\"completion_tokens\":" + std::to_string(complete.usage.completion_tokens);
  json += ",\"first_token_ns\":" + std::to_string(complete.timing.first_token_ns);
  json += ",\"total_ns\":" + std::to_string(complete.timing.total_ns) + '}';
}

void encode_error(const Error& error, std::string& json) {
  json += "{\"code\":";
  append_string(error.code, json);
  json += ",\"message\":";
  append_string(error.message, json);
  json += error.retryable ? ",\"retryable\":true}" : ",\"retryable\":false}";
}

void encode_info(const Info& info, std::string& json) {
  json += "{\"level\":";
  append_string(name_of(info.level), json);
  json += ",\"message\":";
  append_string(info.message, json);
  json += '}';
}

void append_field(const char* name, const std::optional<float>& value, std::string& json) {
  if (!value.has_value()) {
    return;
  }
  json += json.back() == '{' ? "\"" : ",\"";
  json += name;
  json += "\":";
  char digits[32];
  const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), *value);
  json += std::isfinite(*value) ? std::string_view(digits, end.ptr) : std::string_view("null");
}

void encode_metrics(const Metrics& metrics, std::string& json) {
  json += '{';
  append_field("first_token_ms", metrics.first_token_ms, json);
  append_field("tokens_per_second", metrics.tokens_per_second, json);
  append_field("inter_token_ms", metrics.inter_token_ms, json);
  append_field("progress", metrics.progress, json);
  json += '}';
}

template <typename T>
TypeRegistry::Entry entry(const char* name, bool terminal,
                          void (*encode)(ReceiveArgument<T>, std::string&)) {
  return {name, detail::payload_id<T>(), terminal, detail::make_encoder<T>(encode)};
}

}  // namespace

std::array<TypeRegistry::Entry, TypeRegistry::kBuiltInTypes> built_in_types() {
  return {entry<Text>("token", false, append_string),
          entry<Complete>("complete", true, encode_complete),
          entry<Error>("error", true, encode_error), entry<Info>("info", false, encode_info),
          entry<Metrics>("metrics", false, encode_metrics)};
}

}  // namespace herald::core
