// An assistant made of five components, each on a thread of its own, that know nothing of each
// other: they publish on one bus, and a terminal shows what they say. One of them fails with an
// exception, one stream is cancelled in the middle, one subscriber throws at every event and one is
// as slow as can be; the rest goes on, and every event is accounted for.
#include <herald/herald.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "assistant/archive.h"
#include "assistant/components.h"
#include "assistant/conversation.h"
#include "assistant/ledger.h"
#include "assistant/terminal.h"
#include "expect.h"

namespace {

using namespace std::chrono_literals;
using namespace assistant;

void encode_step(const Step& step, std::string& json) {
  json += R"({"number":)" + std::to_string(step.number) + "}";
}

// A subscriber with a bug: it throws at every token of the answer.
herald::Subscription add_broken_widget(herald::Bus& bus) {
  const herald::Filter filter{.types = herald::kToken, .stream = kAnswer};
  const auto fail = [](const herald::Event&) { throw std::runtime_error("no such widget"); };
  return bus.subscribe(filter, fail, {.name = "widget"}).value();
}

void run_components(herald::Bus& bus, const herald::EventType<Step>& step) {
  std::vector<std::thread> threads;
  threads.emplace_back(run_dialogue, std::ref(bus));
  threads.emplace_back(run_executor, std::ref(bus), step);
  threads.emplace_back(run_router, std::ref(bus));
  threads.emplace_back(run_model_loader, std::ref(bus));
  threads.emplace_back(run_graph_worker, std::ref(bus));
  for (std::thread& thread : threads) {
    thread.join();
  }
  expect(bus.flush(60s).ok(), "everything is delivered");
}

void expect_one_end_each(const Ledger& ledger) {
  const auto ended_as = [&](Stream stream, std::string_view end) {
    const Entry& entry = ledger.of(stream);
    expect(entry.ends.size() == 1 && entry.ends.front() == end, "a stream ends once, and so");
    expect(entry.events_after_end == 0, "nothing comes after the end");
  };
  ended_as(kAnswer, "complete stop");
  ended_as(kStory, "complete cancelled");
  ended_as(kFarewell, "complete stop");
  ended_as(kSearch, "error abandoned");
  ended_as(kPlan, "complete stop");
  ended_as(kRouting, "complete stop");
  ended_as(kModel, "complete stop");
  ended_as(kGraph, "error cycle");
  expect(ledger.of(kNone).ends.empty(), "what belongs to no stream ends none");
}

// The number of verses depends on how soon the story heard of its end.
bool is_told(std::string_view story) {
  std::size_t verses = 0;
  for (; story.starts_with(kVerse); story.remove_prefix(kVerse.size())) {
    ++verses;
  }
  return story.empty() && verses >= kVersesWanted;
}

void expect_what_was_said(const Ledger& ledger) {
  expect(ledger.of(kAnswer).text == kAnswerText, "the answer is complete and in order");
  expect(ledger.of(kFarewell).text == kFarewellText, "so is what came after the cancelled story");
  expect(is_told(ledger.of(kStory).text), "the story breaks off between two verses");
  expect(ledger.of(kSearch).steps == std::vector<std::uint32_t>{1}, "the search took one step");
  expect(ledger.of(kPlan).steps == std::vector<std::uint32_t>{1, 2, 3, 4}, "the plan took all");
  expect(ledger.of(kRouting).progress == std::vector<float>{0.5F, 1.0F}, "routing made progress");
  expect(ledger.of(kModel).progress == std::vector<float>{0.25F, 0.5F, 0.75F, 1.0F},
         "so did loading");
  expect(ledger.of(kModel).infos.size() == 4 && ledger.of(kModel).cleared == 1,
         "which tells each layer and clears its metrics");
  expect(ledger.of(kGraph).progress == std::vector<float>{0.25F, 0.5F, 0.75F},
         "the graph worker sent metrics up to its failure");
  std::vector<std::string> infos = ledger.of(kNone).infos;  // of two threads
  std::sort(infos.begin(), infos.end());
  expect(infos ==
             std::vector<std::string>{"one question", "search failed: the harbour does not answer"},
         "the executor tells why its search failed");
}

void expect_archived(const Archive& archive, std::uint64_t events) {
  expect(archive.overflowed() == 0, "the archive had room");
  expect(archive.dense() && archive.last_sequence() == events, "it has every event, in order");
  expect(std::count(archive.lines().begin(), archive.lines().end(), '\n') ==
             static_cast<std::ptrdiff_t>(events),
         "each on a line");
}

}  // namespace

int main() {
  std::uint64_t contained = 0;
  const auto count_error = [&contained](const herald::CallbackError&) { ++contained; };
  herald::Bus bus = herald::Bus::create({.on_error = count_error}).value();
  const auto step = bus.define<Step>("step", {.encode = &encode_step}).value();

  const herald::Subscription widget = add_broken_widget(bus);
  const Terminal terminal(bus, step, std::cout);
  const Ledger ledger(bus);
  Archive archive(bus, 4'096);

  run_components(bus, step);
  const herald::BusStats stats = bus.stats();
  expect(archive.waiting() == stats.dispatched, "nobody has waited for the archive");
  archive.begin();
  archive.finish();

  expect_one_end_each(ledger);
  expect_what_was_said(ledger);
  expect_archived(archive, stats.dispatched);
  expect(contained > 0 && contained == ledger.of(kAnswer).tokens, "the widget throws each time");
  expect(stats.exceptions == contained && widget.stats().exceptions == contained,
         "and is counted, by name");
  expect(stats.conserved(), "no event is lost or made up");
  std::cout << "8 streams ended once each: 5 complete, 1 cancelled, 2 failed; " << stats.dispatched
            << " events, " << contained << " exceptions contained, the books balance\n";
  return EXIT_SUCCESS;
}
