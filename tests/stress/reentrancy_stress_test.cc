// Callbacks that use their bus: they publish, subscribe, unsubscribe, open and close publishers,
// and call what is refused to them, while other threads publish.
//
// Forbidden: a callback inside a callback; a publish that waits on the dispatching thread; a nested
// flush, drain, pump or wait that is not refused; an accepted event lost, repeated, reordered or
// torn; a callable that is never destroyed.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "herald/herald.h"
#include "support/stamp.h"
#include "support/stress_run.h"

namespace herald::stress {
namespace {

using namespace std::chrono_literals;

std::atomic<std::int64_t> living_callables{0};

struct Life {
  Life() { living_callables.fetch_add(1, std::memory_order_relaxed); }
  Life(Life&&) noexcept : Life() {}
  Life(const Life&) : Life() {}
  Life& operator=(Life&&) = delete;
  Life& operator=(const Life&) = delete;
  ~Life() { living_callables.fetch_sub(1, std::memory_order_relaxed); }
};

class ReentrancyStress : public Test, public ::testing::WithParamInterface<WaitStrategy> {
 protected:
  static constexpr std::size_t kOutside = 2;  // publishers of other threads
  static constexpr std::size_t kInside = 2;   // of the dispatching thread: a lane, the shared lane
  static constexpr std::size_t kLane = kOutside;
  static constexpr std::size_t kShared = kOutside + 1;

  void SetUp() override {
    living_callables.store(0, std::memory_order_relaxed);
    bus_ = Bus::create(
               {.wait = GetParam(), .batch_events = 16, .shared_lane = {.capacity_events = 32}})
               .value();
    type_ = bus_->define<Stamp>("stamp").value();
    inner_ = bus_->publisher({.name = "inner", .capacity_events = 8}).value();
    first_ = bus_->subscribe(*type_, [this](const Stamp& stamp, const Event&) { receive(stamp); })
                 .value();
  }

  void receive(const Stamp& stamp) {
    check_.receive(stamp);
    act();
  }

  // One random act of a callback. With some 30 guests, an event causes less than one new one.
  void act() {
    EXPECT_FALSE(std::exchange(inside_, true)) << "FORBIDDEN: a callback inside a callback";
    switch (random_.below(256)) {
      case 0:
        publish_through_lane();
        break;
      case 1:
        publish_shared();
        break;
      case 2:
        open_and_close();
        break;
      case 3:
        call_what_is_refused();
        break;
      case 4:
        static_cast<void>(bus_->stats());
        break;
      case 5:
        guests_.clear();
        break;
      default:
        if (random_.one_in(16)) {
          change_subscriptions();
        }
    }
    inside_ = false;
  }

  void publish_through_lane() {
    const Stamp stamp = make_stamp(kLane, accepted_[kLane], random_);
    note(kLane, inner_->publish(*type_, stamp));
  }

  void publish_shared() {
    const Stamp stamp = make_stamp(kShared, accepted_[kShared], random_);
    note(kShared, bus_->publish(*type_, stamp));
  }

  void note(std::size_t id, PublishResult result) {
    EXPECT_TRUE(result == PublishResult::kAccepted || result == PublishResult::kFull);
    accepted_[id] += result == PublishResult::kAccepted ? 1U : 0U;
  }

  // Subscribers and middleware join, at most 32, and leave when others do.
  void change_subscriptions() {
    if (guests_.size() == 32) {
      guests_.erase(guests_.begin() + static_cast<std::ptrdiff_t>(random_.below(32)));
    }
    guests_.push_back(guest());
    if (random_.one_in(4)) {
      guests_.pop_back();  // left in the same call
    }
  }

  Subscription guest() {
    const Filter filter{.types = TypeMask::all()};
    switch (random_.below(4)) {
      case 0:
        return bus_
            ->use(filter,
                  [this, life = Life()](Event&, Emitter& emitter) {
                    act();
                    static_cast<void>(random_.one_in(64) && emitter.emit_after(kInfo, "made up"));
                    return Verdict::kPass;
                  })
            .value();
      case 1:
        return bus_
            ->subscribe_batch(filter, [this, life = Life()](std::span<const Event>) { act(); })
            .value();
      case 2: {
        // Its destruction removes another one.
        auto owned = std::make_shared<Subscription>(simple_guest(filter));
        return bus_->subscribe(filter, [this, owned, life = Life()](const Event&) { act(); })
            .value();
      }
      default:
        return simple_guest(filter);
    }
  }

  Subscription simple_guest(const Filter& filter) {
    return bus_->subscribe(filter, [this, life = Life()](const Event&) { act(); }).value();
  }

  // The events of a publisher that lives for one call are delivered like all others.
  void open_and_close() {
    absl::StatusOr<Publisher> publisher = bus_->publisher({.capacity_events = 2});
    if (publisher.ok()) {
      EXPECT_EQ(publisher->publish(kInfo, "in passing"), PublishResult::kAccepted);
    }
  }

  void call_what_is_refused() {
    EXPECT_EQ(bus_->flush(1s).code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(bus_->drain(1s).status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(bus_->pump().status, PumpResult::Status::kRefused);
    EXPECT_FALSE(bus_->wait(1s));
  }

  void publish_outside(std::size_t id, std::uint64_t attempts) {
    StampPublisher publisher(bus_->publisher({.capacity_events = 32}).value(), *type_, id,
                             random(id));
    while (publisher.answers().attempts < attempts) {
      publisher.step();
      watchdog_.progress();
    }
    accepted_[id] = publisher.answers().accepted;
  }

  StampCheck check_{kOutside + kInside};
  std::array<std::uint64_t, kOutside + kInside> accepted_{};
  Watchdog watchdog_;
  Random random_{random(20)};  // the dispatching thread's
  bool inside_ = false;
  std::optional<Bus> bus_;
  std::optional<EventType<Stamp>> type_;
  std::optional<Publisher> inner_;
  Subscription first_;
  std::deque<Subscription> guests_;
};

TEST_P(ReentrancyStress, CallbacksMayDoWhatTheyMay) {
  {
    std::vector<std::jthread> threads;
    for (std::size_t id = 0; id < kOutside; ++id) {
      threads.emplace_back([this, id] { publish_outside(id, rounds(40'000, 4'000'000)); });
    }
  }
  // Events cause events: one flush is not the end of it.
  do {
    ASSERT_TRUE(bus_->flush(60s).ok());
    watchdog_.progress();
  } while (bus_->stats().queued != 0);
  check_.expect_flawless();
  for (std::size_t id = 0; id < accepted_.size(); ++id) {
    EXPECT_EQ(check_.received(id), accepted_[id]);
  }
  EXPECT_TRUE(bus_->stats().conserved());
  EXPECT_GT(accepted_[kLane], 0U);
  EXPECT_GT(accepted_[kShared], 0U);
  guests_.clear();
  first_.unsubscribe();
  EXPECT_EQ(living_callables.load(std::memory_order_relaxed), 0)
      << "FORBIDDEN: a callable that outlives its subscription";
}

INSTANTIATE_TEST_SUITE_P(Waits, ReentrancyStress,
                         ::testing::Values(WaitStrategy::kAdaptive, WaitStrategy::kPark));

}  // namespace
}  // namespace herald::stress
