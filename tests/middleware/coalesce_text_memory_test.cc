// CoalesceText where there is no memory for joined text: nothing is lost, it is joined less.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "herald/coalesce_text.h"
#include "middleware/flow.h"
#include "support/counting_resource.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::agree;
using support::CountingResource;
using support::manual_bus;
using support::Texts;
using testing::ElementsAre;

constexpr std::string_view kHalf = "twenty bytes of text";

class CoalesceTextMemory : public testing::Test {
 protected:
  void publish(std::string_view text) {
    ASSERT_EQ(bus_.publish(kToken, text, {.stream = 1}), PublishResult::kAccepted);
  }
  void finish() {
    bus_.publish(kComplete, {}, {.stream = 1});
    bus_.pump();
    EXPECT_TRUE(agree(bus_.stats(), meter_.read()));
  }

  CountingResource resource_;
  Bus bus_ = manual_bus();
  CoalesceText coalesce_ =
      CoalesceText::create({.window = 1h, .payload_resource = &resource_}).value();
  FlowMeter meter_ = coalesce_.meter();
  Texts out_;
  Subscription keeper_ = bus_.subscribe({.types = kToken}, support::collect(out_)).value();
  Subscription guard_ = bus_.use({.types = kToken | kComplete}, std::move(coalesce_)).value();
};

TEST_F(CoalesceTextMemory, JoinedTextLivesInTheResourceGiven) {
  publish(kHalf);
  publish(kHalf);
  finish();
  EXPECT_THAT(out_, ElementsAre(std::string(kHalf) + std::string(kHalf)));
  EXPECT_EQ(resource_.allocations(), 1);
  EXPECT_EQ(resource_.live(), 0);
}

TEST_F(CoalesceTextMemory, TextThatFitsAnEventNeedsNone) {
  resource_.refuse_after(0);
  for (int i = 0; i < 32; ++i) {
    publish("a");
  }
  finish();
  EXPECT_THAT(out_, ElementsAre(std::string(32, 'a')));
  EXPECT_EQ(meter_.read().no_memory, 0u);
}

TEST_F(CoalesceTextMemory, OneBlockAtATimeIsHeldForAStream) {
  for (int i = 0; i < 20; ++i) {
    publish(kHalf);
  }
  bus_.pump();
  EXPECT_EQ(resource_.allocations(), 19);
  EXPECT_EQ(resource_.live(), 1);
  finish();
  EXPECT_EQ(resource_.live(), 0);
}

TEST_F(CoalesceTextMemory, WithoutItTextStaysApartAndWhole) {
  resource_.refuse_after(1);
  publish(kHalf);
  publish(kHalf);
  publish("c");
  publish("d");
  finish();
  EXPECT_THAT(out_, ElementsAre(std::string(kHalf) + std::string(kHalf), "cd"));
  EXPECT_EQ(meter_.read().no_memory, 1u);
  EXPECT_EQ(meter_.read().events_dropped, 0u);
  EXPECT_EQ(meter_.read().bytes_out, 2 * kHalf.size() + 2);
}

}  // namespace
}  // namespace herald
