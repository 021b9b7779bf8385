#include "verify_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "quantity.h"
#include "terminal.h"

namespace herald::cli {
namespace {

constexpr std::array kPercents{50.0, 99.0, 99.9, 99.99, 100.0};
constexpr std::size_t kColumns = 100;

std::string right(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : " " + text;
}

std::string figures(const Latencies& latencies, const VerifyOptions& options) {
  std::string line;
  for (const double percent : kPercents) {
    line += right(latencies.count() == 0 ? "-" : format_duration(latencies.percentile(percent)), 8);
  }
  return line +
         right(latencies.count() == 0 ? "-" : format_share(latencies.share_within(options.slo)), 8);
}

Color color_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPass:
      return Color::kGreen;
    case Outcome::kFail:
      return Color::kRed;
    case Outcome::kOverloaded:
    case Outcome::kInterrupted:
      break;
  }
  return Color::kYellow;
}

/// `text` behind a label, in lines of at most kColumns that begin below it.
std::string paragraph(std::string_view label, std::string_view text) {
  std::string lines(label);
  std::size_t column = label.size();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    const std::size_t blank = begin == 0 ? 0 : 1;
    if (column + blank + word.size() > kColumns) {
      lines.append("\n").append(label.size(), ' ');
      column = label.size();
    } else {
      lines.append(blank, ' ');
      column += blank;
    }
    lines += word;
    column += word.size();
    begin = end + 1;
  }
  return lines + "\n";
}

std::string stall_line(const VerifyRow& row) {
  std::string line = "stalls " + format_count(row.stalls.count());
  if (row.stalls.count() > 0) {
    line += " (longest " + format_duration(row.stalls.longest()) + ", total " +
            format_duration(row.stalls.total()) + ", " + format_share(row.stalled_share()) +
            " of samples)";
  }
  if (row.stalls_unrecorded > 0) {
    line += ", and " + format_count(row.stalls_unrecorded) + " not recorded";
  }
  line += "; involuntary switches " + format_count(row.involuntary_switches);
  return paragraph("  ", line);
}

std::string culprit_line(const Culprit& culprit) {
  return culprit.name + " " + format_share(culprit.share) + " of dispatch time, longest stay " +
         format_duration(culprit.longest_stay) + ", " + format_count(culprit.strikes, "strike");
}

std::string delivery_line(const VerifyRow& row) {
  std::string line = format_count(row.events) + " events: lost " + format_count(row.faults.lost) +
                     ", duplicated " + format_count(row.faults.duplicated) + ", reordered " +
                     format_count(row.faults.reordered) + ", torn " +
                     format_count(row.faults.torn) + "; allocations " +
                     format_count(row.allocations);
  if (row.stride > 1) {
    line += "; 1 event in " + format_count(row.stride) + " sampled";
  }
  if (row.unsampled > 0) {
    line += ", then " + format_count(row.unsampled) + " samples left out";
  }
  return paragraph("  ", line);
}

}  // namespace

std::string table_heading(const VerifyOptions& options, const Machine& machine) {
  const bool closed = options.rate_kind == RateKind::kMaximum;
  std::string text = paragraph("", "herald verify on " + machine.cpu + ", " +
                                       format_count(machine.cores, "core") + ", " + machine.kernel);
  text += paragraph("", machine.compiler + " " + machine.flags + ", fence: " + machine.fence);
  text += paragraph("", format_count(options.publishers, "publisher") + ", " +
                            format_count(options.types, "type") + " of event, " +
                            format_share(options.selectivity) + " of subscribers match each, " +
                            format_count(options.payload_bytes, "byte") + ", " +
                            format_duration(options.duration) + " a row.");
  text += paragraph("", "Latency from " + std::string(closed ? "publish" : "the due time") +
                            " to the return of the last matching subscriber; objective (SLO) " +
                            format_duration(options.slo) + ".");
  if (options.slow_subscriber.count() != 0) {
    text += paragraph("", "One subscriber more, named slow, sleeps " +
                              format_duration(options.slow_subscriber) +
                              " in its call ten times a second.");
  }
  text += "\n";
  text += right("subscribers", 12) + right("events/s", 11) + right("deliveries/s", 13);
  for (const char* name : {"p50", "p99", "p99.9", "p99.99", "max"}) {
    text += right(name, 8);
  }
  return text + right("in SLO", 8) + "  verdict\n";
}

std::string table_row(const VerifyRow& row, const VerifyOptions& options, bool color) {
  const double per_second = row.seconds > 0 ? 1 / row.seconds : 0;
  const auto deliveries = std::llround(static_cast<double>(row.deliveries) * per_second);
  std::string text = right(format_count(row.subscribers), 12) +
                     right(format_count(static_cast<std::uint64_t>(std::llround(row.rate))), 11) +
                     right(format_count(static_cast<std::uint64_t>(deliveries)), 13) +
                     figures(row.all, options) + "  " +
                     paint(name_of(row.outcome), color_of(row.outcome), color) + "\n";
  text += "  without stalls" + std::string(20, ' ') + figures(row.unstalled, options) + "\n";
  text += stall_line(row);
  text += delivery_line(row);
  for (const std::string& contradiction : row.contradictions) {
    text += paragraph("  contradiction: ", contradiction);
  }
  if (row.unpublished > 0) {
    text +=
        "  " + format_count(row.unpublished) + " events were due and given up: too far behind\n";
  }
  if (row.outcome != Outcome::kPass) {
    for (const Culprit& culprit : row.culprits) {
      text += paragraph("  culprit: ", culprit_line(culprit));
    }
  }
  for (const std::string& advice : row.advice) {
    text += paragraph("  next: ", advice);
  }
  return text;
}

std::string table_summary(const std::vector<VerifyRow>& rows, const VerifyOptions& options,
                          bool color) {
  const auto passed = std::count_if(
      rows.begin(), rows.end(), [](const VerifyRow& row) { return row.outcome == Outcome::kPass; });
  const std::size_t asked = options.subscribers.size();
  const bool all = passed == static_cast<std::ptrdiff_t>(asked);
  std::string text = std::to_string(passed) + " of " + std::to_string(asked);
  text += asked == 1 ? " row passes" : " rows pass";
  return std::string("\n").append(paint(text, all ? Color::kGreen : Color::kRed, color)) + "\n";
}

}  // namespace herald::cli
