#include "assistant/ledger.h"

#include <string>

namespace assistant {

using herald::Event;

Ledger::Ledger(herald::Bus& bus) {
  const auto callback = [this](const Event& event) { write(event); };
  const herald::Filter everything{.types = herald::TypeMask::all()};
  subscription_ = bus.subscribe(everything, callback, {.name = "ledger"}).value();
}

void Ledger::write(const Event& event) {
  Entry& entry = entries_[event.stream()];
  entry.events_after_end += entry.ends.empty() ? 0 : 1;
  if (event.is(herald::kToken)) {
    ++entry.tokens;
    entry.text += event.text();
  } else if (const auto* step = event.get<Step>(); step != nullptr) {
    entry.steps.push_back(step->number);
  } else if (const auto* info = event.get<herald::Info>(); info != nullptr) {
    entry.infos.push_back(info->message);
  } else if (const auto* metrics = event.get<herald::Metrics>(); metrics != nullptr) {
    if (metrics->progress.has_value()) {
      entry.progress.push_back(*metrics->progress);
    }
    entry.cleared += !metrics->progress.has_value() && !metrics->first_token_ms.has_value() ? 1 : 0;
  } else if (const auto* complete = event.get<herald::Complete>(); complete != nullptr) {
    entry.ends.push_back("complete " + std::string(name_of(complete->finish_reason)));
  } else if (const auto* error = event.get<herald::Error>(); error != nullptr) {
    entry.ends.push_back("error " + error->code);
  }
}

}  // namespace assistant
