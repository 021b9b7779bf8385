#include "core/flush_desk.h"

#include <gtest/gtest.h>

#include <memory>

namespace herald::core {
namespace {

TEST(FlushDesk, WithoutRequestsIsIdle) {
  FlushDesk desk;
  EXPECT_TRUE(desk.idle());
  EXPECT_FALSE(desk.next_group());
  EXPECT_FALSE(desk.serving());
}

TEST(FlushDesk, ServesAGroupAtATime) {
  FlushDesk desk;
  const auto first = std::make_shared<FlushRequest>();
  const auto second = std::make_shared<FlushRequest>();
  const auto late = std::make_shared<FlushRequest>();
  desk.add(first);
  desk.add(second);
  EXPECT_FALSE(desk.serving());
  EXPECT_TRUE(desk.next_group());
  desk.add(late);
  desk.complete();
  EXPECT_TRUE(first->served.done() && second->served.done());
  EXPECT_FALSE(late->served.done()) << "its events may lie above the limits of the group";
  EXPECT_FALSE(desk.idle());
  EXPECT_TRUE(desk.next_group());
  desk.complete();
  EXPECT_TRUE(late->served.done());
  EXPECT_TRUE(desk.idle());
}

TEST(FlushDesk, LetsGoOfWhatItHasServed) {
  FlushDesk desk;
  const auto request = std::make_shared<FlushRequest>();
  desk.add(request);
  EXPECT_EQ(request.use_count(), 2);
  EXPECT_TRUE(desk.next_group());
  desk.complete();
  EXPECT_EQ(request.use_count(), 1);
}

}  // namespace
}  // namespace herald::core
