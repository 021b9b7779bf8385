// What is said in the assistant: its streams, their texts, and an event type of its own.
#pragma once

#include <herald/herald.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace assistant {

/// One for each piece of work; 0 is for what belongs to none.
enum Stream : herald::StreamId {
  kNone,
  kAnswer,
  kStory,
  kFarewell,
  kSearch,
  kPlan,
  kRouting,
  kModel,
  kGraph,
};

inline constexpr std::array<std::string_view, kGraph + 1> kStreamNames{
    "assistant", "answer", "story", "farewell", "search", "plan", "routing", "model", "graph"};

/// What the executor did: the payload of a type that the program defines itself.
struct Step {
  std::uint32_t number = 0;
  std::uint32_t of = 0;
  std::string action = {};
};

inline constexpr std::uint32_t kPlanSteps = 4;

inline constexpr std::string_view kAnswerText =
    "Low water is at 16:40. Take the path over the flats – not the dyke – and be back by six. 🌊";
inline constexpr std::string_view kFarewellText = "Enjoy the walk! Auf Wiedersehen, à bientôt.";
/// The story says it over and over.
inline constexpr std::string_view kVerse = "and then the tide came in, ";
/// After so many verses the user has enough.
inline constexpr int kVersesWanted = 3;

}  // namespace assistant
