#include "stream_report.h"

#include <array>
#include <chrono>
#include <cstdio>

#include "herald/stream_end.h"
#include "quantity.h"
#include "terminal.h"

namespace herald::cli {
namespace {

std::string line(std::string_view label, std::string_view text) {
  constexpr std::size_t kLabelColumns = 13;
  std::string whole = "  ";
  whole.append(label).append(kLabelColumns - label.size(), ' ').append(text).append("\n");
  return whole;
}

std::string rate(double per_second) {
  std::array<char, 48> text{};
  if (per_second < 1'000) {
    std::snprintf(text.data(), text.size(), "%.4g", per_second);
    return text.data();
  }
  return format_count(static_cast<std::uint64_t>(per_second + 0.5));
}

/// The end of a long title, which says more than its beginning.
std::string short_title(const std::string& title) {
  constexpr std::size_t kMostBytes = 32;
  std::string text = one_line(title);
  if (text.size() <= kMostBytes) {
    return text;
  }
  std::size_t begin = text.size() - kMostBytes;
  while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) {
    ++begin;  // not within a character
  }
  return "..." + text.substr(begin);
}

std::string heading(const StreamResult& result) {
  const std::string text = short_title(result.input);
  if (result.stream.tokens == 0) {
    return text + (result.input_is_empty ? ": empty" : ": no text") + ", nothing to stream to " +
           format_count(result.subscribers, "subscriber") + "\n";
  }
  return text + ": " + format_count(result.stream.tokens, "token") + ", " +
         format_count(result.stream.text_bytes, "byte") + " in " +
         format_duration(result.stream.total) + " to " +
         format_count(result.subscribers, "subscriber") + "\n";
}

std::string ending(const StreamResult& result) {
  if (result.error.has_value()) {
    return "error (" + one_line(result.error->code) + ")";
  }
  if (result.complete.has_value()) {
    return "complete (" + std::string(name_of(result.complete->finish_reason)) + ")";
  }
  return "nothing that was delivered";
}

std::string delivery(const LatencyHistogram& latency) {
  return "p50 " + format_duration(latency.percentile(50)) + ", p99 " +
         format_duration(latency.percentile(99)) + ", p99.9 " +
         format_duration(latency.percentile(99.9)) + ", max " + format_duration(latency.max());
}

std::string objective(const StreamResult& result, const StreamOptions& options, bool color) {
  const std::uint64_t events = result.delivery.count();
  const double over = static_cast<double>(result.delivery.count_over_slo());
  return format_duration(options.slo) + " " +
         (result.within_slo ? paint("met", Color::kGreen, color)
                            : paint("missed", Color::kYellow, color)) +
         ": " + format_share(1 - over / static_cast<double>(events)) + " of " +
         format_count(events, "event") + " within";
}

std::string stalls(const StallStats& stalls) {
  if (stalls.count == 0) {
    return "none seen";
  }
  return format_count(stalls.count) + ", longest " + format_duration(stalls.longest) + ", total " +
         format_duration(stalls.total);
}

std::string verdict(const StreamResult& result, bool color) {
  const std::string bytes = format_count(result.text_bytes, "byte");
  if (result.every_byte_delivered()) {
    return paint("every byte", Color::kGreen, color) + ": the same " + bytes +
           " to each subscriber";
  }
  return paint("not every byte", Color::kRed, color) + ": " + bytes + " to each subscriber";
}

}  // namespace

std::string stream_report(const StreamResult& result, const StreamOptions& options, bool color) {
  const TokenStreamReport& stream = result.stream;
  std::string text = heading(result) + line("ended with", ending(result));
  if (stream.tokens > 0) {
    text += line("first token", format_duration(stream.first_token) + " (TTFT)");
    text += line("tokens/s", rate(stream.tokens_per_second) + ", from the first to the last " +
                                 rate(stream.decode_tokens_per_second));
  }
  if (stream.tokens > 1) {
    text += line("inter-token", "p50 " + format_duration(stream.inter_token_p50) + ", p99 " +
                                    format_duration(stream.inter_token_p99));
  }
  if (options.coalesce.has_value() && stream.tokens > 0) {
    text += line("coalesced", format_count(stream.tokens, "token") + " to " +
                                  format_count(stream.tokens - result.events_joined, "event") +
                                  ", held for at most " + format_duration(*options.coalesce));
  }
  if (!result.delivery.empty()) {
    text += line("delivery", delivery(result.delivery));
    text += line("objective", objective(result, options, color));
  }
  return text + line("stalls", stalls(result.stalls)) + line("delivered", verdict(result, color));
}

}  // namespace herald::cli
