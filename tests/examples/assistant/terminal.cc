#include "assistant/terminal.h"

#include <cmath>
#include <optional>
#include <ostream>
#include <utility>

namespace assistant {
namespace {

using herald::Event;
using herald::Metrics;

// Absent fields are unchanged; with none at all nothing is known any more.
void merge(Metrics& known, const Metrics& news) {
  bool any = false;
  const auto take = [&any](std::optional<float>& field, const std::optional<float>& value) {
    if (value.has_value()) {
      field = value;
      any = true;
    }
  };
  take(known.first_token_ms, news.first_token_ms);
  take(known.tokens_per_second, news.tokens_per_second);
  take(known.inter_token_ms, news.inter_token_ms);
  take(known.progress, news.progress);
  if (!any) {
    known = {};
  }
}

}  // namespace

Terminal::Terminal(herald::Bus& bus, const herald::EventType<Step>& step, std::ostream& screen)
    : bus_(bus), screen_(screen) {
  const auto show = [&](const auto& type, auto member) {
    const auto callback = [this, member](const auto& payload, const Event& event) {
      (this->*member)(payload, event.stream());
    };
    subscriptions_.push_back(bus.subscribe(type, callback, {.name = "terminal"}).value());
  };
  show(herald::kToken, &Terminal::show_text);
  show(step, &Terminal::show_step);
  show(herald::kInfo, &Terminal::show_info);
  show(herald::kMetrics, &Terminal::show_metrics);
  show(herald::kError, &Terminal::show_error);
  show(herald::kComplete, &Terminal::show_complete);
}

void Terminal::show_text(std::string_view text, StreamId stream) {
  if (stream == kStory && verses_ == kVersesWanted) {
    return;  // was on its way when the user had enough
  }
  (speaker_ == stream ? screen_ : line(stream)) << text;
  speaker_ = stream;
  if (stream == kStory && ++verses_ == kVersesWanted) {
    bus_.cancel(kStory);
  }
}

void Terminal::show_step(const Step& step, StreamId stream) {
  line(stream) << "step " << step.number << " of " << step.of << ": " << step.action << '\n';
}

void Terminal::show_info(const herald::Info& info, StreamId stream) {
  const bool warning = info.level == herald::InfoLevel::kWarning;
  line(stream) << (warning ? "WARNING " : "") << info.message << '\n';
}

void Terminal::show_metrics(const Metrics& metrics, StreamId stream) {
  merge(known_[stream], metrics);
  if (metrics.progress.has_value()) {
    line(stream) << std::lround(*metrics.progress * 100) << " %\n";
  }
}

void Terminal::show_error(const herald::Error& error, StreamId stream) {
  line(stream) << "ERROR " << error.code << ": " << error.message << '\n';
}

void Terminal::show_complete(const herald::Complete& complete, StreamId stream) {
  const Metrics& known = known_[stream];
  std::ostream& out = line(stream) << "complete: " << herald::name_of(complete.finish_reason);
  if (known.first_token_ms.has_value() && known.tokens_per_second.has_value()) {
    out << ", first token after " << *known.first_token_ms << " ms, " << *known.tokens_per_second
        << " tokens/s";
  }
  out << '\n';
}

std::ostream& Terminal::line(StreamId stream) {
  if (std::exchange(speaker_, kNone) != kNone) {
    screen_ << '\n';
  }
  return screen_ << kStreamNames[stream] << "> ";
}

}  // namespace assistant
