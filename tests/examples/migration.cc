// What the methods of the TypeScript bus have become: the lines of the table in README.md, as they
// stand there, and that what arrives is what they say.
#include <herald/herald.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expect.h"

namespace {

using namespace std::chrono_literals;

struct Collision {
  std::uint32_t a, b;
  float impulse;
};

// streamInfo, updateMetrics, streamToken, clearMetrics, streamComplete.
void publish_an_answer(herald::Bus& bus) {
  herald::TokenStream answer(bus, 42);
  answer.info("Loading AI expert...");
  answer.update_metrics({.progress = 0.5F});
  answer.token("Hello");
  answer.update_metrics();
  answer.clear_metrics();
  answer.complete();
}

void expect_an_answer(const std::vector<herald::Event>& events) {
  expect(events.size() == 6, "an answer is six events");
  for (const herald::Event& event : events) {
    expect(event.stream() == 42, "they belong to its stream");
  }
  expect(events[0].get<herald::Info>()->message == "Loading AI expert...", "the info comes first");
  const auto* progress = events[1].get<herald::Metrics>();
  expect(progress->progress == 0.5F && !progress->first_token_ms.has_value(),
         "metrics say what was updated and nothing else");
  expect(events[2].is(herald::kToken) && events[2].text() == "Hello", "the token is its text");
  const auto* measured = events[3].get<herald::Metrics>();
  expect(measured->first_token_ms > 0.0F && measured->tokens_per_second > 0.0F &&
             !measured->progress.has_value(),
         "the stream measures itself");
  const auto* cleared = events[4].get<herald::Metrics>();
  expect(!cleared->first_token_ms.has_value() && !cleared->tokens_per_second.has_value() &&
             !cleared->inter_token_ms.has_value() && !cleared->progress.has_value(),
         "cleared metrics say that nothing is known");
  const auto* complete = events[5].get<herald::Complete>();
  expect(complete->finish_reason == herald::FinishReason::kStop &&
             complete->timing.total_ns >= complete->timing.first_token_ns,
         "the end comes last");
}

// streamError.
void publish_a_failure(herald::Bus& bus) {
  herald::TokenStream answer(bus, 42);
  answer.error({.code = "overloaded", .message = "Try again in a minute."});
}

void expect_a_failure(const std::vector<herald::Event>& events) {
  expect(events.size() == 1, "a failure is one event, which ends the stream");
  const auto* error = events[0].get<herald::Error>();
  expect(error->code == "overloaded" && error->message == "Try again in a minute." &&
             !error->retryable,
         "the error says what it was told");
}

// emit.
void publish_what_a_user_defined(herald::Bus& bus) {
  auto collision = bus.define<Collision>("collision");
  bus.publish(*collision, {.a = 1, .b = 2, .impulse = 0.5F});
}

void expect_what_a_user_defined(const herald::Bus& bus, const std::vector<herald::Event>& events) {
  expect(events.size() == 1, "one event");
  expect(bus.type_name(events[0].type_index()) == "collision", "of the user's type");
  const auto* collision = events[0].get<Collision>();
  expect(collision->a == 1 && collision->b == 2 && collision->impulse == 0.5F, "with its payload");
}

}  // namespace

int main() {
  herald::Bus& bus = herald::default_bus();
  std::string text;
  std::vector<herald::Event> events;
  const auto on_text = [&](std::string_view token, const herald::Event&) { text += token; };
  const auto on_event = [&](const herald::Event& event) { events.push_back(event); };
  const auto delivered = [&] {
    expect(bus.flush(60s).ok(), "everything is delivered");
    return std::exchange(events, {});
  };

  auto listener = bus.subscribe(herald::kToken, on_text);
  auto observer = bus.subscribe({.types = herald::TypeMask::all()}, on_event);

  publish_an_answer(bus);
  expect_an_answer(delivered());
  expect(text == "Hello", "the listener got the token, as text");

  publish_a_failure(bus);
  expect_a_failure(delivered());

  publish_what_a_user_defined(bus);
  expect_what_a_user_defined(bus, delivered());

  listener->unsubscribe();
  publish_an_answer(bus);
  expect_an_answer(delivered());
  expect(text == "Hello", "who has unsubscribed gets no more; the others do");

  expect(bus.stats().conserved(), "nothing is lost");
  std::cout << bus.stats().dispatched << " events, as the table says\n";
  return EXIT_SUCCESS;
}
