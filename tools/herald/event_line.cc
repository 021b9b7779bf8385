#include "event_line.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace herald::cli {
namespace {

void append_time(std::chrono::system_clock::time_point time, std::string& text) {
  using std::chrono::microseconds;
  const auto since_epoch = std::chrono::floor<microseconds>(time.time_since_epoch());
  const auto whole = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t seconds = whole.count();
  std::tm parts = {};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> date{};
  const std::size_t size = std::strftime(date.data(), date.size(), "%FT%T", &parts);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06dZ",
                static_cast<int>((since_epoch - whole).count()));
  text.append(date.data(), size).append(fraction.data());
}

}  // namespace

// Names of types need no escapes: they are [A-Za-z0-9_.-]{1,64}.
void append_event_line(const Bus& bus, const Event& event, std::string& lines) {
  lines += "{\"sequence\":" + std::to_string(event.sequence());
  lines.append(",\"type\":\"").append(bus.type_name(event.type_index()));
  lines += "\",\"stream\":" + std::to_string(event.stream());
  lines += ",\"time\":\"";
  append_time(event.wall_time(), lines);
  lines += "\",\"payload\":";
  bus.encode(event, lines);
  lines += "}\n";
}

}  // namespace herald::cli
