// The hand-over from the ring to the table, with every joiner watched by a reference of a few
// lines: no event missed that was not told, none twice, whatever comes in between.
#include "core/replay/replay_desk.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "herald/event_type.h"
#include "herald/options.h"

namespace herald::core {
namespace {

constexpr std::size_t kMaxBlockBytes = sizeof(detail::Block) + 40;

struct Step {
  enum class Kind : std::uint8_t { kDispatch, kServe, kJoin, kLeave };
  Kind kind = Kind::kDispatch;
  std::uint64_t count = 1;  // events, or looks, or which joiner
  Replay replay = {};
  bool tokens_only = false;
  bool batch = false;
  std::uint64_t acts_at = 0;  // the call of the joiner's in which it removes `victim`; 0: never
  std::uint64_t victim = 0;
};

std::ostream& operator<<(std::ostream& out, const Step& step) {
  switch (step.kind) {
    case Step::Kind::kDispatch:
      return out << "dispatch " << step.count;
    case Step::Kind::kServe:
      return out << "serve " << step.count;
    case Step::Kind::kLeave:
      return out << "leave " << step.count;
    case Step::Kind::kJoin:
      break;
  }
  return out << "join " << static_cast<int>(step.replay.from) << '(' << step.replay.value << ") "
             << (step.tokens_only ? "tokens" : "all") << (step.batch ? " batch" : "") << " at "
             << step.acts_at << " removes " << step.victim;
}

// What was dispatched, as anybody can see.
struct Fact {
  bool token = false;
  bool large = false;
};

// The reference for one joiner: what it must see next, by what it has seen.
class Watcher {
 public:
  Watcher(const std::vector<Fact>& facts, std::size_t ring_events, const Step& join)
      : facts_(facts), ring_events_(ring_events), join_(join) {
    const std::uint64_t newest = facts.size();
    switch (join.replay.from) {
      case Replay::From::kLast:
        next_ = join.replay.value >= newest ? 1 : newest + 1 - join.replay.value;
        break;
      case Replay::From::kSequence:
        next_ = join.replay.value;
        break;
      default:
        next_ = newest + 1;
        expect_latest();
        break;
    }
  }

  void see(std::uint64_t sequence) {
    ++events_;
    replayed_ += waiting_ ? 1 : 0;
    require(active_, "called after it has left");
    if (!latest_.empty()) {
      require(sequence == latest_.front(), "not the latest of a type, or out of order");
      latest_.pop_front();
      return;
    }
    pass_to(sequence);
    require(sequence <= facts_.size() && wants(sequence), "an event that it did not ask for");
    next_ = sequence + 1;
  }

  void hear(const Gap& gap) {
    ++gaps_;
    require(active_, "told after it has left");
    require(waiting_, "a gap while it is live");
    require(gap.newest == facts_.size(), "newest is not");
    if (!latest_.empty() && gap.requested == latest_.front()) {
      require(facts_[gap.requested - 1].large, "the latest of a type was there");
      latest_.pop_front();
      return;
    }
    pass_to(gap.requested);
    const std::uint64_t gone = facts_.size() > ring_events_ ? facts_.size() - ring_events_ : 0;
    const bool left = gap.requested <= gone && gap.oldest == gone + 1;
    const bool large = gap.requested > gone && gap.oldest == gap.requested + 1 &&
                       facts_[gap.requested - 1].large && wants(gap.requested);
    require(left || large, "a gap where there is none");
    next_ = gap.oldest;
  }

  /// It is live, so it has seen everything there is.
  void expect_all_seen() {
    if (active_) {
      require(latest_.empty(), "the latest of a type is missing");
      pass_to(facts_.size() + 1);
    }
  }
  void go_live() { waiting_ = false; }
  void leave() { active_ = false; }

  [[nodiscard]] const Step& join() const { return join_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::uint64_t replayed() const { return replayed_; }
  [[nodiscard]] std::uint64_t gaps() const { return gaps_; }
  [[nodiscard]] std::uint64_t calls() const { return events_ + gaps_; }
  [[nodiscard]] bool active() const { return active_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }
  void require(bool holds, const char* what) {
    if (!holds && failure_.empty()) {
      failure_ = what;
    }
  }

 private:
  [[nodiscard]] bool wants(std::uint64_t sequence) const {
    return !join_.tokens_only || facts_[sequence - 1].token;
  }
  // Nothing that it wants lies between.
  void pass_to(std::uint64_t sequence) {
    require(sequence >= next_, "twice");
    for (; next_ < sequence && next_ <= facts_.size(); ++next_) {
      require(!wants(next_), "missed and not told");
    }
  }
  void expect_latest() {
    std::optional<std::uint64_t> token;
    std::optional<std::uint64_t> info;
    for (std::uint64_t sequence = 1; sequence <= facts_.size(); ++sequence) {
      (facts_[sequence - 1].token ? token : info) = sequence;
    }
    if (join_.tokens_only) {
      info.reset();
    }
    if (info && (!token || *info < *token)) {
      latest_.push_back(*std::exchange(info, std::nullopt));
    }
    for (const auto& each : {token, info}) {
      if (each) {
        latest_.push_back(*each);
      }
    }
  }

  const std::vector<Fact>& facts_;
  const std::size_t ring_events_;
  const Step join_;
  std::uint64_t next_ = 1;
  std::deque<std::uint64_t> latest_;
  std::uint64_t events_ = 0;
  std::uint64_t replayed_ = 0;
  std::uint64_t gaps_ = 0;
  bool active_ = true;
  bool waiting_ = true;
  std::string failure_;
};

// Ring, desk and table, without a dispatcher.
class Rig {
 public:
  explicit Rig(std::size_t ring_events)
      : ring_events_(ring_events),
        guard_(on_error_),
        table_(guard_),
        ring_(ring_events, kMaxBlockBytes),
        desk_(ring_, table_, guard_) {
    table_.activate(kToken.index());
    table_.activate(kInfo.index());
  }

  void take(const Step& step) {
    switch (step.kind) {
      case Step::Kind::kDispatch:
        dispatch(step.count);
        break;
      case Step::Kind::kServe:
        serve(step.count);
        break;
      case Step::Kind::kJoin:
        join(step);
        break;
      case Step::Kind::kLeave:
        remove(step.count);
        break;
    }
    table_.sweep();
    note_live();
  }

  /// All joiners go live, then one event more comes: empty if every one saw what it should.
  std::string finish() {
    for (std::uint64_t rounds = 0; !desk_.empty(); ++rounds) {
      if (rounds > 10'000) {
        return "a joiner never goes live";
      }
      serve(3);
      note_live();
    }
    dispatch(2);
    return verdict();
  }

 private:
  struct Joiner {
    std::shared_ptr<Attachment> attachment;
    std::unique_ptr<Watcher> watcher;
  };

  // Every third event is an info, every fifth has a payload too large for the ring.
  Event make_event() {
    const std::uint64_t sequence = facts_.size() + 1;
    const Fact fact{.token = sequence % 3 != 0, .large = sequence % 5 == 0};
    detail::EventSlot slot{};
    EXPECT_TRUE(detail::store_text(slot, std::string(fact.large ? 100 : 4, 'x'),
                                   std::pmr::new_delete_resource()));
    slot.type_entry = fact.token ? kToken.index() : kInfo.index();
    slot.sequence = sequence;
    facts_.push_back(fact);
    return EventAccess::adopt(slot);
  }

  // As Delivery does it: one run.
  void dispatch(std::uint64_t count) {
    std::vector<Event> run;
    for (std::uint64_t i = 0; i < count; ++i) {
      run.push_back(make_event());
      table_.deliver(run.back());
    }
    table_.deliver_batch(run);
    ring_.append(run);
  }

  void serve(std::uint64_t looks) {
    while (looks != 0 && !desk_.empty()) {
      const std::uint64_t before = looks;
      const std::uint64_t served = desk_.served();
      const std::uint64_t calls = desk_.deliveries();
      desk_.serve_first(looks);
      fail_unless(looks < before || desk_.served() > served, "a turn that moves nothing on");
      fail_unless(looks <= before && desk_.deliveries() <= calls + 1, "more than one event a turn");
    }
  }

  void join(const Step& step) {
    Step legal = step;
    if (step.replay.from == Replay::From::kSequence) {
      legal.replay.value = 1 + step.replay.value % (facts_.size() + 1);
    }
    const std::size_t index = joiners_.size();
    joiners_.push_back({nullptr, std::make_unique<Watcher>(facts_, ring_events_, legal)});
    SubscribeOptions options;
    options.replay = legal.replay;
    options.on_notice = [this, index](const Notice& notice) {
      joiners_[index].watcher->hear(std::get<Gap>(notice));
      act(index);
    };
    const auto see = [this, index](const Event& event) {
      joiners_[index].watcher->see(event.sequence());
      act(index);
    };
    const auto see_all = [see](std::span<const Event> events) {
      for (const Event& event : events) {
        see(event);
      }
    };
    joiners_[index].attachment = std::make_shared<Attachment>(
        index, Filter{.types = step.tokens_only ? TypeMask(kToken) : kToken | kInfo},
        step.batch ? detail::Callback::of_batch(see_all) : detail::Callback::of_event(see),
        std::move(options));
    joiners_[index].attachment->attached = joiners_[index].attachment;
    desk_.join(*joiners_[index].attachment);
  }

  void act(std::size_t index) {
    const Step& join = joiners_[index].watcher->join();
    const bool is_self = join.victim % joiners_.size() == index;
    if (joiners_[index].watcher->calls() == join.acts_at && !(is_self && join.batch)) {
      remove(join.victim);  // but not oneself in the middle of a batch, which goes on to its end
    }
  }

  void remove(std::uint64_t which) {
    if (joiners_.empty()) {
      return;
    }
    Joiner& gone = joiners_[which % joiners_.size()];
    if (gone.watcher->active()) {
      gone.watcher->leave();
      if (!desk_.leave(*gone.attachment)) {
        table_.detach(*gone.attachment);
      }
      gone.attachment->attached.reset();
    }
  }

  void note_live() {
    for (Joiner& joiner : joiners_) {
      if (!joiner.attachment->late->waiting) {
        joiner.watcher->go_live();
        joiner.watcher->expect_all_seen();
      }
    }
  }

  std::string verdict() {
    note_live();
    std::uint64_t events = 0;
    for (const Joiner& joiner : joiners_) {
      const Watcher& watcher = *joiner.watcher;
      const SubscriptionStats stats = table_.stats(*joiner.attachment, 0);
      fail_unless(watcher.failure().empty(), watcher.failure().c_str());
      fail_unless(stats.offered == watcher.events(), "offered is not what was shown");
      fail_unless(stats.replayed == watcher.replayed(), "replayed is not what was shown");
      fail_unless(stats.gaps == watcher.gaps(), "gaps are not those that were told");
      events += watcher.events();
    }
    fail_unless(table_.deliveries() + desk_.deliveries() == events, "deliveries do not add up");
    fail_unless(desk_.served() == joiners_.size(), "a joiner has no ticket");
    table_.clear();
    return failure_;
  }
  void fail_unless(bool holds, const char* what) {
    if (!holds && failure_.empty()) {
      failure_ = what;
    }
  }

  const std::size_t ring_events_;
  const std::function<void(const CallbackError&)> on_error_;
  CallbackGuard guard_;
  SubscriberTable table_;
  ReplayRing ring_;
  ReplayDesk desk_;
  std::vector<Fact> facts_;
  std::deque<Joiner> joiners_;
  std::string failure_;
};

std::string play(const std::vector<Step>& steps, std::size_t ring_events) {
  Rig rig(ring_events);
  for (const Step& step : steps) {
    rig.take(step);
  }
  return rig.finish();
}

using Kind = Step::Kind;

// All schedules of five of these steps, after two events, on the smallest rings.
TEST(ReplayDesk, HandsOverInEverySmallSchedule) {
  const std::vector<Step> alphabet{
      {.kind = Kind::kDispatch, .count = 1},
      {.kind = Kind::kDispatch, .count = 3},
      {.kind = Kind::kServe, .count = 1},
      {.kind = Kind::kServe, .count = 2},
      {.kind = Kind::kJoin, .replay = last(2)},
      {.kind = Kind::kJoin, .replay = from_sequence(1), .tokens_only = true, .batch = true},
      {.kind = Kind::kJoin, .replay = latest_per_type()},
      {.kind = Kind::kLeave, .count = 0},
  };
  constexpr std::size_t kSteps = 5;
  std::size_t schedules = 1;
  for (std::size_t i = 0; i < kSteps; ++i) {
    schedules *= alphabet.size();
  }
  for (const std::size_t ring_events : {1U, 3U}) {
    for (std::size_t schedule = 0; schedule < schedules; ++schedule) {
      std::vector<Step> steps{{.kind = Kind::kDispatch, .count = 2}};
      for (std::size_t rest = schedule; steps.size() <= kSteps; rest /= alphabet.size()) {
        steps.push_back(alphabet[rest % alphabet.size()]);
      }
      const std::string failure = play(steps, ring_events);
      ASSERT_EQ(failure, "") << ring_events << ": " << testing::PrintToString(steps);
    }
  }
}

rc::Gen<Replay> any_replay() {
  return rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 3), rc::gen::inRange<std::uint64_t>(1, 30)),
                      [](const std::pair<int, std::uint64_t>& drawn) {
                        return drawn.first == 0   ? last(drawn.second)
                               : drawn.first == 1 ? from_sequence(drawn.second)
                                                  : latest_per_type();
                      });
}

rc::Gen<Step> any_step() {
  return rc::gen::build<Step>(
      rc::gen::set(
          &Step::kind,
          rc::gen::weightedElement<Kind>(
              {{4, Kind::kDispatch}, {4, Kind::kServe}, {3, Kind::kJoin}, {1, Kind::kLeave}})),
      rc::gen::set(&Step::count, rc::gen::inRange<std::uint64_t>(1, 9)),
      rc::gen::set(&Step::replay, any_replay()), rc::gen::set(&Step::tokens_only),
      rc::gen::set(&Step::batch),
      rc::gen::set(&Step::acts_at, rc::gen::inRange<std::uint64_t>(0, 5)),
      rc::gen::set(&Step::victim, rc::gen::inRange<std::uint64_t>(0, 9)));
}

// Long ones, in which joiners remove each other from their callbacks.
RC_GTEST_PROP(ReplayDesk, HandsOverInAnySchedule, ()) {
  const auto steps = *rc::gen::container<std::vector<Step>>(any_step());
  const auto ring_events = *rc::gen::inRange<std::size_t>(1, 20);
  RC_ASSERT(play(steps, ring_events).empty());
}

TEST(ReplayDesk, HandsOverInAThousandLongSchedules) {
  rc::Random random(7);
  for (int schedule = 0; schedule < 1'000; ++schedule) {
    const rc::Random drawn = random.split();
    const std::vector<Step> steps =
        rc::gen::container<std::vector<Step>>(60, any_step())(drawn, 100).value();
    const std::size_t ring_events = 1 + static_cast<std::size_t>(schedule) % 17;
    ASSERT_EQ(play(steps, ring_events), "") << ring_events << ": " << testing::PrintToString(steps);
  }
}

// Joiners beside nothing else.
class ReplayDeskTest : public testing::Test {
 protected:
  static constexpr std::size_t kRingEvents = 1'000;

  ReplayDeskTest() { table_.activate(kToken.index()); }

  void dispatch(std::size_t events) {
    for (std::size_t i = 0; i < events; ++i) {
      detail::EventSlot slot{};
      ASSERT_TRUE(detail::store_text(slot, "text", nullptr));
      slot.type_entry = kToken.index();
      slot.sequence = ring_.newest() + 1;
      const Event event = EventAccess::adopt(slot);
      table_.deliver(event);
      ring_.append({&event, 1});
    }
  }
  std::shared_ptr<Attachment> join(std::size_t& calls, Filter filter = {.types = kToken}) {
    SubscribeOptions options;
    options.replay = last(kRingEvents);
    auto joiner = std::make_shared<Attachment>(
        1, filter, detail::Callback::of_event([&calls](const Event&) { ++calls; }),
        std::move(options));
    joiner->attached = joiner;
    desk_.join(*joiner);
    return joiner;
  }
  void serve_round() {
    for (std::uint64_t looks = desk_.begin_round(); looks != 0 && !desk_.empty();) {
      desk_.serve_first(looks);
    }
  }

  const std::function<void(const CallbackError&)> on_error_;
  CallbackGuard guard_{on_error_};
  SubscriberTable table_{guard_};
  ReplayRing ring_{kRingEvents, 0};
  ReplayDesk desk_{ring_, table_, guard_};
};

TEST_F(ReplayDeskTest, ServesTheFirstUntilItIsLive) {
  dispatch(kRingEvents);
  std::size_t first_calls = 0;
  std::size_t second_calls = 0;
  const auto first = join(first_calls);
  const auto second = join(second_calls);
  for (int round = 0; round < 3; ++round) {
    serve_round();
  }
  EXPECT_EQ(first_calls, 3 * ReplayDesk::kFreeLooks);
  EXPECT_EQ(second_calls, 0U);
  serve_round();
  EXPECT_EQ(first_calls, kRingEvents);
  EXPECT_EQ(desk_.served(), 1U);
  EXPECT_EQ(second_calls, 4 * ReplayDesk::kFreeLooks - kRingEvents);
  desk_.clear();
  EXPECT_TRUE(desk_.empty());
  table_.clear();
}

// However much is dispatched in each round, with twice as many looks the distance halves.
TEST_F(ReplayDeskTest, CatchesUpWithWhatIsDispatchedMeanwhile) {
  dispatch(kRingEvents - 100);
  std::size_t calls = 0;
  const auto joiner = join(calls);
  std::size_t rounds = 0;
  for (; !desk_.empty(); ++rounds) {
    ASSERT_LT(rounds, 20U);
    dispatch(100);
    serve_round();
  }
  EXPECT_EQ(calls, kRingEvents - 100 + rounds * 100);
  EXPECT_EQ(joiner->late->gaps, 0U);
  table_.clear();
}

TEST_F(ReplayDeskTest, LooksAreBoundedWhereNothingMatches) {
  dispatch(kRingEvents);
  std::size_t calls = 0;
  const auto joiner = join(calls, {.types = kInfo});
  std::uint64_t looks = kRingEvents - 1;
  desk_.serve_first(looks);
  EXPECT_EQ(looks, 0U);
  EXPECT_FALSE(desk_.empty()) << "one is left";
  looks = 2;
  desk_.serve_first(looks);
  EXPECT_TRUE(desk_.empty());
  EXPECT_EQ(looks, 1U);
  EXPECT_EQ(calls, 0U);
  table_.clear();
}

TEST_F(ReplayDeskTest, AFreshRoundOwesNothingForWhatWasBeforeTheJoiner) {
  dispatch(500);
  std::size_t calls = 0;
  const auto joiner = join(calls);
  EXPECT_EQ(desk_.begin_round(), ReplayDesk::kFreeLooks);
  dispatch(10);
  EXPECT_EQ(desk_.begin_round(), ReplayDesk::kFreeLooks + 20);
  EXPECT_TRUE(desk_.leave(*joiner));
  EXPECT_FALSE(desk_.leave(*joiner));
  EXPECT_TRUE(desk_.empty());
  joiner->attached.reset();
}

}  // namespace
}  // namespace herald::core
