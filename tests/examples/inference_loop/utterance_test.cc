// The packaged recording through the loop: which words, in which order, with which end, and that
// publishing them allocates nothing.
#include "utterance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "herald/herald.h"

namespace inference_loop {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using Events = std::vector<herald::Event>;

constexpr const char* kRecording = HERALD_POCKETSPHINX_FOLDER "/test/data/goforward.raw";

std::vector<std::int16_t> recording() { return read_raw(kRecording).value().samples; }

std::vector<std::string> words_of(const Events& events) {
  std::vector<std::string> words;
  for (const herald::Event& event : events) {
    if (event.is(herald::kToken)) {
      words.emplace_back(event.text());
    }
  }
  return words;
}

long count(const Events& events, unsigned type_index) {
  return std::count_if(events.begin(), events.end(), [type_index](const herald::Event& event) {
    return event.type_index() == type_index;
  });
}

// One utterance, heard whole.
void expect_whole(const Events& events, herald::EventType<RealTimeFactor> factor,
                  std::uint32_t blocks) {
  EXPECT_THAT(words_of(events), ElementsAre("go", " forward", " ten", " meters"));
  EXPECT_EQ(count(events, herald::kComplete.index()), 1);
  EXPECT_EQ(count(events, herald::kError.index()), 0);
  EXPECT_GT(count(events, herald::kInfo.index()), long{kAgreement});
  ASSERT_TRUE(events.back().is(herald::kComplete)) << "the end is the last event";
  const auto* end = events.back().get<herald::Complete>();
  EXPECT_EQ(end->finish_reason, herald::FinishReason::kStop);
  EXPECT_EQ(end->usage.prompt_tokens, blocks);
  EXPECT_EQ(end->usage.completion_tokens, 4U);
  ASSERT_GE(events.size(), 3U);
  const herald::Event& figures = events[events.size() - 3];
  ASSERT_TRUE(figures.is(herald::kMetrics));
  EXPECT_GT(figures.get<herald::Metrics>()->first_token_ms.value_or(0), 0);
  ASSERT_TRUE(events[events.size() - 2].is(factor));
  EXPECT_GT(events[events.size() - 2].get<RealTimeFactor>()->value(), 0);
}

// A word that comes before the end stands behind `kAgreement` hypotheses that end with it or go on.
void expect_agreement(const Events& events) {
  std::string said;
  std::vector<std::string> hypotheses;
  for (const herald::Event& event : events) {
    if (event.is(herald::kInfo)) {
      hypotheses.push_back(event.get<herald::Info>()->message + " ");
    } else if (event.is(herald::kToken)) {
      said += event.text();
      ASSERT_GE(hypotheses.size(), kAgreement) << said;
      const bool agreed = std::all_of(
          hypotheses.end() - kAgreement, hypotheses.end(),
          [&](const std::string& hypothesis) { return hypothesis.starts_with(said + " "); });
      EXPECT_TRUE(agreed) << said;
    }
  }
}

TEST(Utterance, TwoAtOnceThreeTimesYieldTheirWordsInOrder) {
  constexpr std::size_t kStreams = 2;
  constexpr std::size_t kRounds = 3;
  const std::vector<std::int16_t> audio = recording();
  const auto blocks =
      static_cast<std::uint32_t>((audio.size() + kBlockSamples - 1) / kBlockSamples);
  std::map<herald::StreamId, Events> events;
  std::uint64_t last_sequence = 0;
  herald::Bus bus;
  const auto factor = define_real_time_factor(bus);
  auto listener =
      bus.subscribe({.types = herald::TypeMask::all()}, [&](const herald::Event& event) {
        EXPECT_EQ(event.sequence(), ++last_sequence);
        events[event.stream()].push_back(event);
      });
  std::vector<Recognizer> recognizers;
  std::vector<herald::Publisher> publishers;
  for (std::size_t i = 0; i < kStreams; ++i) {
    recognizers.push_back(Recognizer::load("").value());
    publishers.push_back(bus.publisher().value());
  }
  std::vector<Outcome> outcomes(kStreams * kRounds);
  const auto decode = [&](std::size_t stream) {
    for (std::size_t at = stream; at < outcomes.size(); at += kStreams) {
      outcomes[at] =
          listen({recognizers[stream], publishers[stream], factor, at + 1}, audio, false);
    }
  };
  {
    std::jthread second(decode, 1);
    decode(0);
  }
  ASSERT_TRUE(bus.flush(60s).ok());

  PublishCost cost;
  for (const Outcome& outcome : outcomes) {
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(outcome.stream.tokens, 4U);
    EXPECT_EQ(outcome.stream.lost_events, 0U);
    cost += outcome.publishing;
    std::cout << "decoding took " << outcome.decoding / 1ms << " ms, publishing "
              << outcome.publishing.time / 1us << " us\n";
  }
  EXPECT_EQ(cost.allocations, 0U);
  EXPECT_GE(cost.calls, outcomes.size() * (4 + 3));
  EXPECT_EQ(events.size(), outcomes.size());
  for (const auto& [stream, of_stream] : events) {
    SCOPED_TRACE(stream);
    expect_whole(of_stream, factor, blocks);
    expect_agreement(of_stream);
  }
  EXPECT_TRUE(bus.stats().conserved());
}

// In manual mode, so that the listener asks for the end between two blocks.
TEST(Utterance, ACancelledOneEndsWithTheWordsThatItHasSaid) {
  herald::Bus bus = herald::Bus::create({.dispatch = herald::DispatchMode::kManual}).value();
  const auto factor = define_real_time_factor(bus);
  Events events;
  auto listener =
      bus.subscribe({.types = herald::TypeMask::all()}, [&](const herald::Event& event) {
        events.push_back(event);
        if (event.is(herald::kToken)) {
          bus.cancel(event.stream());
        }
      });
  Recognizer recognizer = Recognizer::load("").value();
  herald::Publisher publisher = bus.publisher().value();
  Utterance utterance(recognizer, publisher, factor, 1);
  const std::vector<std::int16_t> audio = recording();
  std::span<const std::int16_t> rest = audio;
  while (!rest.empty() && !utterance.stop_requested()) {
    const auto block = rest.first(std::min(kBlockSamples, rest.size()));
    rest = rest.subspan(block.size());
    ASSERT_TRUE(utterance.hear(block));
    bus.pump();
  }
  EXPECT_GT(rest.size(), audio.size() / 2) << "it stops in the middle";
  const Outcome outcome = utterance.end();
  bus.pump();

  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.publishing.allocations, 0U);
  EXPECT_THAT(words_of(events), ElementsAre("go"));
  EXPECT_EQ(count(events, herald::kComplete.index()) + count(events, herald::kError.index()), 1);
  ASSERT_TRUE(events.back().is(herald::kComplete));
  const auto* end = events.back().get<herald::Complete>();
  EXPECT_EQ(end->finish_reason, herald::FinishReason::kCancelled);
  EXPECT_EQ(end->usage.completion_tokens, 1U);
  EXPECT_TRUE(bus.stats().conserved());
}

TEST(Utterance, ARecognizerThatRefusesEndsItWithAnError) {
  herald::Bus bus;
  const auto factor = define_real_time_factor(bus);
  Events events;
  auto listener = bus.subscribe({.types = herald::TypeMask::all()},
                                [&](const herald::Event& event) { events.push_back(event); });
  Recognizer recognizer = Recognizer::load("").value();
  ASSERT_TRUE(recognizer.begin());  // an utterance that nobody ends
  herald::Publisher publisher = bus.publisher().value();
  const Outcome outcome = listen({recognizer, publisher, factor, 1}, recording(), false);
  ASSERT_TRUE(bus.flush(60s).ok());
  EXPECT_FALSE(outcome.status.ok());
  ASSERT_TRUE(events.back().is(herald::kError));
  EXPECT_EQ(events.back().get<herald::Error>()->code, "recognizer");
  EXPECT_EQ(count(events, herald::kToken.index()), 0);
}

TEST(Recognizer, HearsNothingInSilenceAndOnlyWhatTheGrammarAllows) {
  const std::string grammar = HERALD_POCKETSPHINX_FOLDER "/test/data/goforward.gram";
  Recognizer recognizer = Recognizer::load(grammar).value();
  ASSERT_TRUE(recognizer.begin());
  ASSERT_TRUE(recognizer.hear(std::vector<std::int16_t>(kSampleRateHz)));
  EXPECT_EQ(recognizer.hypothesis(), "");
  ASSERT_TRUE(recognizer.end());
  ASSERT_TRUE(recognizer.begin());
  ASSERT_TRUE(recognizer.hear(recording()));
  ASSERT_TRUE(recognizer.end());
  EXPECT_EQ(recognizer.hypothesis(), "go forward ten meters");
  EXPECT_FALSE(recognizer.hear(recording())) << "no utterance has begun";
}

TEST(Recognizer, SaysWhyItRefusesAGrammar) {
  const std::string folder = HERALD_POCKETSPHINX_FOLDER "/test/data";
  const auto why = [](const std::string& path) {
    return std::string(Recognizer::load(path).status().message());
  };
  EXPECT_EQ(why("/nowhere"), "cannot read /nowhere: No such file or directory");
  EXPECT_EQ(why(folder), "cannot read " + folder + ": Is a directory");
  EXPECT_THAT(why(folder + "/goforward.raw"), testing::HasSubstr(": not a JSGF grammar"));
  EXPECT_EQ(why(folder + "/defective.gram"),
            "PocketSphinx refuses " + folder +
                "/defective.gram: "
                "The word 'really_bad_word' is missing in the dictionary");
}

}  // namespace
}  // namespace inference_loop
