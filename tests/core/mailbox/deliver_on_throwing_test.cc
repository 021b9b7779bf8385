// What is thrown where a mailbox is drained.
#include <gtest/gtest.h>

#include <cstddef>
#include <stdexcept>
#include <string>

#include "support/buses.h"
#include "support/executors.h"

namespace herald {
namespace {

using support::executor;
using support::manual_bus;
using support::publish_and_pump;

constexpr Filter kTokens{.types = kToken};

TEST(DeliverOnThrowing, IsContainedAndTold) {
  std::string what;
  Bus bus = manual_bus({.on_error = [&](const CallbackError& error) {
    what = std::string(error.subscription_name) + ": " + std::string(error.what);
  }});
  Mailbox mailbox = executor(bus);
  std::size_t calls = 0;
  auto throws = bus.subscribe(kTokens, [](const Event&) { throw std::runtime_error("no"); },
                              {.name = "thrower", .deliver_on = mailbox})
                    .value();
  auto other = bus.subscribe(kTokens, support::count_in(calls), {.deliver_on = mailbox});
  publish_and_pump(bus, {"a"});
  mailbox.drain();
  EXPECT_EQ(what, "thrower: no");
  EXPECT_EQ(calls, 1u);
  EXPECT_EQ(throws.stats().exceptions, 1u);
  EXPECT_EQ(throws.stats().delivered, 1u);
  EXPECT_EQ(bus.stats().exceptions, 1u);
}

TEST(DeliverOnThrowing, StaysCountedWhenTheMailboxIsGone) {
  Bus bus = manual_bus();
  {
    Mailbox mailbox = executor(bus);
    auto throws = bus.subscribe(kTokens, [](const Event&) { throw std::runtime_error("no"); },
                                {.deliver_on = mailbox});
    publish_and_pump(bus, {"a"});
    mailbox.drain();
  }
  EXPECT_EQ(bus.stats().exceptions, 1u);
}

// Nothing is lost but that mail.
TEST(DeliverOnThrowing, TheFunctionOfADrainMayThrow) {
  Bus bus = manual_bus();
  Mailbox mailbox = bus.mailbox(kTokens).value();
  publish_and_pump(bus, {"a", "b"});
  EXPECT_THROW(mailbox.drain([](Mailbox::Mail&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  std::size_t events = 0;
  EXPECT_EQ(mailbox.drain([&](Mailbox::Mail&) { ++events; }).status, DrainResult::Status::kEmpty);
  EXPECT_EQ(events, 1u);
}

}  // namespace
}  // namespace herald
