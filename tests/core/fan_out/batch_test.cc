// Batch<T>: what a typed batch subscriber gets.
#include "herald/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "herald/herald.h"
#include "support/buses.h"

namespace herald {
namespace {

using support::expect_invalid;
using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using testing::ElementsAre;

struct Position {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
};
struct Big {  // does not fit an event
  std::array<std::uint64_t, 16> words{};
};

static_assert(std::forward_iterator<Batch<Position>::Iterator>);
static_assert(std::forward_iterator<Batch<Text>::Iterator>);

class TypedBatch : public testing::Test {
 protected:
  template <typename T>
  void publish_numbered(const EventType<T>& type, std::uint32_t count, T (*make)(std::uint32_t)) {
    for (std::uint32_t i = 0; i < count; ++i) {
      ASSERT_EQ(publisher_.publish(type, make(i), {.stream = i}), PublishResult::kAccepted);
    }
  }

  Bus bus_ = manual_bus();
  Publisher publisher_ = make_publisher(bus_);
};

TEST_F(TypedBatch, IsARangeOfPayloadsInOrder) {
  const auto position = bus_.define<Position>("position").value();
  std::vector<std::uint32_t> seen;
  std::vector<StreamId> streams;
  const auto subscription =
      bus_.subscribe_batch(position,
                           [&](Batch<Position> batch) {
                             for (const Position& each : batch) {
                               seen.push_back(each.x);
                             }
                             for (const Event& event : batch.events()) {
                               streams.push_back(event.stream());
                             }
                             EXPECT_EQ(batch.size(), 3u);
                             EXPECT_EQ(batch[2].x, 2u);
                             EXPECT_EQ(std::distance(batch.begin(), batch.end()), 3);
                           })
          .value();
  publish_numbered<Position>(position, 3, [](std::uint32_t i) { return Position{i, 0}; });
  bus_.pump();
  EXPECT_THAT(seen, ElementsAre(0, 1, 2));
  EXPECT_THAT(streams, ElementsAre(0, 1, 2));
}

TEST_F(TypedBatch, OfTextIsOfViews) {
  std::vector<std::string> seen;
  const std::string large(100, 'x');
  const auto subscription = bus_.subscribe_batch(kToken,
                                                 [&](Batch<Text> batch) {
                                                   for (const std::string_view text : batch) {
                                                     seen.emplace_back(text);
                                                   }
                                                   EXPECT_EQ(batch[0], "small");
                                                 })
                                .value();
  publish_tokens(publisher_, {"small", large});
  bus_.pump();
  EXPECT_THAT(seen, ElementsAre("small", large));
}

TEST_F(TypedBatch, OfPayloadsInBlocks) {
  const auto big = bus_.define<Big>("big").value();
  std::uint64_t sum = 0;
  const auto subscription =
      bus_.subscribe_batch(big,
                           [&](Batch<Big> batch) {
                             sum = std::accumulate(batch.begin(), batch.end(), sum,
                                                   [](std::uint64_t total, const Big& each) {
                                                     return total + each.words[15];
                                                   });
                           })
          .value();
  publish_numbered<Big>(big, 10, [](std::uint32_t i) {
    Big made;
    made.words[15] = i;
    return made;
  });
  bus_.pump();
  EXPECT_EQ(sum, 45u);
}

// Runs of one type only, whatever comes in between; never an event without its payload.
TEST_F(TypedBatch, LeavesOutOtherTypesAndWhatMiddlewareTookThePayloadOf) {
  const auto position = bus_.define<Position>("position").value();
  Event stolen;
  const auto thief = bus_.use({.types = position},
                              [&](Event& event, Emitter&) {
                                if (event.get<Position>()->x == 1) {
                                  stolen = std::move(event);
                                }
                                return Verdict::kPass;
                              })
                         .value();
  std::vector<std::size_t> sizes;
  std::vector<std::uint32_t> seen;
  const auto subscription = bus_.subscribe_batch(position,
                                                 [&](Batch<Position> batch) {
                                                   sizes.push_back(batch.size());
                                                   for (const Position& each : batch) {
                                                     seen.push_back(each.x);
                                                   }
                                                 })
                                .value();
  publish_numbered<Position>(position, 3, [](std::uint32_t i) { return Position{i, 0}; });
  publish_tokens(publisher_, {"between"});
  publish_numbered<Position>(position, 1, [](std::uint32_t) { return Position{7, 0}; });
  bus_.pump();
  EXPECT_THAT(sizes, ElementsAre(2, 1));
  EXPECT_THAT(seen, ElementsAre(0, 2, 7));
  EXPECT_TRUE(bus_.stats().conserved());
}

TEST_F(TypedBatch, ANullCallbackIsRefused) {
  using Function = void (*)(Batch<Text>);
  expect_invalid(bus_.subscribe_batch(kToken, Function{nullptr}).status(), {"callback", "null"});
  expect_invalid(bus_.subscribe_batch(kToken, std::function<void(Batch<Text>)>()).status(),
                 {"callback", "null"});
}

TEST_F(TypedBatch, AKeyOfAnotherBusIsRefused) {
  Bus other = manual_bus();
  const auto position = other.define<Position>("position").value();
  expect_invalid(bus_.subscribe_batch(position, [](Batch<Position>) {}).status(), {"another bus"});
}

}  // namespace
}  // namespace herald
