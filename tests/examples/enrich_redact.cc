// Two middleware of one's own: `enrich` completes events, `redact` blacks out what must not be
// seen. A secret may come in pieces, one token each, so text is joined before it is searched; and
// since a window of joined text ends somewhere, also within a secret, what touches the border of an
// event is black.
#include <herald/herald.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expect.h"

namespace {

using herald::Emitter;
using herald::Event;
using herald::Verdict;
using namespace std::chrono_literals;

// Puts the name of the machine in front of each status message.
struct Enrich {
  std::string host;
  Verdict operator()(Event& event, Emitter&) const {
    if (const herald::Info* info = event.get<herald::Info>(); info != nullptr) {
      herald::Info changed = *info;
      changed.message = host + ": " + changed.message;
      static_cast<void>(event.set(std::move(changed)));  // as it was if there is no memory
    }
    return Verdict::kPass;
  }
};

// Replaces by stars each run of 8 or more digits, and each shorter one at the border of its event:
// the rest of it may be in the event before or behind. So no secret is seen in part, however it is
// cut, and now and then a harmless number is black. What cannot be blacked out is not sent.
struct Redact {
  Verdict operator()(Event& event, Emitter&) const {
    const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
    std::string text(event.text());
    for (auto begin = text.begin(); begin != text.end();) {
      begin = std::find_if(begin, text.end(), is_digit);
      const auto end = std::find_if_not(begin, text.end(), is_digit);
      if (end - begin >= 8 || begin == text.begin() || end == text.end()) {
        std::fill(begin, end, '*');
      }
      begin = end;
    }
    return text == event.text() || event.set_text(text) ? Verdict::kPass : Verdict::kDrop;
  }
};

constexpr std::size_t kMostBytes = 40;  // in one event of joined text

// What a subscriber sees of an answer that comes in these tokens.
std::string seen(herald::Bus& bus, const std::vector<std::string_view>& tokens) {
  std::string screen;
  auto text =
      bus.subscribe({.types = herald::kToken}, [&](const Event& event) { screen += event.text(); });
  for (const std::string_view token : tokens) {
    bus.publish(herald::kToken, token, {.stream = 1});
  }
  bus.publish(herald::kComplete, {}, {.stream = 1});
  expect(bus.flush(10s).ok(), "everything is delivered");
  return screen;
}

}  // namespace

int main() {
  herald::Bus bus;
  auto coalesce = herald::CoalesceText::create({.window = 1h, .max_bytes = kMostBytes});
  expect(coalesce.ok(), "the options are legal");
  const herald::Filter filter = coalesce->filter();
  auto join = bus.use(filter, *std::move(coalesce), {.name = "join", .priority = -1});
  auto redact = bus.use({.types = herald::kToken}, Redact(), {.name = "redact"});
  auto enrich = bus.use({.types = herald::kInfo}, Enrich{"node-7"}, {.name = "enrich"});

  std::string status;
  auto info = bus.subscribe(
      herald::kInfo, [&](const herald::Info& message, const Event&) { status = message.message; });
  bus.publish(herald::kInfo, "model loaded");

  const std::string screen = seen(bus, {"Account ", "1234", "5678", "90 has", " 42 euros."});
  expect(screen == "Account ********** has 42 euros.", "the account number is black, 42 is not");
  expect(status == "node-7: model loaded", "the message names the machine");

  // Wherever the end of a window cuts the number, into two pieces or more, no digit of it is seen.
  for (std::size_t before = 0; before <= kMostBytes; ++before) {
    const std::string filler(before, '.');
    expect(seen(bus, {filler, "1", "234", "56", "7890", " end"}) == filler + "********** end",
           "the account number is black wherever it is cut");
  }
  expect(bus.stats().conserved(), "nothing is lost");
  std::cout << screen << '\n' << status << '\n';
  return EXIT_SUCCESS;
}
