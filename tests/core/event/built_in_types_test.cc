// The JSON of payloads: of the built-in types, and of those that users define.
#include "core/event/built_in_types.h"

#include <gtest/gtest.h>

#include <limits>
#include <locale>
#include <string>
#include <string_view>
#include <utility>

#include "support/buses.h"

namespace herald {
namespace {

using support::manual_bus;

template <typename T>
std::string json_of(Bus& bus, const EventType<T>& type, PublishArgument<T> payload) {
  std::string json;
  auto encoder =
      bus.subscribe({.types = type}, [&](const Event& event) { bus.encode(event, json); }).value();
  EXPECT_EQ(bus.publish(type, std::forward<PublishArgument<T>>(payload)), PublishResult::kAccepted);
  bus.pump();
  return json;
}

template <typename T>
std::string json_of(const EventType<T>& type, PublishArgument<T> payload) {
  Bus bus = manual_bus();
  return json_of<T>(bus, type, std::forward<PublishArgument<T>>(payload));
}

TEST(BuiltInTypes, TokenIsAString) {
  EXPECT_EQ(json_of(kToken, "Hello"), R"("Hello")");
  EXPECT_EQ(json_of(kToken, ""), R"("")");
  EXPECT_EQ(json_of(kToken, std::string(100, 'x')), '"' + std::string(100, 'x') + '"');
}

TEST(BuiltInTypes, StringsAreEscaped) {
  using namespace std::string_view_literals;
  EXPECT_EQ(json_of(kToken, R"(say "hi" \ bye)"), R"("say \"hi\" \\ bye")");
  EXPECT_EQ(json_of(kToken, "a\nb\tc\rd"), R"("a\u000ab\u0009c\u000dd")");
  EXPECT_EQ(json_of(kToken, "\0\x1F\x7F"sv), "\"\\u0000\\u001f\x7F\"");
  EXPECT_EQ(json_of(kToken, "gr\xC3\xBC\xC3\x9F \xF0\x9F\x91\x8B"),
            "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x91\x8B\"");
  EXPECT_EQ(json_of(kError, {"\"", "\\", false}),
            R"({"code":"\"","message":"\\","retryable":false})");
}

TEST(BuiltInTypes, CompleteNamesEveryField) {
  EXPECT_EQ(json_of(kComplete, {FinishReason::kToolCalls, {1, 2}, {3, -4}}),
            R"({"finish_reason":"tool_calls","prompt_tokens":1,"completion_tokens":2,)"
            R"("first_token_ns":3,"total_ns":-4})");
}

TEST(BuiltInTypes, EveryFinishReasonHasItsName) {
  const auto name = [](FinishReason reason) {
    const std::string json = json_of(kComplete, {reason, {}, {}});
    return json.substr(18, json.find('"', 18) - 18);
  };
  EXPECT_EQ(name(FinishReason::kStop), "stop");
  EXPECT_EQ(name(FinishReason::kLength), "length");
  EXPECT_EQ(name(FinishReason::kToolCalls), "tool_calls");
  EXPECT_EQ(name(FinishReason::kContentFilter), "content_filter");
  EXPECT_EQ(name(FinishReason::kCancelled), "cancelled");
}

TEST(BuiltInTypes, ErrorAndInfoAreObjects) {
  EXPECT_EQ(json_of(kError, {"timeout", "No answer.", true}),
            R"({"code":"timeout","message":"No answer.","retryable":true})");
  EXPECT_EQ(json_of(kInfo, "Loading"), R"({"level":"info","message":"Loading"})");
  EXPECT_EQ(json_of(kInfo, {InfoLevel::kDebug, "x"}), R"({"level":"debug","message":"x"})");
  EXPECT_EQ(json_of(kInfo, {InfoLevel::kWarning, "x"}), R"({"level":"warning","message":"x"})");
}

TEST(BuiltInTypes, MetricsLeaveOutAbsentFields) {
  EXPECT_EQ(json_of(kMetrics, {}), "{}");
  EXPECT_EQ(json_of(kMetrics, {.progress = 0.5F}), R"({"progress":0.5})");
  EXPECT_EQ(json_of(kMetrics, {.first_token_ms = 1.0F, .inter_token_ms = 0.25F}),
            R"({"first_token_ms":1,"inter_token_ms":0.25})");
  EXPECT_EQ(json_of(kMetrics, {1.0F, 2.0F, 3.0F, 4.0F}),
            R"({"first_token_ms":1,"tokens_per_second":2,"inter_token_ms":3,"progress":4})");
}

// JSON has no such numbers.
TEST(BuiltInTypes, MetricsThatAreNoNumbersStayValidJson) {
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    const std::string json = json_of(kMetrics, {.progress = value});
    EXPECT_TRUE(json == "{}" || json == R"({"progress":null})") << json;
  }
}

TEST(BuiltInTypes, JsonDoesNotFollowTheLocale) {
  const char* const former = std::setlocale(LC_NUMERIC, nullptr);
  const std::string kept = former == nullptr ? "C" : former;
  for (const char* comma : {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"}) {
    if (std::setlocale(LC_NUMERIC, comma) != nullptr) {
      break;
    }
  }
  EXPECT_EQ(json_of(kMetrics, {.progress = 0.5F}), R"({"progress":0.5})");
  std::setlocale(LC_NUMERIC, kept.c_str());
}

struct Collision {
  int a, b;
};
void encode_collision(const Collision& collision, std::string& json) {
  json += '[' + std::to_string(collision.a) + ',' + std::to_string(collision.b) + ']';
}
void encode_shout(std::string_view text, std::string& json) {
  json += '"' + std::string(text) + "!\"";
}

TEST(BuiltInTypes, UsersGiveTheirOwnEncoder) {
  Bus bus = manual_bus();
  const auto collision = bus.define<Collision>("collision", {.encode = encode_collision}).value();
  const auto shout = bus.define<Text>("shout", {.encode = encode_shout}).value();
  EXPECT_EQ(json_of<Collision>(bus, collision, {1, 2}), "[1,2]");
  EXPECT_EQ(json_of<Text>(bus, shout, "hey"), R"("hey!")");
}

TEST(BuiltInTypes, WithoutAnEncoderJsonIsNull) {
  Bus bus = manual_bus();
  EXPECT_EQ(json_of<Collision>(bus, bus.define<Collision>("collision").value(), {1, 2}), "null");
}

TEST(BuiltInTypes, EncodeAppends) {
  Bus bus = manual_bus();
  std::string json = "data: ";
  auto encoder = bus.subscribe({.types = kToken},
                               [&](const Event& event) {
                                 bus.encode(event, json);
                                 json += "\n\n";
                               })
                     .value();
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  ASSERT_EQ(bus.publish(kToken, "b"), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(json, "data: \"a\"\n\n\"b\"\n\n");
}

// Two buses may give one index to different payload types.
TEST(BuiltInTypes, EncodeOfAnEventOfAnotherBusIsNull) {
  Bus one = manual_bus();
  Bus other = manual_bus();
  const auto collision = one.define<Collision>("collision", {.encode = encode_collision}).value();
  const auto number = other.define<int>("number").value();
  ASSERT_EQ(collision.index(), number.index());
  std::string json;
  auto encoder =
      other.subscribe({.types = number}, [&](const Event& event) { one.encode(event, json); })
          .value();
  ASSERT_EQ(other.publish(number, 1), PublishResult::kAccepted);
  other.pump();
  EXPECT_EQ(json, "null");
}

}  // namespace
}  // namespace herald
