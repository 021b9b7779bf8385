#include <herald/herald.h>

#include <iostream>

int main() {
  using namespace std::chrono_literals;
  herald::Bus bus;  // its own dispatcher thread, safe defaults

  auto screen = bus.subscribe({.types = herald::kToken | herald::kComplete},
                              [](const herald::Event& event) { std::cout << event.text(); });

  auto publisher = bus.publisher({.name = "dialogue"});  // owns one lock-free lane
  publisher->publish(herald::kToken, "Hello, ", {.stream = 42});
  publisher->publish(herald::kToken, "world\n", {.stream = 42});
  publisher->publish(herald::kComplete, {});
  return bus.flush(1s).ok() ? 0 : 1;  // everything accepted so far has been delivered
}
