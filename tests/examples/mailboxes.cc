#include <herald/herald.h>

#include <iostream>
#include <thread>

int main() {
  using namespace std::chrono_literals;
  herald::Bus bus;
  // A client on a thread of its own. However slow it is, it holds nobody up: the oldest is dropped.
  auto client = bus.mailbox({.types = herald::kToken | herald::kComplete, .stream = 42},
                            {.capacity_events = 256});
  std::jthread sender([&client] {
    while (const auto mail = client->pop_for(10s)) {
      if (const auto* event = std::get_if<herald::Event>(&*mail)) {
        std::cout << event->text();
      } else if (const auto* lagged = std::get_if<herald::Lagged>(&*mail)) {
        std::cout << "(" << lagged->events << " lost) ";
      } else {
        break;  // herald::End: the bus has ended, or the mailbox was disconnected
      }
    }
  });

  auto main_thread = bus.mailbox({.capacity_events = 1'024});  // for those who deliver on it
  auto status = bus.subscribe(
      herald::kInfo, [](const herald::Info& info, const auto&) { std::cerr << info.message; },
      {.deliver_on = *main_thread});

  bus.publish(herald::kInfo, "Loading AI expert...\n");
  bus.publish(herald::kToken, "Hello, ", {.stream = 42});
  bus.publish(herald::kToken, "world\n", {.stream = 42});
  bus.publish(herald::kComplete, {}, {.stream = 42});
  if (!bus.flush(1s).ok()) {  // delivered: to the mailboxes
    return 1;
  }
  main_thread->drain({.budget = 2ms});  // calls what is subscribed with it, on this thread
  bus = herald::Bus();  // the end of the old one is the end of the client, after its last event
}
