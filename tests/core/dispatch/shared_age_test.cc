// Since when the events of the shared lane have waited, by hand-made marks and events.
#include "core/dispatch/shared_age.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "core/event/event_access.h"

namespace herald::core {
namespace {

class SharedAgeTest : public testing::Test {
 protected:
  // Events with these tickets leave.
  void leave(std::initializer_list<std::uint64_t> tickets) {
    std::array<Event, 8> events;
    std::size_t count = 0;
    for (const std::uint64_t ticket : tickets) {
      EventAccess::slot(events[count++]).sequence = ticket;
    }
    age_.left(std::span(events).first(count));
  }

  SharedAge age_;
  const base::Ticks made_ = age_.since();
};

TEST_F(SharedAgeTest, OfAnEmptyLaneIsTheLastLook) {
  age_.note(100, 5, {.limit = 5, .missing = 0, .lost = 2});
  EXPECT_EQ(age_.since(), 100);
  age_.note(200, 9, {.limit = 9, .missing = 0, .lost = 2});
  EXPECT_EQ(age_.since(), 200);
}

TEST_F(SharedAgeTest, AdvancesToAMomentWhoseEventsAreOut) {
  age_.note(100, 3, {.limit = 3, .missing = 3});
  leave({0, 1});
  EXPECT_EQ(age_.since(), made_);
  leave({2});
  EXPECT_EQ(age_.since(), 100);
}

TEST_F(SharedAgeTest, LaterEventsThatOvertakeDoNotCount) {
  age_.note(100, 3, {.limit = 3, .missing = 3});
  leave({3, 0, 4, 1, 5});
  EXPECT_EQ(age_.since(), made_) << "ticket 2 is still inside";
  leave({6, 2});
  EXPECT_EQ(age_.since(), 100);
}

TEST_F(SharedAgeTest, KeepsItsMomentUntilThatIsOver) {
  age_.note(100, 3, {.limit = 3, .missing = 3});
  leave({0});
  age_.note(200, 5, {.limit = 5, .missing = 4});
  leave({1, 2});
  EXPECT_EQ(age_.since(), 100);
  age_.note(300, 6, {.limit = 6, .missing = 3});
  leave({3, 4, 5});
  EXPECT_EQ(age_.since(), 300);
}

TEST_F(SharedAgeTest, AFruitlessTakeMeansThatAllAreOut) {
  age_.note(100, 3, {.limit = 3, .missing = 1});
  leave({});
  EXPECT_EQ(age_.since(), 100);
}

TEST_F(SharedAgeTest, AnEmptyLaneEndsAMoment) {
  age_.note(100, 3, {.limit = 3, .missing = 2});
  age_.note(200, 3, {.limit = 3, .missing = 0, .lost = 2});
  age_.note(300, 4, {.limit = 4, .missing = 1, .lost = 2});
  leave({3});
  EXPECT_EQ(age_.since(), 300);
}

TEST_F(SharedAgeTest, DoesNotWaitForATicketThatIsLost) {
  age_.note(100, 2, {.limit = 3, .missing = 3, .lost = 7});  // ticket 1 is on its way, to be lost
  leave({0, 2});
  age_.note(200, 5, {.limit = 5, .missing = 2, .lost = 8});
  leave({3, 4});
  EXPECT_EQ(age_.since(), 200);
}

TEST_F(SharedAgeTest, IsNotHeldUpByTicketsThatAreLostLater) {
  age_.note(100, 10, {.limit = 10, .missing = 10});
  leave({0, 1, 2, 3, 4});
  age_.note(200, 20, {.limit = 20, .missing = 10, .lost = 5});  // five streams were opened
  leave({5, 6, 7, 8, 9});
  EXPECT_EQ(age_.since(), 100);
}

}  // namespace
}  // namespace herald::core
