#include "word_agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace inference_loop {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Words = std::vector<std::string>;

Words copy(std::span<const std::string> words) { return {words.begin(), words.end()}; }

// Hears it `times` times; what was settled by all of them.
Words hear(WordAgreement& agreement, const char* hypothesis, int times) {
  Words settled;
  for (int i = 0; i < times; ++i) {
    const auto more = agreement.hear(hypothesis);
    settled.insert(settled.end(), more.begin(), more.end());
  }
  return settled;
}

TEST(WordAgreement, SettlesAWordWhenEnoughHypothesesAgree) {
  WordAgreement agreement(5);
  EXPECT_THAT(hear(agreement, "go", 4), IsEmpty());
  EXPECT_THAT(hear(agreement, "go", 1), ElementsAre("go"));
  EXPECT_THAT(hear(agreement, "go", 9), IsEmpty());
}

TEST(WordAgreement, AgreementIsSuccessive) {
  WordAgreement agreement(3);
  EXPECT_THAT(hear(agreement, "go for", 2), IsEmpty());
  EXPECT_THAT(hear(agreement, "go forward", 1), ElementsAre("go"));
  EXPECT_THAT(hear(agreement, "go for", 2), IsEmpty());
  EXPECT_THAT(hear(agreement, "", 1), IsEmpty());
  EXPECT_THAT(hear(agreement, "go for", 2), IsEmpty());
  EXPECT_THAT(hear(agreement, "go for", 1), ElementsAre("for"));
}

TEST(WordAgreement, WordsAreCountedAtTheirPlaceAndSettledInOrder) {
  WordAgreement agreement(3);
  EXPECT_THAT(hear(agreement, "the forward", 1), IsEmpty());
  EXPECT_THAT(hear(agreement, "go forward", 2), IsEmpty());  // `forward` waits for `go`
  EXPECT_THAT(hear(agreement, "go forward ten", 1), ElementsAre("go", "forward"));
  EXPECT_THAT(hear(agreement, "go forward ten", 2), ElementsAre("ten"));
}

TEST(WordAgreement, ASettledWordIsNeverTakenBack) {
  WordAgreement agreement(2);
  EXPECT_THAT(hear(agreement, "go for", 2), ElementsAre("go", "for"));
  EXPECT_THAT(hear(agreement, "go forward ten", 2), ElementsAre("ten"));
  EXPECT_THAT(copy(agreement.finish("go forward can meters")), ElementsAre("meters"));
  EXPECT_THAT(copy(agreement.settled()), ElementsAre("go", "for", "ten", "meters"));
}

TEST(WordAgreement, NothingFollowsTwiceWhenWordsComeOrGoBeforeIt) {
  WordAgreement longer(1);
  hear(longer, "his power do", 1);
  EXPECT_THAT(copy(longer.finish("in his power to do how")), ElementsAre("how"));
  WordAgreement shorter(1);
  hear(shorter, "a more amiable woman in my head", 1);
  EXPECT_THAT(copy(shorter.finish("more amiable woman head that made")),
              ElementsAre("that", "made"));
}

TEST(WordAgreement, TheLastHypothesisSettlesTheRest) {
  WordAgreement early(5);
  EXPECT_THAT(copy(early.finish("go forward")), ElementsAre("go", "forward"));
  WordAgreement none(5);
  EXPECT_THAT(copy(none.finish("")), IsEmpty());
  WordAgreement gone(1);
  hear(gone, "go forward", 1);
  EXPECT_THAT(copy(gone.finish("")), IsEmpty());
  EXPECT_THAT(copy(gone.settled()), ElementsAre("go", "forward"));
}

TEST(WordAgreement, SpacesDoNotCount) {
  WordAgreement agreement(2);
  hear(agreement, " go  forward ", 1);
  EXPECT_THAT(hear(agreement, "go forward", 1), ElementsAre("go", "forward"));
}

std::string join(const Words& words) {
  std::string text;
  for (const std::string& word : words) {
    text += word + " ";
  }
  return text;
}

TEST(WordAgreement, WhateverItHearsItOnlyAddsAndEndsWithTheLastHypothesis) {
  const auto hypothesis = rc::gen::container<Words>(
      rc::gen::element<std::string>("go", "for", "forward", "ten", "meters"));
  EXPECT_TRUE(rc::check([&] {
    WordAgreement agreement(*rc::gen::inRange(1U, 4U));
    Words before;
    const auto all = *rc::gen::container<std::vector<Words>>(hypothesis);
    for (const Words& words : all) {
      const Words added = copy(agreement.hear(join(words)));
      before.insert(before.end(), added.begin(), added.end());
      RC_ASSERT(copy(agreement.settled()) == before);
    }
    const Words last = *hypothesis;
    const Words rest = copy(agreement.finish(join(last)));
    RC_ASSERT(rest.size() <= last.size());
    RC_ASSERT(std::equal(rest.rbegin(), rest.rend(), last.rbegin()));
    // What was settled as it ends stays so: then nothing is left out either.
    if (before.size() <= last.size() && std::equal(before.begin(), before.end(), last.begin())) {
      RC_ASSERT(copy(agreement.settled()) == last);
    }
  }));
}

}  // namespace
}  // namespace inference_loop
