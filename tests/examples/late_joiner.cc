#include <herald/herald.h>

#include <iostream>

int main() {
  using namespace std::chrono_literals;
  herald::Bus bus = herald::Bus::create({.replay_events = 10'000}).value();
  bus.publish(herald::kToken, "Hello, ", {.stream = 42});

  const auto show = [](const herald::Event& event) { std::cout << event.text(); };
  const auto tell = [](const herald::Notice& notice) {
    std::cout << "(lost before " << std::get<herald::Gap>(notice).oldest << ") ";
  };
  auto screen = bus.subscribe({.types = herald::kToken, .stream = 42}, show,
                              {.replay = herald::from_sequence(1), .on_notice = tell});
  bus.publish(herald::kToken, "world\n", {.stream = 42});
  return bus.flush(1s).ok() ? 0 : 1;
}
