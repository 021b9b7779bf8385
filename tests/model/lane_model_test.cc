// core/lane/lane.h under the controlled scheduler: a publisher, a dispatcher that parks, closers.
//
// Forbidden: an event lost, duplicated or reordered; delivered though the publisher was told
// refused; told accepted and never delivered; a take that finds less than announced; more events
// inside than the capacity; a publisher or a dispatcher that sleeps for ever.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/fence.h"
#include "base/parking.h"
#include "core/lane/lane.h"
#include "model/explore.h"
#include "model/fence_modes.h"
#include "model/reference_queue.h"

namespace herald::model {
namespace {

using base::FenceMode;
using core::PushResult;
using Bell = base::ParkingSpot<ModelAtomics>;
using Race = base::StoreThenLoad<ModelAtomics>;
using Lane = core::Lane<ModelAtomics, ReferenceRing<int>>;

constexpr std::int64_t kNever = ModelAtomics::kNoDeadline;
constexpr std::int64_t kSoon = 1;

/// A lane, those who use it, and what they were told.
class LaneRun {
 public:
  LaneRun(Scheduler& run, FenceMode mode, std::size_t capacity, std::size_t wake_room = 1)
      : mode_(mode),
        doorbell_(mode),
        flush_bell_(mode),
        lane_(ReferenceRing<int>(capacity), capacity, mode, doorbell_) {
    lane_.wake_for(wake_room);
    run.name("doorbell", doorbell_);
    run.name("lane", lane_);
    run.name("closed", closed_);
  }

  Lane& lane() { return lane_; }

  // Publisher.

  /// Puts in `count` events at once; waits for room. False: the lane is closed.
  bool publish(std::size_t count = 1, std::int64_t deadline_ns = kNever) {
    std::vector<int> items;
    for (std::size_t i = 0; i < count; ++i) {
      items.push_back(next_++);
    }
    for (;;) {
      const PushResult result = lane_.push(items.data(), count);
      if (result == PushResult::kAccepted) {
        accepted_.insert(accepted_.end(), items.begin(), items.end());
        return true;
      }
      if (result != PushResult::kNoCredit) {
        refused_ += result == PushResult::kRefused ? count : 0;
        return false;
      }
      if (!lane_.wait_for_room(deadline_ns)) {
        return true;
      }
    }
  }

  /// Without waiting.
  void try_publish() {
    int item = next_++;
    if (lane_.push(&item, 1) == PushResult::kAccepted) {
      accepted_.push_back(item);
    }
  }
  void keep() { check(lane_.keep_place(), "no place in an empty lane"); }
  void publish_kept() {
    int item = next_++;
    lane_.give_place_up();
    check(lane_.push(&item, 1) == PushResult::kAccepted, "the kept place was taken");
    accepted_.push_back(item);
  }

  // Dispatcher.

  /// Delivers until the lane is closed and empty, or `total` events have come; at least until
  /// `flushes` have been served.
  void dispatch(std::size_t batch, std::size_t total = SIZE_MAX, std::uint64_t flushes = 0) {
    flushes_wanted_ = flushes;
    while (delivered_.size() < total || flushes_ < flushes) {
      const bool last_look = closed();
      begin_flush();
      const std::size_t count = deliver(batch);
      if (end_flush() || count != 0 || lane_.sees_next()) {
        continue;
      }
      if (last_look && !lane_.sees_any()) {
        return;
      }
      park();
    }
  }

  /// The same by a dispatcher that never sleeps, nor looks as who is about to.
  void spin(std::size_t batch, std::size_t total) {
    while (delivered_.size() < total) {
      if (deliver(batch) == 0 && !lane_.sees_next()) {
        ModelAtomics::yield();
      }
    }
  }

  /// Until all that the publisher was told is accepted has come, and `done`.
  void spin_until(const Atomic<int>& done) {
    while (done.load(std::memory_order_acquire) == 0 || delivered_.size() < accepted_.size()) {
      if (deliver(2) == 0 && !lane_.sees_next()) {
        ModelAtomics::yield();
      }
    }
  }

  std::size_t deliver(std::size_t batch) { return deliver(batch, lane_.next_limit(true)); }
  /// As a pump, which asks for all that is accepted by now, whatever the marks say.
  std::size_t pump(std::size_t batch) { return deliver(batch, lane_.limit()); }
  std::size_t deliver(std::size_t batch, Lane::Count limit) {
    const std::size_t waiting = static_cast<std::size_t>(limit - lane_.taken());
    std::vector<int> items(batch);
    const std::size_t count = lane_.take(items.data(), batch, limit);
    check(count == std::min(batch, waiting), "taken short");
    delivered_.insert(delivered_.end(), items.begin(),
                      items.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
  }

  // Others.

  void ask_for_flush() {
    asked_.fetch_add(1, std::memory_order_seq_cst);
    doorbell_.notify();
  }
  /// On return all that was accepted before has been delivered.
  void flush() {
    ask_for_flush();
    for (;;) {
      const Bell::Ticket ticket = flush_bell_.prepare();
      if (Race::heavy_load(mode_, served_) != 0) {
        return;
      }
      flush_bell_.sleep(ticket, kNever);
    }
  }

  void close() {
    lane_.seal();
    closed_.fetch_or(1, std::memory_order_seq_cst);
    doorbell_.notify();
  }

  /// By the publisher: everything that it was told is accepted has been delivered.
  void check_flushed() { check(delivered_.size() >= accepted_.size(), "flushed too early"); }

  // Afterwards.

  void check_delivery() {
    check(delivered_ == accepted_, delivered_.size() < accepted_.size()
                                       ? "an accepted event was not delivered"
                                       : "delivered something else than was accepted");
    check(lane_.ring().inside() == refused_, "the ring holds something else than what was refused");
    check(lane_.drained() == accepted_.size(), "drained is not what was delivered");
    check(lane_.accepted() == accepted_.size(), "the statistic of accepted events is wrong");
  }

 private:
  [[nodiscard]] bool closed() const { return Race::heavy_load(mode_, closed_) == 1; }

  // A flush, as core/dispatch/dispatcher.cc serves it.
  void begin_flush() {
    if (asks()) {
      flushing_ = true;
      flush_limit_ = lane_.announced();
    }
  }
  [[nodiscard]] bool asks() const {
    return flushes_ < flushes_wanted_ && !flushing_ && Race::heavy_load(mode_, asked_) != flushes_;
  }
  [[nodiscard]] bool flush_reached() const { return flushing_ && lane_.reached(flush_limit_); }
  bool end_flush() {
    if (!flush_reached()) {
      return false;
    }
    flushing_ = false;
    Race::light_store(mode_, served_, ++flushes_);
    flush_bell_.notify();
    return true;
  }

  void park() {
    const Bell::Ticket ticket = doorbell_.prepare();
    if (!lane_.sees_any() && !closed() && !asks() && !flush_reached()) {
      doorbell_.sleep(ticket, kNever);
    }
  }

  const FenceMode mode_;
  Bell doorbell_;
  Bell flush_bell_;
  Lane lane_;
  Atomic<std::uint64_t> asked_{0};
  Atomic<std::uint64_t> served_{0};
  bool flushing_ = false;
  std::uint64_t flush_limit_ = 0;
  std::uint64_t flushes_ = 0;  // served
  std::uint64_t flushes_wanted_ = 0;
  Atomic<std::uint64_t> closed_{0};
  int next_ = 1;
  std::vector<int> accepted_;
  std::size_t refused_ = 0;
  std::vector<int> delivered_;
};

class LaneModel : public FenceModes {
 protected:
  static Exploration named(const std::string& name, Bounds bounds = {}) {
    return FenceModes::named("lane, " + name, bounds);
  }
};

INSTANTIATE_TEST_SUITE_P(Fences, LaneModel, FenceModes::both(), FenceModes::suffix);

TEST_P(LaneModel, EventsReachAParkingDispatcher) {
  const Report report = expect_holds(named("deliver"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 4);
    run.spawn("publisher", [&] {
      lane.publish();
      lane.publish();
    });
    run.spawn("dispatcher", [&] { lane.dispatch(2, 2); });
    run.join();
    lane.check_delivery();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// Room for one: each event but the first waits for the room of the one before.
TEST_P(LaneModel, PublisherWaitsForRoom) {
  const Report report = expect_holds(named("wait for room"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 1);
    run.spawn("publisher", [&] {
      lane.publish();
      lane.publish();
      lane.publish();
    });
    run.spawn("dispatcher", [&] { lane.dispatch(1, 3); });
    run.join();
    lane.check_delivery();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// Woken once all is free, though it sleeps for one place: the last event taken wakes it.
TEST_P(LaneModel, PublisherIsWokenForMuchRoom) {
  const Report report = expect_holds(named("much room"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 2, 2);
    run.spawn("publisher", [&] {
      for (int i = 0; i < 4; ++i) {
        lane.publish();
      }
    });
    run.spawn("dispatcher", [&] { lane.dispatch(1, 4); });
    run.join();
    lane.check_delivery();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// What is kept is there whenever it is wanted, and for nothing else.
TEST_P(LaneModel, AKeptPlaceIsThere) {
  expect_holds(named("kept place"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 2);
    run.spawn("publisher", [&] {
      lane.keep();
      lane.try_publish();
      lane.try_publish();
      lane.publish_kept();
      lane.close();
    });
    run.spawn("dispatcher", [&] { lane.dispatch(1); });
    run.join();
    lane.check_delivery();
  });
}

// In a lane that may be full: a place is kept only if there is one.
TEST_P(LaneModel, APlaceIsKeptInRoomOnly) {
  expect_holds(named("kept place, full"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 2);
    run.spawn("publisher", [&] {
      lane.try_publish();
      lane.try_publish();
      if (lane.lane().keep_place()) {
        lane.try_publish();
        lane.publish_kept();
      }
      lane.close();
    });
    run.spawn("dispatcher", [&] { lane.dispatch(1); });
    run.join();
    lane.check_delivery();
  });
}

TEST_P(LaneModel, BatchesWaitForRoom) {
  expect_holds(named("batches"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 3);
    run.spawn("publisher", [&] {
      lane.publish(2);
      lane.publish(1);
      lane.publish(1);
    });
    run.spawn("dispatcher", [&] { lane.dispatch(2, 4); });
    run.join();
    lane.check_delivery();
  });
}

// It goes by marks alone, but where it stopped within a push, as a pump may, and where it took one
// by its count before the mark was there.
TEST_P(LaneModel, ASpinningDispatcherMissesNothing) {
  expect_holds(named("spin"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 3);
    run.spawn("publisher", [&] {
      lane.publish(2);
      lane.publish(1);
    });
    run.spawn("dispatcher", [&] {
      lane.pump(1);
      lane.spin(2, 3);
    });
    run.join();
    lane.check_delivery();
  });
}

// While it is told nothing, because the sealer has not named its count, it stands within a push.
TEST_P(LaneModel, ASealRacesASpinningDispatcher) {
  expect_holds(named("spin, seal"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 3);
    Atomic<int> done{0};
    run.spawn("publisher", [&] {
      lane.publish(2) && lane.publish(1);
      done.store(1, std::memory_order_release);
    });
    run.spawn("closer", [&] { lane.lane().seal(); });
    run.spawn("dispatcher", [&] {
      lane.pump(1);
      lane.spin_until(done);
    });
    run.join();
    lane.check_delivery();
  });
}

// By the count, as where events come densely, and by marks again.
TEST_P(LaneModel, ASpinningDispatcherGoesByMarksNowAndThen) {
  expect_holds(named("spin, marks now and then"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 2);
    run.spawn("publisher", [&] {
      lane.publish();
      lane.publish();
      lane.publish();
    });
    run.spawn("dispatcher", [&] {
      lane.lane().look_at_marks(false);
      lane.spin(2, 1);
      lane.lane().look_at_marks(true);
      lane.spin(1, 3);
    });
    run.join();
    lane.check_delivery();
  });
}

TEST_P(LaneModel, WaitForRoomMayTimeOut) {
  expect_holds(named("time-out"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 1);
    run.spawn("publisher", [&] {
      lane.publish();
      lane.publish(1, kSoon);
    });
    run.spawn("dispatcher", [&] { lane.dispatch(1); });
    run.spawn("closer", [&] { lane.close(); });
    run.join();
    lane.check_delivery();
  });
}

TEST_P(LaneModel, CloseRacesPublish) {
  const Report report = expect_holds(named("close"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 4);
    run.spawn("publisher", [&] { lane.publish() && lane.publish(2); });
    run.spawn("dispatcher", [&] { lane.dispatch(4); });
    run.spawn("closer", [&] { lane.close(); });
    run.join();
    lane.check_delivery();
  });
  EXPECT_GT(report.sleeps, 0U);
}

TEST_P(LaneModel, CloseWakesAWaitingPublisher) {
  expect_holds(named("close, no room"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 1);
    run.spawn("publisher", [&] { lane.publish() && lane.publish(); });
    run.spawn("closer", [&] { lane.close(); });
    run.join();
    lane.dispatch(1);
    lane.check_delivery();
  });
}

// The publisher ends while another thread closes: either names the count.
TEST_P(LaneModel, FinishRacesSeal) {
  expect_holds(named("finish"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 4);
    run.spawn("publisher", [&] {
      lane.publish() && lane.publish();
      lane.lane().finish();
    });
    run.spawn("closer", [&] { lane.close(); });
    run.spawn("dispatcher", [&] { lane.dispatch(2); });
    run.join();
    lane.check_delivery();
  });
}

// One after the other, as the registry's mutex makes them.
TEST_P(LaneModel, TwoThreadsMayClose) {
  expect_holds(named("two closers", narrow()), [](Scheduler& run) {
    LaneRun lane(run, mode(), 4);
    Atomic<int> mutex{0};
    const auto close = [&] {
      while (mutex.exchange(1, std::memory_order_acquire) == 1) {
        ModelAtomics::yield();
      }
      lane.close();
      mutex.store(0, std::memory_order_release);
    };
    run.spawn("publisher", [&] { lane.publish(); });
    run.spawn("closer one", close);
    run.spawn("closer two", close);
    run.spawn("dispatcher", [&] { lane.dispatch(2); });
    run.join();
    lane.check_delivery();
  });
}

TEST_P(LaneModel, FlushCoversWhatWasAcceptedBefore) {
  expect_holds(named("flush"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 4);
    run.spawn("publisher", [&] {
      lane.publish();
      lane.flush();
      lane.check_flushed();
    });
    run.spawn("dispatcher", [&] { lane.dispatch(1, 1, 1); });
    run.join();
    lane.check_delivery();
  });
}

// The limit of the flush may lie behind the seal: what lies between is refused and never comes.
TEST_P(LaneModel, FlushEndsAlthoughEventsAreRefused) {
  const Bounds bounds{.preemptions = full() ? 4U : 3U, .stale_loads = 1, .surprises = 0};
  expect_holds(named("flush, close", bounds), [](Scheduler& run) {
    LaneRun lane(run, mode(), 4);
    lane.ask_for_flush();
    run.spawn("publisher", [&] { lane.publish(); });
    run.spawn("dispatcher", [&] { lane.dispatch(2, 0, 1); });
    run.spawn("closer", [&] { lane.lane().seal(); });
    run.join();
    while (lane.deliver(2) != 0) {
    }
    lane.check_delivery();
  });
}

TEST_P(LaneModel, ALaneIsUsedAgain) {
  expect_holds(named("reopen"), [](Scheduler& run) {
    LaneRun lane(run, mode(), 2);
    run.spawn("publisher", [&] {
      lane.publish();
      lane.lane().finish();
    });
    run.spawn("dispatcher", [&] { lane.dispatch(2, 1); });
    run.join();
    lane.lane().reopen(2);
    run.spawn("next publisher", [&] {
      lane.publish();
      lane.publish();
    });
    run.spawn("next dispatcher", [&] { lane.dispatch(2, 3); });
    run.join();
  });
}

TEST_P(LaneModel, ManyByChance) {
  Exploration exploration = named("by chance");
  exploration.by_chance = 100'000;
  expect_holds(exploration, [](Scheduler& run) {
    LaneRun lane(run, mode(), 2);
    run.spawn("publisher", [&] {
      while (lane.publish(1) && lane.publish(2) && lane.publish(1)) {
      }
      lane.lane().finish();
    });
    run.spawn("dispatcher", [&] { lane.dispatch(2); });
    run.spawn("closer", [&] {
      for (int i = 0; i < 4; ++i) {
        ModelAtomics::yield();
      }
      lane.close();
    });
    run.join();
    lane.check_delivery();
  });
}

}  // namespace
}  // namespace herald::model
