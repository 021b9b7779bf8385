// The check of `herald stream` finds what a bus could do wrong.
#include "tools/herald/audience.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string_view>

#include "herald/bus.h"
#include "tools/herald/text_digest.h"
#include "tools/herald/transcript.h"

namespace herald::cli {
namespace {

constexpr StreamId kStream = 1;
const Filter kAll{.types = TypeMask::all(), .stream = kStream};

Tally tally_of(std::initializer_list<std::string_view> tokens) {
  Tally tally;
  for (const std::string_view token : tokens) {
    tally.add(word_of(token));
  }
  return tally;
}

TEST(Audience, FindsWhoGotLessOrMoreOrOtherwise) {
  std::optional<Bus> bus = Bus::create({.dispatch = DispatchMode::kManual}).value();
  Audience audience;
  ASSERT_TRUE(audience.subscribe(*bus, kAll, 3).ok());
  for (const char* token : {"one ", "two ", "three"}) {
    bus->publish(kToken, token, {.stream = kStream});
  }
  bus->publish(kToken, "of another stream", {.stream = kStream + 1});
  bus->pump();
  bus.reset();
  EXPECT_EQ(audience.count_different(tally_of({"one ", "two ", "three"})), 0U);
  EXPECT_EQ(audience.count_different(tally_of({"one ", "two "})), 3U);
  EXPECT_EQ(audience.count_different(tally_of({"one ", "two ", "three", "three"})), 3U);
  EXPECT_EQ(audience.count_different(tally_of({"two ", "one ", "three"})), 3U);
  EXPECT_EQ(audience.count_different(tally_of({"one ", "two ", "thref"})), 3U);
}

TEST(WordOf, DependsOnEveryByteAndTheLength) {
  const std::string text = "0123456789abcdefghi";
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string other = text;
    other[at] ^= 1;
    EXPECT_NE(word_of(other), word_of(text));
    EXPECT_NE(word_of(text.substr(0, at)), word_of(text));
  }
  EXPECT_NE(word_of(std::string(8, '\0')), word_of(std::string(9, '\0')));
}

TEST(TextDigest, IsTheSameHoweverTheTextIsCut) {
  TextDigest one;
  one.add("Hello, ");
  one.add("world");
  TextDigest other;
  other.add("Hello, world");
  EXPECT_EQ(one, other);
  EXPECT_EQ(one.bytes(), 12U);
  other.add("!");
  EXPECT_NE(one, other);
}

}  // namespace
}  // namespace herald::cli
