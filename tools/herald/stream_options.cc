#include "stream_options.h"

#include <cstdint>

#include "absl/status/status.h"
#include "option_parse.h"
#include "quantity.h"

namespace herald::cli {
namespace {

using namespace std::chrono_literals;

constexpr Range<double> kRate{0.01, 10'000'000};
constexpr Range<std::uint64_t> kSubscribers{1, 100'000};
constexpr Range<std::chrono::nanoseconds> kCoalesce{1ms, 10s};
constexpr Range<std::chrono::nanoseconds> kSlo{1ns, 1h};

void take_rate(const std::string& text, StreamOptions& options, absl::Status& status) {
  if (text == "max") {
    return;
  }
  const auto rate = parse_number("--rate", text, kRate);
  if (rate.ok()) {
    options.rate = *rate;
  } else {
    status.Update(absl::InvalidArgumentError(std::string(rate.status().message()) +
                                             " (tokens per second), or max"));
  }
}

void take_coalesce(const std::string& text, StreamOptions& options, absl::Status& status) {
  if (!text.empty()) {
    take(parse_duration("--coalesce", text, kCoalesce), options.coalesce.emplace(), status);
  }
}

void take_events(const std::string& text, StreamOptions& options, absl::Status& status) {
  std::size_t word = 0;
  take(parse_word("--events", text, {"text", "json"}), word, status);
  options.form = word == 0 ? Transcript::Form::kText : Transcript::Form::kEventLines;
}

}  // namespace

absl::StatusOr<StreamOptions> parse(const StreamArguments& arguments) {
  StreamOptions options;
  absl::Status status;
  options.file = arguments.file;
  options.format = arguments.openai ? TokenSource::Format::kChunks : TokenSource::Format::kText;
  take_rate(arguments.rate, options, status);
  take(parse_count("--subscribers", arguments.subscribers, kSubscribers), options.subscribers,
       status);
  take_coalesce(arguments.coalesce, options, status);
  take(parse_duration("--slo", arguments.slo, kSlo), options.slo, status);
  take(parse_wait("--wait", arguments.wait), options.wait, status);
  take_events(arguments.events, options, status);
  options.json = arguments.json;
  if (!status.ok()) {
    return status;
  }
  return options;
}

}  // namespace herald::cli
