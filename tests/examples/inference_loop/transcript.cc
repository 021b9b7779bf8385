#include "transcript.h"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "herald/stream_end.h"

namespace inference_loop {
namespace {

absl::Status fail(const std::string& path) {
  return absl::UnavailableError("cannot write " + path + ": " + std::strerror(errno));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Transcript>> Transcript::open(
    herald::Bus& bus, herald::EventType<RealTimeFactor> real_time_factor, const std::string& path) {
  File file(path.empty() ? nullptr : std::fopen(path.c_str(), "we"), &std::fclose);
  if (!path.empty() && file == nullptr) {
    return fail(path);
  }
  std::unique_ptr<Transcript> transcript(new Transcript(path, std::move(file)));
  transcript->events_ =
      bus.subscribe({.types = herald::kToken | herald::kMetrics | real_time_factor |
                              herald::kComplete | herald::kError},
                    [kept = transcript.get(), real_time_factor](const herald::Event& event) {
                      kept->take(event, real_time_factor);
                    },
                    {.name = "transcript"})
          .value();
  return transcript;
}

Transcript::Transcript(std::string path, File file) noexcept
    : path_(std::move(path)), file_(std::move(file)) {}

void Transcript::take(const herald::Event& event,
                      herald::EventType<RealTimeFactor> real_time_factor) {
  TranscriptLine& line = open_[event.stream()];
  if (event.is(herald::kToken)) {
    line.text += event.text();
  } else if (event.is(herald::kMetrics)) {
    line.first_token_ms =
        event.get<herald::Metrics>()->first_token_ms.value_or(line.first_token_ms);
  } else if (event.is(real_time_factor)) {
    line.real_time_factor = event.get<RealTimeFactor>()->value();
  } else if (event.is(herald::kComplete)) {
    line.usage = event.get<herald::Complete>()->usage;
    finish(event.stream(), herald::name_of(event.get<herald::Complete>()->finish_reason));
  } else {
    finish(event.stream(), event.get<herald::Error>()->code);
  }
}

void Transcript::finish(herald::StreamId stream, std::string_view end) {
  TranscriptLine line = std::move(open_.extract(stream).mapped());
  line.stream = stream;
  line.end = end;
  if (file_ != nullptr && status_.ok() &&
      (std::fprintf(file_.get(), "%llu\t%s\t%s\n", static_cast<unsigned long long>(stream),
                    line.end.c_str(), line.text.c_str()) < 0 ||
       std::fflush(file_.get()) != 0)) {
    status_ = fail(path_);
  }
  lines_.push_back(std::move(line));
}

}  // namespace inference_loop
