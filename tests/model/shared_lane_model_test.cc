// core/lane/shared_lane.h under the controlled scheduler: several publishers, a dispatcher that
// parks, closers, a thread that flushes.
//
// Forbidden: an event lost or duplicated; one thread's events reordered; delivered though its
// publisher was told no; told accepted and never delivered; refused for want of room that was
// there; more events inside than the capacity; a flush that ends too early, or never; a publisher
// or a dispatcher that sleeps for ever.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/fence.h"
#include "base/parking.h"
#include "core/lane/promised_places.h"
#include "core/lane/shared_lane.h"
#include "model/explore.h"
#include "model/fence_modes.h"
#include "model/reference_queue.h"

namespace herald::model {
namespace {

using base::FenceMode;
using core::PushResult;

struct Event {
  std::uint64_t sequence = 0;  // its ticket, while it is in the lane
  int value = 0;               // publisher * 10 + number
};

using Bell = base::ParkingSpot<ModelAtomics>;
using Race = base::StoreThenLoad<ModelAtomics>;
using Queue = ReferenceSharedQueue<Event>;
using SharedLane = core::SharedLane<ModelAtomics, Queue>;

constexpr std::int64_t kNever = ModelAtomics::kNoDeadline;
constexpr std::size_t kMostEvents = 2;  // of one publisher

/// What a dispatcher does to know when everything accepted before has been delivered: as in
/// core/dispatch/dispatcher.cc.
class FlushCount {
 public:
  void begin(const SharedLane& lane) {
    serving_ = true;
    mark_ = lane.mark();
  }
  void count(const Event* events, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      mark_.missing -= events[i].sequence < mark_.limit && mark_.missing != 0 ? 1U : 0U;
    }
    if (count == 0) {
      mark_.missing = 0;  // Finding nothing: all that was accepted has come.
    }
  }
  [[nodiscard]] bool serving() const { return serving_; }
  /// All that was accepted before has come; a lost ticket never comes, so nothing outstanding
  /// counts.
  [[nodiscard]] bool reached(const SharedLane& lane) const {
    return serving_ && (mark_.missing == 0 || lane.mark().missing == 0);
  }
  void end() { serving_ = false; }

 private:
  bool serving_ = false;
  SharedLane::Mark mark_{0, 0};
};

/// A shared lane, those who use it, and what they were told.
class SharedLaneRun {
 public:
  /// The publishers must be spawned first.
  SharedLaneRun(Scheduler& run, FenceMode mode, std::size_t capacity, std::size_t publishers,
                std::size_t fail_at = 0)
      : mode_(mode),
        doorbell_(mode),
        flush_bell_(mode),
        promised_(capacity),
        lane_(failing_queue(capacity, publishers, fail_at), capacity, mode, doorbell_) {
    run.name("doorbell", doorbell_);
    run.name("flush bell", flush_bell_);
    run.name("promised", promised_);
    run.name("lane", lane_);
    run.name("asked", asked_);
    run.name("served", served_);
    run.name("closed", closed_);
  }

  // Publishers.

  /// `value`: ten times the publisher's number, plus the event's.
  PushResult try_publish(int value) {
    Event event{0, value};
    const PushResult result = lane_.push(event);
    if (result == PushResult::kAccepted) {
      accepted_.push_back(value);
    }
    return result;
  }

  PushResult publish(int value) {
    PushResult result = try_publish(value);
    while (result == PushResult::kNoCredit) {
      check(lane_.wait_for_room(kNever), "timed out without a deadline");
      result = try_publish(value);
    }
    return result;
  }

  /// As core/lane/shared_publisher.cc: promised, then kept.
  bool keep() { return promised_.add() && lane_.keep_place(); }
  PushResult publish_kept(int value) {
    Event event{0, value};
    const PushResult result = lane_.push_to_kept_place(event);
    check(result != PushResult::kNoCredit, "the kept place was taken");
    if (result == PushResult::kAccepted) {
      accepted_.push_back(value);
    }
    return result;
  }

  void give_up() {
    lane_.give_place_up();
    promised_.remove();
  }

  // Dispatcher.

  /// Delivers until the lane is closed and empty, or `total` events and `flushes` are done.
  void dispatch(std::size_t batch, std::size_t total = SIZE_MAX, std::uint64_t flushes = 0) {
    while (delivered_.size() < total || begun_ < flushes || flush_.serving()) {
      const bool last_look = closed_.load(std::memory_order_acquire) == 1;
      begin_flush();
      const std::size_t count = deliver(batch);
      const bool served_now = end_flush();
      if (count != 0 || served_now) {
        continue;
      }
      if (last_look && lane_.mark().missing == 0) {
        return;
      }
      park();
    }
  }

  // Others.

  /// On return all of `before`, known to be accepted, has been delivered.
  void flush(const std::vector<int>& before) {
    asked_.fetch_add(1, std::memory_order_seq_cst);
    doorbell_.notify();
    for (;;) {
      const Bell::Ticket ticket = flush_bell_.prepare();
      if (served()) {
        break;
      }
      flush_bell_.sleep(ticket, kNever);
    }
    check(std::all_of(before.begin(), before.end(),
                      [this](int value) { return count_of(delivered_, value) == 1; }),
          "flushed too early");
  }

  void close() {
    lane_.seal();
    closed_.fetch_or(1, std::memory_order_seq_cst);
    doorbell_.notify();
  }

  // Afterwards.

  void check_delivery() const {
    check(delivered_.size() >= accepted_.size(), "an accepted event was not delivered");
    check(std::is_permutation(delivered_.begin(), delivered_.end(), accepted_.begin(),
                              accepted_.end()),
          "delivered something else than was accepted");
    for (int publisher = 0; publisher < kPublishers; ++publisher) {
      std::vector<int> own;
      std::copy_if(delivered_.begin(), delivered_.end(), std::back_inserter(own),
                   [=](int value) { return value / 10 == publisher; });
      check(std::is_sorted(own.begin(), own.end()), "reordered");
    }
    check(lane_.drained() == accepted_.size(), "drained is not what was delivered");
    check(lane_.accepted() == accepted_.size(), "the statistic of accepted events is wrong");
  }

 private:
  static constexpr int kPublishers = 4;

  static Queue failing_queue(std::size_t capacity, std::size_t publishers, std::size_t fail_at) {
    Queue queue(capacity, publishers, kMostEvents);
    queue.fail_at(fail_at);
    return queue;
  }
  static std::ptrdiff_t count_of(const std::vector<int>& values, int value) {
    return std::count(values.begin(), values.end(), value);
  }

  std::size_t deliver(std::size_t batch) {
    if (!lane_.waiting()) {
      return 0;
    }
    std::vector<Event> events(batch);
    const std::size_t count = lane_.take(events.data(), batch);
    flush_.count(events.data(), count);
    for (std::size_t i = 0; i < count; ++i) {
      delivered_.push_back(events[i].value);
    }
    return count;
  }

  void begin_flush() {
    if (!flush_.serving() && asks()) {
      ++begun_;
      flush_.begin(lane_);
    }
  }
  bool end_flush() {
    if (!flush_.reached(lane_)) {
      return false;
    }
    flush_.end();
    Race::light_store(mode_, served_, begun_);
    flush_bell_.notify();
    return true;
  }
  [[nodiscard]] bool asks() const { return Race::heavy_load(mode_, asked_) != begun_; }
  [[nodiscard]] bool served() const { return Race::heavy_load(mode_, served_) != 0; }

  void park() {
    const Bell::Ticket ticket = doorbell_.prepare();
    if (!lane_.waiting() && !asks() && !flush_.reached(lane_) &&
        Race::heavy_load(mode_, closed_) == 0) {
      doorbell_.sleep(ticket, kNever);
    } else if (!lane_.waiting()) {
      ModelAtomics::yield();  // Closed: a publisher with a ticket is still to come.
    }
  }

  const FenceMode mode_;
  Bell doorbell_;
  Bell flush_bell_;
  core::PromisedPlaces<ModelAtomics> promised_;
  SharedLane lane_;
  Atomic<std::uint64_t> asked_{0};
  Atomic<std::uint64_t> served_{0};
  Atomic<std::uint64_t> closed_{0};
  std::uint64_t begun_ = 0;
  FlushCount flush_;
  std::vector<int> accepted_;
  std::vector<int> delivered_;
};

class SharedLaneModel : public FenceModes {
 protected:
  static Exploration named(const std::string& name, Bounds bounds = {}) {
    return FenceModes::named("shared lane, " + name, bounds);
  }
};

INSTANTIATE_TEST_SUITE_P(Fences, SharedLaneModel, FenceModes::both(), FenceModes::suffix);

TEST_P(SharedLaneModel, EventsReachAParkingDispatcher) {
  const Report report = expect_holds(named("deliver"), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 4, 2);
    for (const int publisher : {1, 2}) {
      run.spawn(publisher == 1 ? "publisher one" : "publisher two",
                [&, publisher] { lane.publish(publisher * 10); });
    }
    run.spawn("dispatcher", [&] { lane.dispatch(2, 2); });
    run.join();
    lane.check_delivery();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// Where there is room for all, nobody may be told that there is none.
TEST_P(SharedLaneModel, RoomIsNotDenied) {
  expect_holds(named("room for all", narrow()), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 3, 2);
    run.spawn("publisher one", [&] {
      check(lane.try_publish(10) == PushResult::kAccepted, "refused for want of room");
    });
    run.spawn("publisher two", [&] {
      check(lane.try_publish(20) == PushResult::kAccepted, "refused for want of room");
      check(lane.try_publish(21) == PushResult::kAccepted, "refused for want of room");
    });
    run.spawn("dispatcher", [&] { lane.dispatch(2, 3); });
    run.join();
    lane.check_delivery();
  });
}

// Nor while a place is being kept for an event to come.
TEST_P(SharedLaneModel, RoomIsNotDeniedBesideAPlaceBeingKept) {
  expect_holds(named("room for all, kept place", narrow()), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 3, 2);
    run.spawn("publisher one", [&] { check(lane.keep(), "no place where there is room"); });
    run.spawn("publisher two", [&] {
      check(lane.try_publish(20) == PushResult::kAccepted, "refused for want of room");
      check(lane.try_publish(21) == PushResult::kAccepted, "refused for want of room");
    });
    run.join();
    lane.close();
    lane.dispatch(2);
    lane.check_delivery();
  });
}

TEST_P(SharedLaneModel, PublishersWaitForRoom) {
  const Report report = expect_holds(named("wait for room"), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 1, 2);
    for (const int publisher : {1, 2}) {
      run.spawn(publisher == 1 ? "publisher one" : "publisher two",
                [&, publisher] { lane.publish(publisher * 10); });
    }
    run.spawn("dispatcher", [&] { lane.dispatch(1, 2); });
    run.join();
    lane.check_delivery();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// The first event finds no memory: its room belongs to whoever waits for it.
TEST_P(SharedLaneModel, ALostTicketGivesItsRoomBack) {
  expect_holds(named("no memory"), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 1, 2, 1);
    int lost = 0;
    for (const int publisher : {1, 2}) {
      run.spawn(publisher == 1 ? "publisher one" : "publisher two", [&, publisher] {
        lost += lane.publish(publisher * 10) == PushResult::kNoMemory ? 1 : 0;
      });
    }
    run.spawn("dispatcher", [&] { lane.dispatch(1, 1); });
    run.join();
    check(lost == 1, "lost more than one");
    lane.check_delivery();
  });
}

TEST_P(SharedLaneModel, CloseRacesPublish) {
  expect_holds(named("close", narrow()), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 4, 2);
    for (const int publisher : {1, 2}) {
      run.spawn(publisher == 1 ? "publisher one" : "publisher two",
                [&, publisher] { lane.publish(publisher * 10); });
    }
    run.spawn("dispatcher", [&] { lane.dispatch(2); });
    run.spawn("closer", [&] { lane.close(); });
    run.join();
    lane.check_delivery();
  });
}

TEST_P(SharedLaneModel, CloseWakesWaitingPublishers) {
  expect_holds(named("close, no room"), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 1, 2);
    for (const int publisher : {1, 2}) {
      run.spawn(publisher == 1 ? "publisher one" : "publisher two",
                [&, publisher] { lane.publish(publisher * 10); });
    }
    run.spawn("closer", [&] { lane.close(); });
    run.join();
    lane.dispatch(2);
    lane.check_delivery();
  });
}

// What the flushing thread has published itself, and what it has heard of others.
TEST_P(SharedLaneModel, FlushCoversWhatWasAcceptedBefore) {
  expect_holds(named("flush", narrow()), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 4, 2);
    Atomic<int> told{0};
    run.spawn("publisher one", [&] {
      lane.publish(10);
      told.store(1, std::memory_order_release);
    });
    run.spawn("publisher two", [&] {
      lane.publish(20);
      std::vector<int> before{20};
      if (told.load(std::memory_order_acquire) == 1) {
        before.push_back(10);
      }
      lane.flush(before);
    });
    run.spawn("dispatcher", [&] { lane.dispatch(1, 2, 1); });
    run.join();
    lane.check_delivery();
  });
}

// A ticket that was taken and leads to nothing must not be waited for.
TEST_P(SharedLaneModel, FlushDoesNotWaitForALostTicket) {
  expect_holds(named("flush, no memory", narrow()), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 4, 2, 1);
    run.spawn("publisher one", [&] { lane.publish(10); });
    run.spawn("publisher two", [&] {
      const bool accepted = lane.publish(20) == PushResult::kAccepted;
      lane.flush(accepted ? std::vector<int>{20} : std::vector<int>{});
    });
    run.spawn("dispatcher", [&] { lane.dispatch(2, 1, 1); });
    run.join();
    lane.check_delivery();
  });
}

// Nobody takes anything out: whoever gets in finds room, and the kept place stays.
TEST_P(SharedLaneModel, AKeptPlaceIsTakenByNobody) {
  expect_holds(named("kept place"), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 2, 2);
    run.spawn("publisher one", [&] {
      if (lane.keep()) {
        lane.publish_kept(10);
      }
    });
    run.spawn("publisher two", [&] {
      lane.try_publish(20);
      lane.try_publish(21);
    });
    run.join();
    lane.close();
    lane.dispatch(2);
    lane.check_delivery();
  });
}

TEST_P(SharedLaneModel, APublisherWaitsBesideAKeptPlace) {
  expect_holds(named("kept place, wait for room", narrow()), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 2, 2);
    check(lane.keep(), "no place in an empty lane");
    run.spawn("publisher one", [&] { lane.publish_kept(10); });
    run.spawn("publisher two", [&] {
      lane.publish(20);
      lane.publish(21);
    });
    run.spawn("dispatcher", [&] { lane.dispatch(2, 3); });
    run.join();
    lane.check_delivery();
  });
}

// Nobody takes anything out: the place is the only room there is.
TEST_P(SharedLaneModel, APlaceGivenUpIsRoomForWhoWaits) {
  expect_holds(named("place given up"), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 2, 2);
    check(lane.keep(), "no place in an empty lane");
    run.spawn("publisher one", [&] { lane.give_up(); });
    run.spawn("publisher two", [&] {
      lane.publish(20);
      lane.publish(21);
    });
    run.join();
    lane.close();
    lane.dispatch(2);
    lane.check_delivery();
  });
}

TEST_P(SharedLaneModel, CloseRacesAKeptPlace) {
  expect_holds(named("close, kept place", narrow()), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 2, 1);
    run.spawn("publisher", [&] {
      if (lane.keep()) {
        lane.publish_kept(10);
      }
    });
    run.spawn("dispatcher", [&] { lane.dispatch(2); });
    run.spawn("closer", [&] { lane.close(); });
    run.join();
    lane.check_delivery();
  });
}

// The event that was to take it found no memory; the next one does.
TEST_P(SharedLaneModel, APlaceIsKeptUntilAnEventIsIn) {
  expect_holds(named("kept place, no memory", narrow()), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 2, 3, 1);
    check(lane.keep(), "no place in an empty lane");
    run.spawn("publisher one", [&] {
      check(lane.publish_kept(10) == PushResult::kNoMemory, "there was no memory");
    });
    run.join();
    run.spawn("publisher two", [&] {
      lane.try_publish(20);
      lane.try_publish(21);
    });
    run.join();
    run.spawn("publisher one again",
              [&] { check(lane.publish_kept(11) == PushResult::kAccepted, "the place is gone"); });
    run.join();
    lane.close();
    lane.dispatch(2);
    lane.check_delivery();
  });
}

TEST_P(SharedLaneModel, OnePlaceIsKeptByNobody) {
  expect_holds(named("last place", narrow()), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 2, 2);
    int kept = 0;
    for (const int publisher : {1, 2}) {
      run.spawn(publisher == 1 ? "publisher one" : "publisher two", [&, publisher] {
        kept += lane.keep() ? 1 : 0;
        lane.publish(publisher * 10);
      });
    }
    run.spawn("dispatcher", [&] { lane.dispatch(2, 2); });
    run.join();
    check(kept <= 1, "all places are kept");
    lane.check_delivery();
  });
}

TEST_P(SharedLaneModel, FlushDoesNotWaitForAKeptPlace) {
  expect_holds(named("flush, kept place", narrow()), [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 4, 2);
    run.spawn("publisher one", [&] { check(lane.keep(), "no place in an empty lane"); });
    run.spawn("publisher two", [&] {
      lane.publish(20);
      lane.flush({20});
    });
    run.spawn("dispatcher", [&] { lane.dispatch(2, 1, 1); });
    run.join();
    lane.check_delivery();
  });
}

TEST_P(SharedLaneModel, ManyByChance) {
  Exploration exploration = named("by chance");
  exploration.by_chance = 60'000;
  expect_holds(exploration, [](Scheduler& run) {
    SharedLaneRun lane(run, mode(), 2, 3);
    for (const int publisher : {1, 2, 3}) {
      run.spawn("publisher", [&, publisher] {
        lane.publish(publisher * 10 + 1);
        lane.publish(publisher * 10 + 2);
      });
    }
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
