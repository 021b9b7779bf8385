// The default bus in static objects: before main() has begun, and after it has returned.
#include <herald/herald.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using namespace std::chrono_literals;

// Defined before what uses it, so destroyed after.
std::string received;
const herald::Subscription listener =
    herald::default_bus()
        .subscribe({.types = herald::kToken},
                   [](const herald::Event& event) { received += event.text(); })
        .value();

void publish(const char* text) {
  const bool accepted =
      herald::default_bus().publish(herald::kToken, text) == herald::PublishResult::kAccepted;
  if (!accepted || !herald::default_bus().flush(60s).ok()) {
    std::fprintf(stderr, "\"%s\" was not delivered\n", text);
    std::_Exit(EXIT_FAILURE);
  }
}

struct Program {
  Program() { publish("before, "); }
  ~Program() {
    publish("after");
    if (received != "before, inside, after") {
      std::fprintf(stderr, "received \"%s\"\n", received.c_str());
      std::_Exit(EXIT_FAILURE);
    }
  }
};
const Program program;

}  // namespace

int main() { publish("inside, "); }
