// A program of somebody else's: makes a bus, publishes one token and sees it arrive.
#include <herald/herald.h>

#include <chrono>
#include <iostream>
#include <string>

int main() {
  herald::Bus bus;
  std::string seen;
  const auto subscription = bus.subscribe(
      {.types = herald::kToken}, [&seen](const herald::Event& event) { seen += event.text(); });
  if (!subscription.ok()) {
    std::cerr << subscription.status() << '\n';
    return 1;
  }
  bus.publish(herald::kToken, "hello");
  bus.flush(std::chrono::seconds(10));
  std::cout << "consumer: " << seen << " from herald " << herald::version() << '\n';
  return seen == "hello" ? 0 : 1;
}
