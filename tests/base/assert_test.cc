#include "base/assert.h"

#include <gtest/gtest.h>

namespace herald::base {
namespace {

TEST(Assert, ThatHoldsDoesNothingAndIsEvaluatedOnce) {
  int evaluated = 0;
  HERALD_ASSERT(++evaluated == 1, "evaluated twice");
  EXPECT_EQ(evaluated, 1);
}

TEST(AssertDeathTest, ThatFailsNamesPlaceReasonAndCondition) {
  const int answer = 41;
  EXPECT_DEATH(HERALD_ASSERT(answer == 42, "the answer is wrong"),
               "herald: .*assert_test.cc:[0-9]+: the answer is wrong \\(answer == 42\\)");
}

}  // namespace
}  // namespace herald::base
