#include "core/dispatch/flush_desk.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "core/event/event_access.h"

namespace herald::core {
namespace {

TEST(FlushDesk, WithoutRequestsIsIdle) {
  FlushDesk desk;
  EXPECT_TRUE(desk.idle());
  EXPECT_FALSE(desk.next_group({}, {}));
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
  EXPECT_TRUE(desk.next_group({}, {}));
  desk.add(late);
  desk.complete();
  EXPECT_TRUE(first->served.done() && second->served.done());
  EXPECT_FALSE(late->served.done()) << "its events may lie above the limits of the group";
  EXPECT_FALSE(desk.idle());
  EXPECT_TRUE(desk.next_group({}, {}));
  desk.complete();
  EXPECT_TRUE(late->served.done());
  EXPECT_TRUE(desk.idle());
}

TEST(FlushDesk, WaitsForTheJoinersThatHadCome) {
  FlushDesk desk;
  desk.add(std::make_shared<FlushRequest>());
  EXPECT_TRUE(desk.next_group({}, {}, 2));
  EXPECT_FALSE(desk.reached({}, {}, 1));
  EXPECT_TRUE(desk.reached({}, {}, 2));
  desk.complete();
}

// What the shared lane gives, and whether the group is served then.
class SharedLaneFlush : public testing::Test {
 protected:
  SharedLaneFlush() {
    desk_.add(std::make_shared<FlushRequest>());
    EXPECT_TRUE(desk_.next_group({}, {.limit = 5, .missing = 2}));
  }
  void came(std::uint64_t ticket) {
    detail::EventSlot slot{};
    slot.sequence = ticket;
    const Event event = EventAccess::adopt(slot);
    desk_.came({&event, 1});
  }
  [[nodiscard]] bool reached(std::uint64_t missing_now) const {
    return desk_.reached({}, {.limit = 9, .missing = missing_now});
  }

  FlushDesk desk_;
};

TEST_F(SharedLaneFlush, WaitsForWhatItsMarkMissed) {
  came(4);
  came(5);
  EXPECT_FALSE(reached(3)) << "one of a later ticket does not count";
  came(0);
  EXPECT_TRUE(reached(3));
}

TEST_F(SharedLaneFlush, EndsWhenNothingIsMissing) {
  EXPECT_TRUE(reached(0)) << "lost ones never come";
  EXPECT_FALSE(reached(1));
  desk_.came({});
  EXPECT_TRUE(reached(1)) << "nothing was found";
}

TEST(FlushDesk, LetsGoOfWhatItHasServed) {
  FlushDesk desk;
  const auto request = std::make_shared<FlushRequest>();
  desk.add(request);
  EXPECT_EQ(request.use_count(), 2);
  EXPECT_TRUE(desk.next_group({}, {}));
  desk.complete();
  EXPECT_EQ(request.use_count(), 1);
}

}  // namespace
}  // namespace herald::core
