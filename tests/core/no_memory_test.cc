// What needs memory that there is not is refused, told and counted, and nothing else changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "herald/herald.h"
#include "support/buses.h"
#include "support/counting_resource.h"

namespace herald {
namespace {

using support::make_publisher;
using support::manual_bus;
using support::row_of;

const std::string kLongText(33, 'x');  // one byte more than an event keeps itself

// A manual bus whose blocks are counted, and refused from refuse_after() on.
class NoMemory : public testing::Test {
 protected:
  support::CountingResource resource_;
  Bus bus_ = manual_bus({.payload_resource = &resource_});
  Publisher publisher_ = make_publisher(bus_, {.name = "p"});
};

TEST_F(NoMemory, PayloadIsRejected) {
  resource_.refuse_after(0);
  EXPECT_EQ(publisher_.publish(kToken, kLongText), PublishResult::kRejected);
  EXPECT_EQ(bus_.publish(kToken, kLongText), PublishResult::kRejected);
  EXPECT_EQ(publisher_.publish(kToken, "short"), PublishResult::kAccepted);
  EXPECT_EQ(bus_.stats().total.rejected, 2u);
  EXPECT_TRUE(bus_.stats().conserved());
}

TEST_F(NoMemory, RejectedPayloadIsDestroyed) {
  const auto type = bus_.define<std::shared_ptr<int>>("shared").value();
  const auto owned = std::make_shared<int>(7);
  resource_.refuse_after(0);
  EXPECT_EQ(publisher_.publish(type, owned), PublishResult::kRejected);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST_F(NoMemory, BatchEndsBeforeThePayloadThatFindsNone) {
  const std::string text(100, 'x');
  const std::vector<std::string_view> payloads(150, text);
  for (const std::size_t granted : {0u, 1u, 63u, 64u, 65u, 149u}) {
    resource_.refuse_after(static_cast<std::int64_t>(granted));
    const PublisherStats before = row_of(bus_, "p");
    const BatchResult result = publisher_.publish_batch(kToken, payloads);
    EXPECT_EQ(result.accepted, granted);
    EXPECT_EQ(result.result, PublishResult::kRejected);
    const PublisherStats after = row_of(bus_, "p");
    EXPECT_EQ(after.attempts, before.attempts + payloads.size());
    EXPECT_EQ(after.accepted, before.accepted + granted);
    EXPECT_EQ(after.rejected, before.rejected + payloads.size() - granted);
  }
  bus_.pump();
  EXPECT_EQ(resource_.live(), 0);
}

TEST_F(NoMemory, SetChangesNothing) {
  std::vector<Event> kept;
  auto keeper =
      bus_.subscribe({.types = TypeMask::all()}, [&](const Event& event) { kept.push_back(event); })
          .value();
  ASSERT_EQ(publisher_.publish(kToken, "short"), PublishResult::kAccepted);
  ASSERT_EQ(publisher_.publish(kError, {"code", "message", false}), PublishResult::kAccepted);
  bus_.pump();
  ASSERT_EQ(kept.size(), 2u);
  resource_.refuse_after(0);
  EXPECT_FALSE(kept[0].set_text(kLongText, &resource_));
  EXPECT_EQ(kept[0].text(), "short");
  EXPECT_FALSE(kept[1].set(Error{"other", "", true}, &resource_));
  EXPECT_EQ(kept[1].get<Error>()->code, "code");
}

TEST_F(NoMemory, EmissionIsRefused) {
  bool emitted = true;
  auto guard = bus_.use({.types = kToken},
                        [&](Event&, Emitter& emitter) {
                          resource_.refuse_after(0);
                          emitted = emitter.emit_before(kToken, std::string(100, 'x'));
                          return Verdict::kPass;
                        })
                   .value();
  ASSERT_EQ(bus_.publish(kToken, "a"), PublishResult::kAccepted);
  EXPECT_EQ(bus_.pump().events, 1u);
  EXPECT_FALSE(emitted);
  EXPECT_EQ(bus_.stats().emit_refused, 1u);
}

// A rejected publish had taken a ticket of the shared lane: a flush must not wait for it.
TEST_F(NoMemory, FlushReturnsAfterARejectedPublish) {
  Bus bus = support::thread_bus({.payload_resource = &resource_});
  resource_.refuse_after(0);
  EXPECT_EQ(bus.publish(kToken, std::string(100, 'x')), PublishResult::kRejected);
  EXPECT_TRUE(bus.flush(support::kLong).ok());
}

// A stream that lost its producer ends all the same, in either lane.
TEST_F(NoMemory, AnAbandonedStreamEnds) {
  std::vector<std::string> codes;
  const Subscription keeper =
      bus_.subscribe(kError,
                     [&](const Error& error, const Event& event) {
                       codes.push_back(error.code + std::to_string(event.stream()));
                     })
          .value();
  {
    TokenStream own(publisher_, 1);
    TokenStream shared(bus_, 2);
    EXPECT_EQ(own.token("seen"), PublishResult::kAccepted);
    EXPECT_EQ(shared.token("seen"), PublishResult::kAccepted);
    resource_.refuse_after(0);
    EXPECT_EQ(own.error({"no", "memory", false}), PublishResult::kRejected);
  }
  bus_.pump();
  EXPECT_THAT(codes, testing::UnorderedElementsAre("abandoned1", "abandoned2"));
  EXPECT_TRUE(bus_.stats().conserved());
}

}  // namespace
}  // namespace herald
