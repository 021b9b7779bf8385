#include "herald/event_type.h"

#include <gtest/gtest.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "herald/filter.h"
#include "support/buses.h"

namespace herald {
namespace {

using support::manual_bus;

// What compiles: the payload that the key names, and nothing else.

template <typename Target, typename T, typename Payload>
concept CanPublish = requires(Target& target, const EventType<T>& type, Payload&& payload) {
  target.publish(type, std::forward<Payload>(payload));
};
template <typename T, typename Payload>
concept CanEmit = requires(Emitter& emitter, const EventType<T>& type, Payload&& payload) {
  emitter.emit_before(type, std::forward<Payload>(payload));
};
template <typename T, typename Payload>
concept CanPublishBatch = requires(Publisher& publisher, const EventType<T>& type,
                                   std::span<const Payload> payloads) {
  publisher.publish_batch(type, payloads);
};
template <typename T, typename Callback>
concept CanSubscribe = requires(Bus& bus, const EventType<T>& type, Callback callback) {
  bus.subscribe(type, callback);
};

struct Collision {
  std::uint32_t a, b;
  float impulse;
};

// In how many of the three places it compiles.
template <typename T, typename Payload>
constexpr int kPlaces = int{CanPublish<Publisher, T, Payload>} + int{CanPublish<Bus, T, Payload>} +
                        int{CanEmit<T, Payload>};
template <typename T, typename Payload>
constexpr bool kFits = kPlaces<T, Payload> == 3;
template <typename T, typename Payload>
constexpr bool kFitsNowhere = kPlaces<T, Payload> == 0;

static_assert(kFits<Text, const char*> && kFits<Text, std::string> &&
              kFits<Text, std::string_view>);
static_assert(kFitsNowhere<Text, int> && kFitsNowhere<Text, Collision> &&
              kFitsNowhere<Text, Metrics>);
static_assert(kFits<Collision, Collision> && kFitsNowhere<Collision, std::string> &&
              kFitsNowhere<Collision, Metrics>);
static_assert(kFits<Complete, Complete> && kFitsNowhere<Complete, Error> &&
              kFitsNowhere<Complete, const char*>);
static_assert(kFits<Info, const char*> && kFits<Info, std::string> &&
              kFits<Info, std::string_view> && kFitsNowhere<Info, Error>);
static_assert(kFits<std::unique_ptr<int>, std::unique_ptr<int>> &&
              kFitsNowhere<std::unique_ptr<int>, std::unique_ptr<int>&> &&
              kFitsNowhere<std::unique_ptr<int>, std::unique_ptr<double>>);
static_assert(CanPublishBatch<Collision, Collision> && !CanPublishBatch<Collision, Metrics>);
static_assert(CanPublishBatch<Text, std::string_view> && !CanPublishBatch<Text, std::string>);
static_assert(CanSubscribe<Text, void (*)(std::string_view, const Event&)> &&
              !CanSubscribe<Text, void (*)(const Metrics&, const Event&)> &&
              !CanSubscribe<Metrics, void (*)(std::string_view, const Event&)> &&
              CanSubscribe<Metrics, void (*)(const Metrics&, const Event&)> &&
              !CanSubscribe<Metrics, void (*)(Metrics&, const Event&)>);

// Masks.

TEST(TypeMask, DefaultIsEmpty) {
  constexpr TypeMask kNone;
  EXPECT_TRUE(kNone.empty());
  EXPECT_EQ(kNone.bits(), 0u);
  EXPECT_FALSE(kNone.contains(0));
}

TEST(TypeMask, OfKeysContainsTheirIndicesOnly) {
  constexpr TypeMask kMask = kToken | kComplete;
  EXPECT_EQ(kMask.bits(), 0b11u);
  EXPECT_TRUE(kMask.contains(kToken.index()) && kMask.contains(kComplete.index()));
  EXPECT_FALSE(kMask.contains(kError.index()));
  EXPECT_FALSE(kMask.empty());
  EXPECT_EQ(kMask, kComplete | kToken);
}

TEST(TypeMask, CombinesAsASet) {
  constexpr TypeMask kEnds = kComplete | kError;
  EXPECT_EQ((kToken | kEnds).bits(), 0b111u);
  EXPECT_EQ((kEnds | kToken | kInfo).bits(), 0b1111u);
  EXPECT_EQ(kEnds & (kError | kInfo), TypeMask(kError));
  EXPECT_TRUE((kEnds & kToken).empty());
  EXPECT_EQ(~TypeMask::all(), TypeMask());
  EXPECT_FALSE((~TypeMask(kToken)).contains(kToken.index()));
  EXPECT_TRUE((~TypeMask(kToken)).contains(63));
}

TEST(TypeMask, AllContainsEveryIndex) {
  for (unsigned index = 0; index < 64; ++index) {
    EXPECT_TRUE(TypeMask::all().contains(index));
    EXPECT_EQ(TypeMask::from_bits(std::uint64_t{1} << index).contains(index), true);
  }
}

// Keys.

TEST(EventType, BuiltInOnesAreTheFirstFive) {
  EXPECT_EQ(kToken.index(), 0u);
  EXPECT_EQ(kComplete.index(), 1u);
  EXPECT_EQ(kError.index(), 2u);
  EXPECT_EQ(kInfo.index(), 3u);
  EXPECT_EQ(kMetrics.index(), 4u);
}

TEST(EventType, EqualKeysAreOfOneTypeOfOneBus) {
  Bus one = manual_bus();
  Bus other = manual_bus();
  const auto type = one.define<int>("type").value();
  EXPECT_EQ(type, one.find<int>("type").value());
  EXPECT_NE(type, one.define<int>("another").value());
  EXPECT_NE(type, other.define<int>("type").value());
  EXPECT_EQ(kToken, one.find<Text>("token").value());
  EXPECT_EQ(one.find<Metrics>("metrics").value(), other.find<Metrics>("metrics").value());
}

TEST(EventType, BuiltInKeysFitEveryBus) {
  Bus one = manual_bus();
  Bus other = manual_bus();
  EXPECT_EQ(other.publish(one.find<Text>("token").value(), "text"), PublishResult::kAccepted);
  EXPECT_EQ(one.publish(kToken, "text"), PublishResult::kAccepted);
}

// Filters.

TEST(Filter, MatchesTypeAndStream) {
  constexpr Filter kAnyStream{.types = kToken | kError};
  EXPECT_TRUE(kAnyStream.matches(kToken.index(), 0));
  EXPECT_TRUE(kAnyStream.matches(kError.index(), 7));
  EXPECT_FALSE(kAnyStream.matches(kInfo.index(), 7));
  constexpr Filter kOneStream{.types = kToken, .stream = 7};
  EXPECT_TRUE(kOneStream.matches(kToken.index(), 7));
  EXPECT_FALSE(kOneStream.matches(kToken.index(), 0));
  EXPECT_FALSE(kOneStream.matches(kError.index(), 7));
}

TEST(Filter, StreamZeroIsAStream) {
  constexpr Filter kUnnamed{.types = kToken, .stream = 0};
  EXPECT_TRUE(kUnnamed.matches(kToken.index(), 0));
  EXPECT_FALSE(kUnnamed.matches(kToken.index(), 1));
}

TEST(Filter, EmptyMatchesNothing) {
  for (unsigned index = 0; index < 64; ++index) {
    EXPECT_FALSE(Filter{}.matches(index, 0));
  }
}

TEST(Info, IsMadeOfAnyKindOfText) {
  Bus bus = manual_bus();
  std::vector<std::string> messages;
  auto subscription = bus.subscribe(kInfo, [&](const Info& info,
                                               const Event&) { messages.push_back(info.message); })
                          .value();
  bus.publish(kInfo, "literal");
  bus.publish(kInfo, std::string("put ") + "together");
  bus.publish(kInfo, std::string_view("a view"));
  bus.pump();
  EXPECT_EQ(messages, (std::vector<std::string>{"literal", "put together", "a view"}));
}

}  // namespace
}  // namespace herald
