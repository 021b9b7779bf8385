// A publisher may be held up between its two stores: its event is announced, and bears no mark yet.
// Nobody waits for it: the event counts as accepted.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "core/lane/drain_pace.h"
#include "core/lane/publisher_core.h"
#include "core/runtime.h"
#include "support/buses.h"

namespace herald::core {
namespace {

using namespace std::chrono_literals;
using support::kLong;

class UnmarkedEvent : public testing::Test {
 protected:
  void open(BusOptions options) {
    runtime_ = Runtime::create(std::move(options)).value();
    publisher_ = runtime_->open_publisher({}).value();
  }
  void open_manual() { open({.dispatch = DispatchMode::kManual, .drain_on_destroy = 0ns}); }
  void end() {
    if (!std::exchange(ended_, true)) {
      publisher_->close();
      runtime_->shut_down();
    }
  }
  void TearDown() override { end(); }
  void publish() {
    detail::EventSlot* const cell = publisher_->lane().claim();
    ASSERT_NE(cell, nullptr);
    ASSERT_TRUE(detail::make_slot<Text>(*cell, kToken, "text", 0, runtime_->id(), nullptr));
    ASSERT_EQ(publisher_->commit(*cell, {}), PublishResult::kAccepted);
    ++published_;
  }
  // As it is until the publisher goes on. Only while nobody dispatches.
  void take_mark_away() {
    publisher_->lane().ring().mark(published_ - 1).store(0, std::memory_order_relaxed);
  }

  std::shared_ptr<Runtime> runtime_;
  PublisherCore* publisher_ = nullptr;
  std::uint64_t published_ = 0;
  bool ended_ = false;
};

class UnmarkedEventOnAThread : public UnmarkedEvent,
                               public testing::WithParamInterface<WaitStrategy> {};

TEST_P(UnmarkedEventOnAThread, IsDeliveredAllTheSame) {
  std::promise<void> gate;
  open({.thread = {.on_start = [&gate] { gate.get_future().wait(); }}, .wait = GetParam()});
  publish();
  take_mark_away();
  gate.set_value();
  EXPECT_TRUE(runtime_->flush(kLong).ok());
  EXPECT_EQ(runtime_->stats().dispatched, 1u);
}

INSTANTIATE_TEST_SUITE_P(Waits, UnmarkedEventOnAThread,
                         testing::Values(WaitStrategy::kSpin, WaitStrategy::kAdaptive,
                                         WaitStrategy::kPark));

TEST_F(UnmarkedEvent, IsWorkToWhoWouldSleep) {
  open_manual();
  EXPECT_FALSE(runtime_->wait(0ns));
  publish();
  take_mark_away();
  EXPECT_TRUE(runtime_->wait(0ns));
  EXPECT_EQ(runtime_->pump({}).events, 1u);
}

TEST_F(UnmarkedEvent, IsPumped) {
  open_manual();
  publish();
  take_mark_away();
  EXPECT_EQ(runtime_->pump({}).events, 1u);
}

TEST_F(UnmarkedEvent, IsDiscardedAtTheEnd) {
  open_manual();
  publish();
  take_mark_away();
  end();
  const BusStats stats = runtime_->stats();
  EXPECT_EQ(stats.discarded, 1u);
  EXPECT_EQ(stats.queued, 0u);
  EXPECT_TRUE(stats.conserved());
}

// While events come densely, the dispatcher asks for the count; when they do not, for marks.
TEST_F(UnmarkedEvent, IsSeenAtOnceInADenseLaneOnly) {
  open_manual();
  PublisherLane& lane = publisher_->lane();
  const auto pump_one = [&] {
    publish();
    EXPECT_TRUE(lane.sees_any());
    EXPECT_EQ(runtime_->pump({}).events, 1u);
  };
  const auto sees_unmarked = [&] {
    publish();
    take_mark_away();
    const bool sees = lane.sees_next();
    EXPECT_TRUE(lane.sees_any());
    EXPECT_EQ(runtime_->pump({}).events, 1u);
    return sees;
  };
  pump_one();
  EXPECT_FALSE(sees_unmarked());
  // Looks at one moment that is still to come: the next one, too, is soon after them.
  const base::Ticks later = base::Clock::now() + base::Clock::to_ticks(std::int64_t{1} << 36);
  for (unsigned i = 0; i <= DrainPace::kDenseLooks; ++i) {
    publisher_->pace.looked(later, 1);
  }
  pump_one();
  EXPECT_TRUE(sees_unmarked());
  const auto quiet = std::chrono::steady_clock::now() + 100us;
  while (std::chrono::steady_clock::now() < quiet) {
  }
  pump_one();
  EXPECT_FALSE(sees_unmarked());
}

}  // namespace
}  // namespace herald::core
