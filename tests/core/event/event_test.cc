#include "herald/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/buses.h"
#include "support/counting_resource.h"

namespace herald {
namespace {

using support::CountingResource;
using support::make_publisher;
using support::manual_bus;
using testing::IsEmpty;

constexpr std::size_t kLimitBytes = std::size_t{16} << 20;
const std::string kLongText(33, 'x');  // one byte more than an event keeps itself

static_assert(sizeof(Event) == 64 && alignof(Event) == 64);
static_assert(std::is_nothrow_copy_constructible_v<Event> &&
              std::is_nothrow_move_constructible_v<Event> &&
              std::is_nothrow_copy_assignable_v<Event> && std::is_nothrow_move_assignable_v<Event>);

// A manual bus whose blocks are counted, with a subscriber that keeps what it gets.
class EventTest : public testing::Test {
 protected:
  Event kept_after(PublishResult result) {
    EXPECT_EQ(result, PublishResult::kAccepted);
    bus_->pump();
    EXPECT_EQ(kept_.size(), 1u);
    Event event = std::move(kept_.back());
    kept_.clear();
    return event;
  }
  Event text_event(std::string_view text, const PublishOptions& options = {}) {
    return kept_after(bus_->publish(kToken, text, options));
  }
  void keep_events() {
    keeper_ = bus_->subscribe({.types = TypeMask::all()},
                              [this](const Event& event) { kept_.push_back(event); })
                  .value();
  }
  void SetUp() override { keep_events(); }

  CountingResource resource_;
  std::vector<Event> kept_;
  std::optional<Bus> bus_{manual_bus({.payload_resource = &resource_})};
  Subscription keeper_;
};

TEST_F(EventTest, DefaultIsEmpty) {
  const Event event;
  EXPECT_EQ(event.text(), "");
  EXPECT_EQ(event.sequence(), 0u);
  EXPECT_EQ(event.stream(), 0u);
  EXPECT_EQ(event.get<Metrics>(), nullptr);
  EXPECT_EQ(event.get<Error>(), nullptr);
  EXPECT_EQ(event.publish_time(), std::chrono::steady_clock::time_point{});
}

TEST_F(EventTest, TextOfAnyLengthArrivesWhole) {
  for (const std::size_t size : {0u, 1u, 31u, 32u, 33u, 64u, 4'096u}) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
      text[i] = static_cast<char>(i % 251);
    }
    EXPECT_EQ(text_event(text).text(), text) << size;
  }
}

TEST_F(EventTest, TextUpTo32BytesNeedsNoBlock) {
  EXPECT_EQ(text_event(std::string(32, 'x')).text().size(), 32u);
  EXPECT_EQ(resource_.allocations(), 0);
  EXPECT_EQ(text_event(kLongText).text(), kLongText);
  EXPECT_EQ(resource_.allocations(), 1);
}

TEST_F(EventTest, CopiesShareTheBlock) {
  const Event event = text_event(kLongText);
  std::vector<Event> copies(10, event);
  EXPECT_EQ(resource_.allocations(), 1);
  for (const Event& copy : copies) {
    EXPECT_EQ(copy.text().data(), event.text().data());
  }
}

TEST_F(EventTest, LastCopyFreesTheBlock) {
  Event event = text_event(kLongText);
  {
    const Event copy = event;
    event = Event();
    EXPECT_EQ(copy.text(), kLongText);
    EXPECT_EQ(resource_.live(), 1);
  }
  EXPECT_EQ(resource_.live(), 0);
}

TEST_F(EventTest, BlockOutlivesTheBus) {
  Event event = text_event(kLongText);
  keeper_ = Subscription();
  bus_.reset();
  EXPECT_EQ(event.text(), kLongText);
  EXPECT_EQ(resource_.live(), 1);
  event = Event();
  EXPECT_EQ(resource_.live(), 0);
}

TEST_F(EventTest, BlocksOfUndeliveredEventsAreFreedWithTheBus) {
  BusOptions options{.payload_resource = &resource_, .drain_on_destroy = {}};
  std::optional<Bus> bus(manual_bus(options));
  testing::internal::CaptureStderr();
  ASSERT_EQ(bus->publish(kToken, kLongText), PublishResult::kAccepted);
  ASSERT_EQ(make_publisher(*bus).publish(kToken, kLongText), PublishResult::kAccepted);
  EXPECT_EQ(resource_.live(), 2);
  bus.reset();
  EXPECT_EQ(resource_.live(), 0);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("2 accepted events"));
}

TEST_F(EventTest, CopiesMayBeDroppedOnAnyThread) {
  Event event = text_event(kLongText);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = event]() mutable {
      for (int round = 0; round < 1'000; ++round) {
        const Event another = copy;
        ASSERT_EQ(another.text(), kLongText);
      }
      copy = Event();
    });
  }
  event = Event();
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(resource_.live(), 0);
}

TEST_F(EventTest, MovedFromHasNoPayload) {
  Event from = text_event(kLongText);
  const Event to = std::move(from);
  EXPECT_EQ(from.text(), "");
  EXPECT_EQ(to.text(), kLongText);
  EXPECT_EQ(resource_.live(), 1);
}

TEST_F(EventTest, AssignmentToItselfKeepsThePayload) {
  Event event = text_event(kLongText);
  Event& alias = event;
  event = alias;
  EXPECT_EQ(event.text(), kLongText);
  event = std::move(alias);
  EXPECT_EQ(event.text(), kLongText);
}

TEST_F(EventTest, PayloadUpTo16MiBIsAcceptedAndOneByteMoreRejected) {
  const std::string text(kLimitBytes + 1, 'x');
  EXPECT_EQ(bus_->publish(kToken, text), PublishResult::kRejected);
  EXPECT_EQ(text_event(std::string_view(text).substr(1)).text().size(), kLimitBytes);
  EXPECT_EQ(support::row_of(*bus_, "shared").rejected, 1u);
  EXPECT_TRUE(bus_->stats().conserved());
}

// Typed payloads.

struct Position {
  double x, y, z;
};
struct alignas(32) Lanes {
  double of[4];
};
struct alignas(128) Matrix {
  double of[16];
};

bool is_aligned(const void* pointer, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;
}

TEST_F(EventTest, SmallTriviallyCopyableStructLivesInside) {
  const auto type = bus_->define<Position>("position").value();
  const Event event = kept_after(bus_->publish(type, {1, 2, 3}));
  ASSERT_NE(event.get<Position>(), nullptr);
  EXPECT_EQ(event.get<Position>()->z, 3.0);
  EXPECT_EQ(resource_.allocations(), 0);
}

TEST_F(EventTest, AlignmentOf32IsKeptInside) {
  const auto type = bus_->define<Lanes>("lanes").value();
  const Event event = kept_after(bus_->publish(type, {{1, 2, 3, 4}}));
  const Event copy = event;
  EXPECT_TRUE(is_aligned(event.get<Lanes>(), 32) && is_aligned(copy.get<Lanes>(), 32));
  EXPECT_EQ(copy.get<Lanes>()->of[3], 4.0);
  EXPECT_EQ(resource_.allocations(), 0);
}

TEST_F(EventTest, GreaterAlignmentIsKeptInABlock) {
  const auto type = bus_->define<Matrix>("matrix").value();
  const Event event = kept_after(bus_->publish(type, Matrix{{1, 2}}));
  EXPECT_TRUE(is_aligned(event.get<Matrix>(), 128));
  EXPECT_EQ(event.get<Matrix>()->of[1], 2.0);
  EXPECT_EQ(resource_.live(), 1);
}

TEST_F(EventTest, MoveOnlyPayloadIsMovedIn) {
  const auto type = bus_->define<std::unique_ptr<int>>("owned").value();
  const Event event = kept_after(bus_->publish(type, std::make_unique<int>(7)));
  ASSERT_NE(event.get<std::unique_ptr<int>>(), nullptr);
  EXPECT_EQ(**event.get<std::unique_ptr<int>>(), 7);
}

TEST_F(EventTest, PayloadIsDestroyedOnceWithItsLastCopy) {
  const auto type = bus_->define<std::shared_ptr<int>>("shared").value();
  const auto owned = std::make_shared<int>(7);
  Event event = kept_after(bus_->publish(type, owned));
  EXPECT_EQ(owned.use_count(), 2);
  Event copy = event;
  EXPECT_EQ(owned.use_count(), 2) << "a copy of the event is no copy of the payload";
  event = Event();
  EXPECT_EQ(owned.use_count(), 2);
  copy = Event();
  EXPECT_EQ(owned.use_count(), 1);
}

TEST_F(EventTest, RefusedPayloadIsDestroyed) {
  const auto type = bus_->define<std::shared_ptr<int>>("shared").value();
  const auto owned = std::make_shared<int>(7);
  Publisher publisher = make_publisher(*bus_, 1);
  ASSERT_EQ(publisher.publish(type, owned), PublishResult::kAccepted);
  EXPECT_EQ(publisher.publish(type, owned), PublishResult::kDropped);
  EXPECT_EQ(publisher.try_publish(type, owned), PublishResult::kFull);
  bus_->close();
  EXPECT_EQ(publisher.publish(type, owned), PublishResult::kClosed);
  EXPECT_EQ(owned.use_count(), 2) << "only the accepted one is alive";
  EXPECT_EQ(resource_.live(), 1);
}

TEST_F(EventTest, GetIsNullForEveryOtherPayloadType) {
  struct SameLayout {
    double x, y, z;
  };
  const auto type = bus_->define<Position>("position").value();
  const Event position = kept_after(bus_->publish(type, {1, 2, 3}));
  EXPECT_EQ(position.get<SameLayout>(), nullptr);
  EXPECT_EQ(position.get<Metrics>(), nullptr);
  EXPECT_EQ(position.get<Error>(), nullptr);
  EXPECT_EQ(position.text(), "");
  const Event token = text_event("text");
  EXPECT_EQ(token.get<Position>(), nullptr);
  EXPECT_EQ(token.get<Info>(), nullptr);
}

TEST_F(EventTest, TypesWithOnePayloadTypeAreToldApartByIndex) {
  const auto first = bus_->define<Position>("first").value();
  const auto second = bus_->define<Position>("second").value();
  const Event event = kept_after(bus_->publish(second, {1, 2, 3}));
  EXPECT_NE(event.get<Position>(), nullptr);
  EXPECT_TRUE(event.is(second));
  EXPECT_FALSE(event.is(first));
  EXPECT_EQ(event.type_index(), second.index());
}

TEST_F(EventTest, EveryBuiltInPayloadArrives) {
  const Event complete = kept_after(bus_->publish(
      kComplete, {FinishReason::kLength, {.prompt_tokens = 3}, {.first_token_ns = 4}}));
  EXPECT_EQ(complete.get<Complete>()->finish_reason, FinishReason::kLength);
  EXPECT_EQ(complete.get<Complete>()->usage.prompt_tokens, 3u);
  EXPECT_EQ(complete.get<Complete>()->timing.first_token_ns, 4);
  const Event error = kept_after(bus_->publish(kError, {"timeout", "No answer came.", true}));
  EXPECT_EQ(error.get<Error>()->code, "timeout");
  EXPECT_TRUE(error.get<Error>()->retryable);
  const Event info = kept_after(bus_->publish(kInfo, "Loading AI expert..."));
  EXPECT_EQ(info.get<Info>()->message, "Loading AI expert...");
  const Event metrics = kept_after(bus_->publish(kMetrics, {.tokens_per_second = 9.5F}));
  EXPECT_EQ(metrics.get<Metrics>()->tokens_per_second, 9.5F);
  EXPECT_FALSE(metrics.get<Metrics>()->progress.has_value());
}

// Changes.

TEST_F(EventTest, SetTextNeverShowsInOtherCopies) {
  for (const std::string& before : {std::string("short"), kLongText}) {
    for (const std::string& after : {std::string("other"), std::string(40, 'y')}) {
      Event event = text_event(before);
      const Event copy = event;
      EXPECT_TRUE(event.set_text(after, &resource_));
      EXPECT_EQ(event.text(), after);
      EXPECT_EQ(copy.text(), before);
    }
  }
  EXPECT_EQ(resource_.live(), 0);
}

TEST_F(EventTest, SetTextMayTakeAPartOfItsOwnText) {
  for (const std::string& text : {std::string("0123456789"), std::string(50, 'a') + "tail"}) {
    Event event = text_event(text);
    EXPECT_TRUE(event.set_text(event.text().substr(4)));
    EXPECT_EQ(event.text(), text.substr(4));
  }
}

TEST_F(EventTest, SetNeverShowsInOtherCopies) {
  const auto type = bus_->define<Position>("position").value();
  Event event = kept_after(bus_->publish(type, {1, 2, 3}));
  const Event copy = event;
  EXPECT_TRUE(event.set(Position{4, 5, 6}));
  EXPECT_EQ(event.get<Position>()->x, 4.0);
  EXPECT_EQ(copy.get<Position>()->x, 1.0);
  Event error = kept_after(bus_->publish(kError, {"code", "message", false}));
  const Event same_error = error;
  EXPECT_TRUE(error.set(Error{"other", "", true}, &resource_));
  EXPECT_EQ(error.get<Error>()->code, "other");
  EXPECT_EQ(same_error.get<Error>()->code, "code");
}

TEST_F(EventTest, SetKeepsEverythingButThePayload) {
  Event event = text_event("before", {.stream = 9});
  const Event copy = event;
  EXPECT_TRUE(event.set_text(kLongText));
  EXPECT_EQ(event.stream(), 9u);
  EXPECT_EQ(event.sequence(), copy.sequence());
  EXPECT_TRUE(event.is(kToken));
  EXPECT_NE(event.publish_time(), std::chrono::steady_clock::time_point{});
  event.set_stream(10);
  EXPECT_EQ(event.stream(), 10u);
  EXPECT_EQ(copy.stream(), 9u);
}

TEST_F(EventTest, SetOfAnotherPayloadTypeChangesNothing) {
  Event event = text_event(kLongText);
  EXPECT_FALSE(event.set(Metrics{}));
  EXPECT_FALSE(event.set(Error{}));
  EXPECT_EQ(event.text(), kLongText);
  Event error = kept_after(bus_->publish(kError, {"code", "message", false}));
  EXPECT_FALSE(error.set_text("text"));
  EXPECT_EQ(error.get<Error>()->code, "code");
}

TEST_F(EventTest, SetOfATooLongTextChangesNothing) {
  Event event = text_event("short");
  EXPECT_FALSE(event.set_text(std::string(kLimitBytes + 1, 'x')));
  EXPECT_EQ(event.text(), "short");
}

// Times.

TEST_F(EventTest, PublishTimeIsBetweenTheClockBeforeAndAfter) {
  constexpr std::chrono::milliseconds kCalibrationError{1};
  const auto before = std::chrono::steady_clock::now();
  const Event event = text_event("text");
  const auto published = event.publish_time();
  EXPECT_GE(published, before - kCalibrationError);
  EXPECT_LE(published, std::chrono::steady_clock::now() + kCalibrationError);
}

TEST_F(EventTest, DueTimeIsThePublishTime) {
  const auto due = std::chrono::steady_clock::now() - std::chrono::hours(1);
  const Event event = text_event("text", {.at = due});
  EXPECT_LT(std::chrono::abs(event.publish_time() - due), std::chrono::seconds(1));
}

TEST_F(EventTest, WallTimeIsTheSameInstantOnTheWallClock) {
  const auto due = std::chrono::steady_clock::now() - std::chrono::hours(1);
  const Event event = text_event("text", {.at = due});
  const auto expected = std::chrono::system_clock::now() - std::chrono::hours(1);
  EXPECT_LT(std::chrono::abs(event.wall_time() - expected), std::chrono::seconds(10));
}

TEST_F(EventTest, WithoutLatencyThereAreNoTimes) {
  Bus bus = manual_bus({.latency = false});
  Event event;
  auto subscription = bus.subscribe({.types = kToken}, [&](const Event& e) { event = e; }).value();
  ASSERT_EQ(bus.publish(kToken, "text", {.at = std::chrono::steady_clock::now()}),
            PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(event.text(), "text");
  EXPECT_EQ(event.publish_time(), std::chrono::steady_clock::time_point{});
  EXPECT_EQ(event.wall_time(), std::chrono::system_clock::time_point{});
}

}  // namespace
}  // namespace herald
