#include "assistant/components.h"

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace assistant {
namespace {

using herald::Bus;
using herald::EventType;
using herald::Publisher;
using herald::TokenStream;

// Seven bytes at a time, as a model may send them: also from within a character.
void say(TokenStream& stream, std::string_view text) {
  constexpr std::size_t kTokenBytes = 7;
  for (std::size_t begin = 0; begin < text.size(); begin += kTokenBytes) {
    stream.token(text.substr(begin, kTokenBytes));
  }
  stream.update_metrics();  // what it measured itself
  stream.complete();
}

// Its time to the first token counts from the question, not from when somebody got round to it.
void give_answer(Publisher& publisher, std::chrono::steady_clock::time_point asked_at) {
  TokenStream answer(publisher, kAnswer, {.requested_at = asked_at});
  say(answer, kAnswerText);
}

// It would go on for ever: the user has to stop it.
void tell_story(Publisher& publisher) {
  constexpr int kMostVerses = 1'000'000;  // if nobody does
  TokenStream story(publisher, kStory);
  for (int verse = 0; verse < kMostVerses && !story.stop_requested(); ++verse) {
    story.token(kVerse);
  }
  story.complete(herald::FinishReason::kLength);  // `cancelled`, if a stop was requested
}

void say_farewell(Publisher& publisher) {
  TokenStream farewell(publisher, kFarewell);
  say(farewell, kFarewellText);
}

// The exception takes the stream along, whose listeners then hear that it was abandoned.
void search(Publisher& publisher, const EventType<Step>& step) {
  const TokenStream stream(publisher, kSearch);
  publisher.publish(step, {.number = 1, .of = 2, .action = "ask the harbour"}, {.stream = kSearch});
  throw std::runtime_error("the harbour does not answer");
}

void carry_out_plan(Publisher& publisher, const EventType<Step>& step) {
  TokenStream plan(publisher, kPlan);
  std::uint32_t number = 0;
  for (const char* action : {"open the map", "read the tables", "find a path", "note the time"}) {
    publisher.publish(step, {.number = ++number, .of = kPlanSteps, .action = action},
                      {.stream = kPlan});
  }
  plan.complete();
}

}  // namespace

void run_dialogue(Bus& bus) {
  const auto asked_at = std::chrono::steady_clock::now();
  // Room for eight events: a model that is faster than its listeners waits for them.
  Publisher publisher = bus.publisher({.name = "dialogue", .capacity_events = 8}).value();
  give_answer(publisher, asked_at);
  tell_story(publisher);
  say_farewell(publisher);
}

void run_executor(Bus& bus, EventType<Step> step) {
  Publisher publisher = bus.publisher({.name = "executor"}).value();
  try {
    search(publisher, step);
  } catch (const std::exception& error) {
    const std::string what = std::string("search failed: ") + error.what();
    publisher.publish(herald::kInfo, {herald::InfoLevel::kWarning, what});
  }
  carry_out_plan(publisher, step);
}

// It has little to say: the shared lane will do, which needs no publisher.
void run_router(Bus& bus) {
  bus.publish(herald::kInfo, "one question");
  TokenStream routing(bus, kRouting);
  routing.info("asking two experts");
  routing.update_metrics({.progress = 0.5F});
  routing.info("dialogue answers");
  routing.update_metrics({.progress = 1.0F});
  routing.complete();
}

void run_model_loader(Bus& bus) {
  constexpr int kLayers = 32;
  constexpr int kLayersAtOnce = 8;
  Publisher publisher = bus.publisher({.name = "model loader"}).value();
  TokenStream model(publisher, kModel);
  for (int layer = 0; layer < kLayers; layer += kLayersAtOnce) {
    model.info(herald::Info("loading from layer " + std::to_string(layer)));
    model.update_metrics({.progress = static_cast<float>(layer + kLayersAtOnce) / kLayers});
  }
  model.clear_metrics();  // nothing in progress any more
  model.complete();
}

void run_graph_worker(Bus& bus) {
  Publisher publisher = bus.publisher({.name = "graph worker"}).value();
  TokenStream graph(publisher, kGraph);
  for (const float progress : {0.25F, 0.5F, 0.75F}) {
    graph.update_metrics({.progress = progress});
  }
  graph.error({.code = "cycle", .message = "edge 7 to 3 closes a cycle"});
}

}  // namespace assistant
