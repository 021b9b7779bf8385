#include "herald/token_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using namespace std::chrono_literals;
using support::make_publisher;
using support::manual_bus;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr StreamId kStream = 7;

// A manual bus and a subscriber that writes down what it sees of one stream.
class TokenStreamTest : public testing::Test {
 protected:
  std::vector<std::string> pump() {
    bus_.pump();
    EXPECT_TRUE(bus_.stats().conserved());
    return std::exchange(seen_, {});
  }
  std::string text() {
    std::string joined;
    for (const std::string& line : pump()) {
      joined += line.starts_with("token ") ? line.substr(6) : "";
    }
    return joined;
  }

  Bus bus_ = manual_bus();
  Publisher publisher_ = make_publisher(bus_);
  std::vector<std::string> seen_;
  std::optional<Complete> complete_;
  std::optional<Metrics> metrics_;
  Subscription listener_ = bus_.subscribe({.types = TypeMask::all(), .stream = kStream},
                                          [this](const Event& event) { see(event); })
                               .value();

 private:
  void see(const Event& event) {
    std::string line(bus_.type_name(event.type_index()));
    if (const auto* complete = event.get<Complete>(); complete != nullptr) {
      complete_ = *complete;
      line += ' ' + std::string(name_of(complete->finish_reason));
    } else if (const auto* error = event.get<Error>(); error != nullptr) {
      line += ' ' + error->code;
    } else if (const auto* info = event.get<Info>(); info != nullptr) {
      line += ' ' + info->message;
    } else if (const auto* metrics = event.get<Metrics>(); metrics != nullptr) {
      metrics_ = *metrics;
    } else {
      line += ' ' + std::string(event.text());
    }
    seen_.push_back(std::move(line));
  }
};

TEST_F(TokenStreamTest, PublishesOneAnswer) {
  TokenStream answer(publisher_, kStream);
  ASSERT_TRUE(answer.status().ok());
  EXPECT_EQ(answer.stream(), kStream);
  EXPECT_EQ(answer.info("thinking"), PublishResult::kAccepted);
  EXPECT_EQ(answer.token("Hel"), PublishResult::kAccepted);
  EXPECT_EQ(answer.token("lo"), PublishResult::kAccepted);
  EXPECT_FALSE(answer.ended());
  EXPECT_EQ(answer.complete(FinishReason::kLength, {.prompt_tokens = 3, .completion_tokens = 2}),
            PublishResult::kAccepted);
  EXPECT_TRUE(answer.ended());
  EXPECT_THAT(pump(), ElementsAre("info thinking", "token Hel", "token lo", "complete length"));
  EXPECT_EQ(complete_->usage.prompt_tokens, 3u);
  EXPECT_EQ(complete_->usage.completion_tokens, 2u);
  EXPECT_GT(complete_->timing.first_token_ns, 0);
  EXPECT_GE(complete_->timing.total_ns, complete_->timing.first_token_ns);
}

TEST_F(TokenStreamTest, WorksThroughTheSharedLane) {
  TokenStream answer(bus_, kStream);
  EXPECT_EQ(answer.token("a"), PublishResult::kAccepted);
  EXPECT_EQ(answer.token(std::string(100, 'b')), PublishResult::kAccepted);
  EXPECT_EQ(answer.error({"overloaded", "try later", true}), PublishResult::kAccepted);
  EXPECT_THAT(pump(), ElementsAre("token a", "token " + std::string(100, 'b'), "error overloaded"));
}

// Exactly one terminal event.

TEST_F(TokenStreamTest, RefusesEverythingAfterItsEnd) {
  TokenStream answer(publisher_, kStream);
  EXPECT_EQ(answer.error({"broken", "", false}), PublishResult::kAccepted);
  EXPECT_EQ(answer.complete(), PublishResult::kClosed);
  EXPECT_EQ(answer.error({"again", "", false}), PublishResult::kClosed);
  EXPECT_EQ(answer.token("late"), PublishResult::kClosed);
  EXPECT_EQ(answer.info("late"), PublishResult::kClosed);
  EXPECT_EQ(answer.update_metrics({.progress = 1.0F}), PublishResult::kClosed);
  EXPECT_EQ(answer.clear_metrics(), PublishResult::kClosed);
  EXPECT_THAT(pump(), ElementsAre("error broken"));
}

TEST_F(TokenStreamTest, SaysWhenItWasAbandoned) {
  { TokenStream answer(publisher_, kStream); }
  EXPECT_THAT(pump(), ElementsAre("error abandoned"));
  {
    TokenStream answer(publisher_, kStream);
    answer.complete();
  }
  EXPECT_THAT(pump(), ElementsAre("complete stop"));
}

TEST_F(TokenStreamTest, EndsCancelledAfterAStopRequest) {
  const auto cancelled = [this] {
    bus_.cancel(kStream);
    return TokenStreamOptions{};
  };
  {
    TokenStream answer(publisher_, kStream);
    cancelled();
    EXPECT_EQ(answer.token("the producer decides"), PublishResult::kAccepted);
    EXPECT_EQ(answer.complete(FinishReason::kStop), PublishResult::kAccepted);
  }
  EXPECT_THAT(pump(), ElementsAre("token the producer decides", "complete cancelled"));
  {
    TokenStream answer(publisher_, kStream);
    cancelled();
    EXPECT_EQ(answer.error({"interrupted", "", false}), PublishResult::kAccepted);
  }
  EXPECT_THAT(pump(), ElementsAre("complete cancelled"));
  {
    TokenStream answer(publisher_, kStream);
    cancelled();
  }
  EXPECT_THAT(pump(), ElementsAre("complete cancelled"));
}

TEST_F(TokenStreamTest, AFullLaneDoesNotSwallowTheEnd) {
  Publisher narrow = make_publisher(bus_, {.capacity_events = 3});
  TokenStream answer(narrow, kStream);
  EXPECT_EQ(answer.token("a"), PublishResult::kAccepted);
  EXPECT_EQ(answer.token("b"), PublishResult::kAccepted);
  EXPECT_EQ(answer.token("lost"), PublishResult::kDropped);
  EXPECT_EQ(answer.complete(), PublishResult::kAccepted);
  EXPECT_THAT(pump(), ElementsAre("token a", "token b", "complete stop"));
  EXPECT_EQ(answer.report().lost_events, 1u);
}

TEST_F(TokenStreamTest, DestructionInAFullLaneEndsItToo) {
  Publisher narrow = make_publisher(bus_, {.capacity_events = 2});
  std::optional<TokenStream> answer(std::in_place, narrow, kStream);
  answer->token("a");
  EXPECT_EQ(answer->token("b\xE2\x82"), PublishResult::kDropped);
  answer.reset();
  EXPECT_THAT(pump(), ElementsAre("token a", "error abandoned"));
}

TEST(TokenStreamPlace, IsKeptInTheSharedLaneToo) {
  Bus bus = manual_bus({.shared_lane = {.capacity_events = 3}});
  std::vector<std::string> seen;
  auto listener = bus.subscribe({.types = TypeMask::all()}, [&](const Event& event) {
    seen.emplace_back(bus.type_name(event.type_index()));
  });
  std::optional<TokenStream> answer(std::in_place, bus, kStream);
  EXPECT_EQ(answer->token("a"), PublishResult::kAccepted);
  EXPECT_EQ(bus.publish(kInfo, "of another"), PublishResult::kAccepted);
  EXPECT_EQ(bus.publish(kInfo, "of another"), PublishResult::kDropped);
  answer.reset();
  EXPECT_EQ(bus.publish(kInfo, "of another"), PublishResult::kDropped);
  ASSERT_TRUE(bus.drain(support::kLong).ok());
  EXPECT_THAT(seen, ElementsAre("token", "info", "error"));
  EXPECT_TRUE(bus.stats().conserved());
}

TEST_F(TokenStreamTest, AnEndInACallbackNeedsNoRoom) {
  Bus bus = support::thread_bus();
  Publisher narrow = make_publisher(bus, {.capacity_events = 2});
  std::vector<PublishResult> results;
  auto ended = bus.subscribe(kInfo, [&](const Info&, const Event&) {
    TokenStream answer(narrow, kStream);
    results = {answer.token("a"), answer.token("b"), answer.complete()};
  });
  ASSERT_EQ(bus.publish(kInfo, "now"), PublishResult::kAccepted);
  ASSERT_TRUE(bus.flush(support::kLong).ok());
  EXPECT_THAT(results, ElementsAre(PublishResult::kAccepted, PublishResult::kFull,
                                   PublishResult::kAccepted));
}

// Of its places a lane keeps all but one.
template <typename Lane>
void expect_two_streams_in_three_places(Bus& bus, Lane& lane) {
  std::optional<TokenStream> first(std::in_place, lane, 1);
  TokenStream second(lane, 2);
  ASSERT_TRUE(second.status().ok());
  const TokenStream third(lane, 3);
  EXPECT_EQ(third.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(third.status().message()), testing::HasSubstr("capacity_events"));
  first.reset();
  bus.pump();
  TokenStream next(lane, 3);
  EXPECT_TRUE(next.status().ok());
  EXPECT_EQ(next.complete(), PublishResult::kAccepted);
  EXPECT_EQ(second.token("a"), PublishResult::kAccepted);
}

TEST_F(TokenStreamTest, NoMoreAreOpenThanTheirLaneHasPlaces) {
  Publisher narrow = make_publisher(bus_, {.capacity_events = 3});
  expect_two_streams_in_three_places(bus_, narrow);
  Publisher one = make_publisher(bus_, {.capacity_events = 1});
  EXPECT_FALSE(TokenStream(one, kStream).status().ok());
  Bus bus = manual_bus({.shared_lane = {.capacity_events = 3}});
  expect_two_streams_in_three_places(bus, bus);
}

// One that was opened while the lane was full loses its place to none that comes later.
template <typename Lane>
void expect_a_promise_is_kept(Bus& bus, Lane& lane, std::size_t capacity_events) {
  for (std::size_t i = 0; i < capacity_events; ++i) {
    ASSERT_EQ(lane.publish(kInfo, "of another"), PublishResult::kAccepted);
  }
  TokenStream early(lane, 1);
  ASSERT_TRUE(early.status().ok());
  EXPECT_EQ(early.token("a"), PublishResult::kFull);
  bus.pump();
  EXPECT_EQ(TokenStream(lane, 1).status().code(), absl::StatusCode::kAlreadyExists);
  const TokenStream late(lane, 2);
  EXPECT_EQ(late.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(early.token("a"), PublishResult::kAccepted);
  EXPECT_EQ(early.complete(), PublishResult::kAccepted);
  TokenStream(lane, 2).token("no room");
  bus.pump();
  EXPECT_TRUE(TokenStream(lane, 3).status().ok());
  EXPECT_TRUE(bus.stats().conserved());
}

TEST(TokenStreamPlace, IsPromisedWhenTheLaneIsFull) {
  Bus bus = manual_bus(
      {.shared_lane = {.capacity_events = 2, .overflow = OverflowPolicy::kBlock, .max_wait = 0s}});
  Publisher narrow = make_publisher(
      bus, {.capacity_events = 2, .overflow = OverflowPolicy::kBlock, .max_wait = 0s});
  expect_a_promise_is_kept(bus, narrow, 2);
  expect_a_promise_is_kept(bus, bus, 2);
}

TEST_F(TokenStreamTest, GivesItsPlaceBack) {
  Publisher narrow = make_publisher(bus_, {.capacity_events = 2});
  for (int round = 0; round < 5; ++round) {
    TokenStream answer(narrow, kStream);
    TokenStream other(bus_, kStream + 1);
    answer.token("a");
    EXPECT_EQ(narrow.publish(kInfo, "no room"), PublishResult::kDropped);
    answer.complete();
    other.complete();
    bus_.pump();
  }
  EXPECT_EQ(narrow.publish(kInfo, "room"), PublishResult::kAccepted);
  EXPECT_EQ(narrow.publish(kInfo, "room"), PublishResult::kAccepted);
  EXPECT_EQ(narrow.publish(kInfo, "no room"), PublishResult::kDropped);
}

TEST_F(TokenStreamTest, MayOutliveItsPublishersLane) {
  Publisher narrow = make_publisher(bus_, {.capacity_events = 2});
  std::optional<TokenStream> answer(std::in_place, narrow, kStream);
  answer->token("a");
  narrow = make_publisher(bus_, {.capacity_events = 2});  // maybe the same lane
  bus_.pump();
  narrow = make_publisher(bus_, {.capacity_events = 2});
  answer.reset();
  bus_.pump();
  EXPECT_EQ(narrow.publish(kInfo, "room"), PublishResult::kAccepted);
  EXPECT_EQ(narrow.publish(kInfo, "room"), PublishResult::kAccepted);
  EXPECT_EQ(narrow.publish(kInfo, "no room"), PublishResult::kDropped);
}

TEST_F(TokenStreamTest, TheEndOfTheBusIsTheEndOfTheStream) {
  TokenStream answer(publisher_, kStream);
  bus_.close();
  EXPECT_EQ(answer.token("a"), PublishResult::kClosed);
  EXPECT_EQ(answer.complete(), PublishResult::kClosed);
  EXPECT_TRUE(answer.ended());
}

TEST_F(TokenStreamTest, MayOutliveItsBus) {
  std::optional<Bus> bus(manual_bus());
  TokenStream shared(*bus, kStream);
  Publisher publisher = make_publisher(*bus);
  TokenStream own(publisher, kStream + 1);
  bus.reset();
  for (TokenStream* answer : {&shared, &own}) {
    EXPECT_EQ(answer->token("a"), PublishResult::kClosed);
    EXPECT_EQ(answer->token(std::string(100, 'a')), PublishResult::kClosed);
    EXPECT_FALSE(answer->stop_requested());
  }
}

// Text.

TEST_F(TokenStreamTest, EmitsOnlyWholeCharacters) {
  TokenStream answer(publisher_, kStream);
  answer.token("a\xF0\x9F");
  EXPECT_THAT(pump(), ElementsAre("token a"));
  EXPECT_EQ(answer.token("\x98"), PublishResult::kAccepted);
  EXPECT_THAT(pump(), IsEmpty());
  answer.token("\x80!");
  EXPECT_THAT(pump(), ElementsAre("token \U0001F600!"));
  EXPECT_EQ(answer.report().ill_formed, 0u);
}

TEST_F(TokenStreamTest, ReplacesWhatIsIllFormed) {
  TokenStream answer(publisher_, kStream);
  answer.token("ok\xFF");
  answer.token("\xE2\x82");
  EXPECT_EQ(answer.complete(), PublishResult::kAccepted);
  EXPECT_THAT(pump(), ElementsAre("token ok\uFFFD", "token \uFFFD", "complete stop"));
  EXPECT_EQ(answer.report().ill_formed, 2u);
  EXPECT_EQ(answer.report().first_ill_formed_offset, 2u);
  EXPECT_EQ(answer.report().text_bytes, 5u);
}

TEST_F(TokenStreamTest, TheHeldCharacterAlsoPrecedesAnError) {
  {
    TokenStream answer(publisher_, kStream);
    answer.token("\xC3");
  }
  EXPECT_THAT(pump(), ElementsAre("token \uFFFD", "error abandoned"));
}

TEST_F(TokenStreamTest, EmptyTokensAreNothing) {
  TokenStream answer(publisher_, kStream);
  EXPECT_EQ(answer.token(""), PublishResult::kAccepted);
  EXPECT_THAT(pump(), IsEmpty());
  EXPECT_EQ(answer.report().tokens, 0u);
}

// Metrics.

TEST_F(TokenStreamTest, MeasuresItself) {
  const auto asked = std::chrono::steady_clock::now() - 2s;
  TokenStream answer(publisher_, kStream, {.requested_at = asked});
  EXPECT_EQ(answer.update_metrics(), PublishResult::kAccepted) << "nothing is known";
  EXPECT_THAT(pump(), IsEmpty());
  answer.token("a");
  support::work_for(1ms);
  answer.token("b");
  support::work_for(1ms);
  answer.token("\xE2");
  EXPECT_EQ(answer.update_metrics(), PublishResult::kAccepted);
  pump();
  EXPECT_GE(*metrics_->first_token_ms, 2'000.0F);
  EXPECT_GE(*metrics_->inter_token_ms, 0.96F);
  EXPECT_LE(*metrics_->tokens_per_second, 1.5F);
  EXPECT_FALSE(metrics_->progress.has_value());
  answer.complete();
  const TokenStreamReport report = answer.report();
  EXPECT_EQ(report.tokens, 3u);
  EXPECT_GE(report.first_token, 2s);
  EXPECT_GE(report.inter_token_p50, 960us);
  EXPECT_GE(report.inter_token_p99, report.inter_token_p50);
  EXPECT_GT(report.decode_tokens_per_second, report.tokens_per_second);
  EXPECT_LE(report.decode_tokens_per_second, 1'000.0);
  EXPECT_EQ(answer.report().total, report.total) << "it has ended";
}

TEST_F(TokenStreamTest, MetricsOfAnotherSourceAndNone) {
  TokenStream answer(publisher_, kStream);
  EXPECT_EQ(answer.update_metrics({.tokens_per_second = 30.0F}), PublishResult::kAccepted);
  EXPECT_THAT(pump(), ElementsAre("metrics"));
  EXPECT_EQ(metrics_->tokens_per_second, 30.0F);
  EXPECT_EQ(answer.clear_metrics(), PublishResult::kAccepted);
  EXPECT_THAT(pump(), ElementsAre("metrics"));
  EXPECT_FALSE(metrics_->tokens_per_second.has_value());
}

TEST_F(TokenStreamTest, MeasuresWithoutLatencyToo) {
  Bus bus = manual_bus({.latency = false});
  TokenStream answer(bus, kStream);
  answer.token("a");
  support::work_for(100us);
  answer.token("b");
  EXPECT_GE(answer.report().inter_token_p50, 96us);
}

// Opening and moving.

TEST_F(TokenStreamTest, RefusesBadOptionsByName) {
  TokenStream none(publisher_, 0);
  support::expect_invalid(none.status(), {"stream", "0", "allowed: 1 or more"});
  EXPECT_EQ(none.token("a"), PublishResult::kRejected);
  EXPECT_EQ(none.complete(), PublishResult::kRejected);
  EXPECT_FALSE(none.stop_requested());
  EXPECT_FALSE(none.stop_token().stop_possible());
  EXPECT_EQ(none.report().tokens, 0u);
  for (const std::chrono::nanoseconds linger : {-1ns, std::chrono::nanoseconds(1h) + 1ns}) {
    TokenStream answer(publisher_, kStream, {.linger = linger});
    support::expect_invalid(answer.status(),
                            {"linger", std::to_string(linger.count()), "allowed: 0 to 1 h"});
  }
  EXPECT_THAT(pump(), IsEmpty());
}

TEST_F(TokenStreamTest, OneOfAnIdAtATime) {
  TokenStream first(publisher_, kStream);
  TokenStream second(publisher_, kStream);
  support::expect_refused(second.status(), absl::StatusCode::kAlreadyExists, {"7", "open"});
  EXPECT_EQ(second.token("a"), PublishResult::kRejected);
  first.complete();
  TokenStream third(publisher_, kStream);
  EXPECT_TRUE(third.status().ok()) << "free from the end on";
}

// Its producer is a thread, whose terminal event wakes a sleeping dispatcher: the callback may well
// run before complete() is back.
TEST(TokenStreamReuse, AnIdIsFreeWhenItsEndIsSeen) {
  constexpr int kRounds = 2'000;
  Bus bus = support::thread_bus({.wait = WaitStrategy::kPark});
  std::uint64_t open_when_seen = 0;
  auto subscription = bus.subscribe(kComplete,
                                    [&](const Complete&, const Event& event) {
                                      open_when_seen += bus.cancel(event.stream()) ? 1 : 0;
                                    })
                          .value();
  Publisher publisher = make_publisher(bus);
  for (int round = 0; round < kRounds; ++round) {
    TokenStream answer(publisher, 7);
    ASSERT_TRUE(answer.status().ok()) << answer.status();
    ASSERT_EQ(answer.complete(), PublishResult::kAccepted);
    ASSERT_TRUE(bus.flush(support::kLong).ok());
  }
  EXPECT_EQ(open_when_seen, 0u);
}

// Nothing of it was published, so nobody waits for its end.
TEST_F(TokenStreamTest, StaysOpenWhenNothingOfItFindsRoom) {
  Publisher narrow = make_publisher(bus_, {.name = "narrow", .capacity_events = 2});
  narrow.publish(kInfo, "of another");
  narrow.publish(kInfo, "of another");
  TokenStream answer(narrow, kStream);
  EXPECT_EQ(answer.token("a"), PublishResult::kDropped);
  EXPECT_EQ(answer.complete(), PublishResult::kDropped);
  EXPECT_FALSE(answer.ended());
  EXPECT_TRUE(bus_.cancel(kStream)) << "it is still found";
  pump();
  EXPECT_EQ(answer.complete(), PublishResult::kAccepted);
  EXPECT_FALSE(bus_.cancel(kStream));
  EXPECT_THAT(pump(), ElementsAre("complete cancelled"));
  EXPECT_EQ(support::row_of(bus_, "narrow").dropped, 2u);
}

TEST_F(TokenStreamTest, NeedsAnOpenPublisherAndBus) {
  Publisher closed = make_publisher(bus_);
  closed.close();
  support::expect_refused(TokenStream(closed, kStream).status(),
                          absl::StatusCode::kFailedPrecondition, {"closed"});
  bus_.close();
  support::expect_refused(TokenStream(bus_, kStream).status(),
                          absl::StatusCode::kFailedPrecondition, {"closed"});
}

TEST_F(TokenStreamTest, MovesWithAllItKnows) {
  TokenStream first(publisher_, kStream);
  first.token("a\xC3");
  TokenStream second(std::move(first));
  EXPECT_TRUE(first.ended());
  EXPECT_EQ(first.token("x"), PublishResult::kClosed);
  second.token("\xA4");
  EXPECT_EQ(text(), "a\u00E4");
  EXPECT_EQ(second.report().tokens, 2u);
  TokenStream third(publisher_, kStream + 1);
  third = std::move(second);
  EXPECT_EQ(third.stream(), kStream);
  third.complete();
  EXPECT_THAT(pump(), ElementsAre("complete stop")) << "the other stream is not ours to see";
}

TEST_F(TokenStreamTest, ManyAreOpenAtOnce) {
  std::vector<TokenStream> answers;
  for (StreamId id = 1; id <= 1'000; ++id) {
    answers.emplace_back(publisher_, id);
  }
  for (TokenStream& answer : answers) {
    answer.token(std::to_string(answer.stream()));
  }
  EXPECT_THAT(pump(), ElementsAre("token 7"));
  answers.clear();
  EXPECT_THAT(pump(), ElementsAre("error abandoned"));
}

TEST(FinishReasons, HaveOneNameEach) {
  for (const auto& [reason, name] : kFinishReasons) {
    EXPECT_EQ(name_of(reason), name);
    EXPECT_EQ(find_finish_reason(name), reason);
  }
  EXPECT_EQ(find_finish_reason("nonsense"), std::nullopt);
}

}  // namespace
}  // namespace herald
