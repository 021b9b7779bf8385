// Bad input: every refusal names the option, the value and what is allowed.
#include "core/option_check.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::expect_invalid;
using support::manual_bus;
using support::thread_bus;

absl::Status create(BusOptions options) { return Bus::create(std::move(options)).status(); }

struct BadOption {
  BusOptions options;
  std::vector<std::string_view> words;
};

void expect_refused(std::vector<BadOption> all) {
  for (BadOption& bad : all) {
    const absl::Status status = create(std::move(bad.options));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad.words[0];
    const std::string message(status.message());
    for (const std::string_view word : bad.words) {
      EXPECT_NE(message.find(word), std::string::npos) << word << " is not in: " << message;
    }
  }
}

TEST(OptionCheck, CountsOutOfRangeAreRefused) {
  expect_refused({
      {{.batch_events = 0}, {"BusOptions::batch_events", " 0;", "1 to 4096"}},
      {{.batch_events = 4'097}, {"BusOptions::batch_events", "4097", "1 to 4096"}},
      {{.batch_events = SIZE_MAX},
       {"BusOptions::batch_events", "18446744073709551615", "1 to 4096"}},
      {{.max_publishers = 0}, {"BusOptions::max_publishers", " 0;", "1 to 1024"}},
      {{.max_publishers = 1'025}, {"BusOptions::max_publishers", "1025", "1 to 1024"}},
      {{.max_emitted_per_event = 4'097},
       {"BusOptions::max_emitted_per_event", "4097", "0 to 4096"}},
      {{.replay_events = 1'048'577}, {"BusOptions::replay_events", "1048577", "0 to 1048576"}},
      {{.replay_bytes = (std::size_t{64} << 30) + 1},
       {"BusOptions::replay_bytes", "68719476737", "0 to 68719476736"}},
  });
}

TEST(OptionCheck, DurationsOutOfRangeAreRefused) {
  expect_refused({
      {{.spin = -1ns}, {"BusOptions::spin", "is -1", "0 to"}},
      {{.spin = 1s + 1ns}, {"BusOptions::spin", "1000000001", "0 to 1000000000"}},
      {{.slo = 0ns}, {"BusOptions::slo", "is 0", "above 0"}},
      {{.slo = -1ns}, {"BusOptions::slo", "is -1", "above 0"}},
      {{.drain_on_destroy = -1ns}, {"BusOptions::drain_on_destroy", "is -1", "0 or more"}},
      {{.slow_after = -1ns}, {"BusOptions::slow_after", "is -1", "0 (off), 100000 to"}},
      {{.slow_after = 99'999ns}, {"BusOptions::slow_after", "99999", "0 (off), 100000 to"}},
      {{.slow_after = 1h + 1ns}, {"BusOptions::slow_after", "3600000000001", "3600000000000 ns"}},
  });
}

TEST(OptionCheck, SubscribeOptionsAreChecked) {
  Bus bus = manual_bus();
  const auto subscribe = [&bus](SubscribeOptions options) {
    return bus
        .subscribe(
            {.types = kToken}, [](const Event&) {}, std::move(options))
        .status();
  };
  expect_invalid(subscribe({.strikes_allowed = 0}),
                 {"SubscribeOptions::strikes_allowed", "is 0", "1 or more"});
  expect_invalid(subscribe({.slow_policy = static_cast<SlowPolicy>(3)}),
                 {"SubscribeOptions::slow_policy", "is 3", "enumerators"});
  EXPECT_TRUE(subscribe({.slow_policy = SlowPolicy::kQuarantine, .strikes_allowed = 1}).ok());
}

TEST(OptionCheck, BadThreadOptionsAreRefused) {
  expect_refused({
      {{.thread = {.name = "sixteen.letters!"}},
       {"BusOptions::thread.name", "\"sixteen.letters!\"", "15 bytes"}},
      {{.thread = {.processor = 1'000'000}},
       {"BusOptions::thread.processor", "1000000", "0 to 1023"}},
      {{.thread = {.processor = 1'023}}, {"BusOptions::thread.processor", "1023", "0 to "}},
  });
}

TEST(OptionCheck, ANullResourceIsRefused) {
  expect_refused({{{.payload_resource = nullptr}, {"BusOptions::payload_resource", "null"}}});
}

TEST(OptionCheck, TheSharedLanesOptionsAreChecked) {
  expect_refused({
      {{.shared_lane = {.capacity_events = 0}},
       {"BusOptions::shared_lane.capacity_events", " 0;", "1 to 1048576"}},
      {{.shared_lane = {.max_wait = -1ns}},
       {"BusOptions::shared_lane.max_wait", "is -1", "0 or more"}},
      {{.dispatch = DispatchMode::kManual, .shared_lane = {.overflow = OverflowPolicy::kBlock}},
       {"BusOptions::shared_lane.max_wait", "kBlock", "manual"}},
  });
}

TEST(OptionCheck, WhatIsNoEnumeratorIsRefused) {
  expect_refused({
      {{.dispatch = static_cast<DispatchMode>(9)}, {"BusOptions::dispatch is 9", "options.h"}},
      {{.wait = static_cast<WaitStrategy>(3)}, {"BusOptions::wait is 3"}},
      {{.fence = static_cast<Fence>(3)}, {"BusOptions::fence is 3"}},
      {{.shared_lane = {.overflow = static_cast<OverflowPolicy>(2)}},
       {"BusOptions::shared_lane.overflow is 2"}},
  });
}

TEST(OptionCheck, LimitsThemselvesAreAllowed) {
  for (BusOptions options :
       {BusOptions{.spin = 0ns, .batch_events = 1, .max_publishers = 1, .max_emitted_per_event = 0},
        BusOptions{.spin = 1s,
        .batch_events = 4'096,
        .max_publishers = 1'024,
        .max_emitted_per_event = 4'096},
        BusOptions{.slo = 1ns, .drain_on_destroy = 0ns},
        BusOptions{.slo = std::chrono::nanoseconds::max(),
        .drain_on_destroy = std::chrono::nanoseconds::max()},
        BusOptions{.thread = {.name = ""}}, BusOptions{.replay_events = 1, .replay_bytes = 0},
        BusOptions{.replay_events = 1'048'576, .replay_bytes = std::size_t{64} << 30},
        BusOptions{.shared_lane = {.capacity_events = 1, .max_wait = 0ns}}}) {
    options.dispatch = DispatchMode::kManual;
    EXPECT_TRUE(create(options).ok()) << create(options);
  }
}

TEST(OptionCheck, BadPublisherOptionsAreRefused) {
  Bus bus = thread_bus();
  expect_invalid(bus.publisher({.capacity_events = 0}).status(),
                 {"PublisherOptions::capacity_events", " 0;", "1 to 1048576"});
  expect_invalid(bus.publisher({.capacity_events = 1'048'577}).status(),
                 {"PublisherOptions::capacity_events", "1048577", "1 to 1048576"});
  expect_invalid(bus.publisher({.capacity_events = SIZE_MAX}).status(),
                 {"PublisherOptions::capacity_events", "18446744073709551615"});
  expect_invalid(bus.publisher({.max_wait = -1ns}).status(),
                 {"PublisherOptions::max_wait", "is -1", "0 or more"});
  EXPECT_EQ(bus.stats().publishers.size(), 1u);
  EXPECT_TRUE(bus.publisher({.capacity_events = 1'048'576}).ok());
}

TEST(OptionCheck, BlockWithoutMaxWaitIsRefusedInManualMode) {
  Bus bus = manual_bus();
  expect_invalid(bus.publisher({.overflow = OverflowPolicy::kBlock}).status(),
                 {"PublisherOptions::max_wait", "absent", "kBlock", "manual", "0 or more"});
  EXPECT_TRUE(bus.publisher({.overflow = OverflowPolicy::kBlock, .max_wait = 0ns}).ok());
  EXPECT_TRUE(thread_bus().publisher({.overflow = OverflowPolicy::kBlock}).ok());
}

TEST(OptionCheck, BadPumpOptionsAreNamed) {
  expect_invalid(core::check(PumpOptions{.max_events = 0}),
                 {"PumpOptions::max_events", " 0;", "1 or more"});
  expect_invalid(core::check(PumpOptions{.budget = 0ns}),
                 {"PumpOptions::budget", "is 0", "above 0"});
  expect_invalid(core::check(PumpOptions{.budget = -5ns}),
                 {"PumpOptions::budget", "is -5", "above 0"});
  EXPECT_TRUE(core::check(PumpOptions{}).ok());
}

TEST(OptionCheck, NegativeTimeoutsAreNamed) {
  Bus bus = manual_bus();
  expect_invalid(bus.flush(-1ns), {"flush", "timeout", "-1", "0 or more"});
  expect_invalid(bus.drain(-1ns).status(), {"drain", "timeout", "-1", "0 or more"});
  EXPECT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted) << "not closed by a refused drain";
}

}  // namespace
}  // namespace herald
