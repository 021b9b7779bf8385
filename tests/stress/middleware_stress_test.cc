// Middleware under load: links that pass, drop, change, emit, hold and resume come and go while
// events flow.
//
// Forbidden: an event lost or made up: what was accepted and emitted is dispatched, dropped or
// held, and the bus and the middleware count alike; an event that nobody may drop lost, repeated or
// reordered; a gap in the sequence; a call after a removal has returned.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "herald/herald.h"
#include "support/stamp.h"
#include "support/stress_run.h"

namespace herald::stress {
namespace {

using namespace std::chrono_literals;

// What the links did, by their own account.
struct Deeds {
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> emitted{0};
  std::atomic<std::uint64_t> calls_of_the_dead{0};
};

void count(std::atomic<std::uint64_t>& deed, std::uint64_t times = 1) {
  deed.fetch_add(times, std::memory_order_relaxed);
}

// A link that does something else with each event. It may drop, hold and change only noise.
class Mischief {
 public:
  Mischief(Deeds& deeds, const std::atomic<bool>& removed, Random random)
      : state_(std::make_unique<State>(deeds, removed, random)) {}

  Verdict operator()(Event& event, Emitter& emitter) {
    State& state = *state_;
    check_alive();
    if (event.is(kToken)) {
      return Verdict::kPass;  // emitted by a link before
    }
    if (state.random.one_in(4)) {
      emit(emitter);
    }
    resume_some(emitter);
    if (!event.is(kMetrics)) {
      return Verdict::kPass;
    }
    switch (state.random.below(4)) {
      case 0:
        count(state.deeds.dropped);
        return Verdict::kDrop;
      case 1:
        hold(event, emitter);
        return Verdict::kHold;
      case 2:
        event.set_stream(state.random.next());
        return Verdict::kPass;
      default:
        return Verdict::kPass;
    }
  }

  void on_deadline(Emitter& emitter) {
    check_alive();
    while (!state_->held.empty() && emitter.resume(std::move(state_->held.back()))) {
      state_->held.pop_back();
    }
    if (!state_->held.empty()) {
      emitter.wake_at(std::chrono::steady_clock::now());
    }
  }

 private:
  struct State {
    State(Deeds& d, const std::atomic<bool>& r, Random own) : deeds(d), removed(r), random(own) {}
    ~State() { count(deeds.dropped, held.size()); }  // what it holds when it goes is dropped

    Deeds& deeds;
    const std::atomic<bool>& removed;
    Random random;
    std::vector<Event> held;
  };

  void check_alive() {
    count(state_->deeds.calls_of_the_dead,
          state_->removed.load(std::memory_order_relaxed) ? 1U : 0U);
  }

  void emit(Emitter& emitter) {
    const bool emitted = state_->random.one_in(2) ? emitter.emit_before(kToken, "emitted before")
                                                  : emitter.emit_after(kToken, "emitted after");
    count(state_->deeds.emitted, emitted ? 1U : 0U);
  }

  void resume_some(Emitter& emitter) {
    for (std::uint64_t i = state_->random.below(3); i != 0 && !state_->held.empty(); --i) {
      if (emitter.resume(std::move(state_->held.back()))) {
        state_->held.pop_back();
      }
    }
  }

  void hold(Event& event, Emitter& emitter) {
    state_->held.push_back(std::move(event));
    emitter.wake_at(std::chrono::steady_clock::now() +
                    std::chrono::microseconds(state_->random.below(500)));
  }

  std::unique_ptr<State> state_;
};

class MiddlewareStress : public Test {
 protected:
  static constexpr std::size_t kPublishers = 2;
  static constexpr std::size_t kChurners = 3;

  void SetUp() override {
    bus_ = Bus::create({.wait = WaitStrategy::kPark, .batch_events = 32}).value();
    type_ = bus_->define<Stamp>("stamp").value();
    constexpr int kFirst = std::numeric_limits<int>::min();
    permanent_.push_back(bus_->use({.types = *type_},
                                   [this](Event& event, Emitter&) {
                                     before_.receive(*event.get<Stamp>());
                                     return Verdict::kPass;
                                   },
                                   {.priority = kFirst})
                             .value());
    permanent_.push_back(bus_->subscribe(*type_, [this](const Stamp& stamp,
                                                        const Event&) { behind_.receive(stamp); })
                             .value());
    permanent_.push_back(bus_->subscribe({.types = TypeMask::all()},
                                         [this](const Event& event) {
                                           gaps_ += event.sequence() != ++sequence_ ? 1U : 0U;
                                         })
                             .value());
    permanent_.push_back(bus_->subscribe_batch({.types = TypeMask::all()},
                                               [this](std::span<const Event> events) {
                                                 in_batches_ += events.size();
                                               })
                             .value());
  }

  void come_and_go(Random random) {
    while (!finished_.load(std::memory_order_acquire)) {
      std::atomic<bool> removed{false};
      Subscription link =
          bus_->use({.types = random.one_in(3) ? TypeMask(kMetrics) : TypeMask::all()},
                    Mischief(deeds_, removed, Random(random.next())),
                    {.priority = static_cast<int>(random.below(5))})
              .value();
      dawdle(random, 20'000);
      link.unsubscribe();
      removed.store(true, std::memory_order_relaxed);
      changes_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  // Stamps, which nobody may drop, and noise.
  std::uint64_t publish(std::size_t id, std::uint64_t attempts) {
    Random random = this->random(id);
    Publisher noise = bus_->publisher({.capacity_events = 16}).value();
    StampPublisher stamps(bus_->publisher({.capacity_events = 64}).value(), *type_, id, random);
    while (stamps.answers().attempts < attempts) {
      stamps.step();
      for (std::uint64_t i = random.below(20); i != 0; --i) {
        EXPECT_EQ(noise.publish(kMetrics, Metrics{}), PublishResult::kAccepted);
      }
      watchdog_.progress();
    }
    return stamps.answers().accepted;
  }

  Deeds deeds_;
  StampCheck before_{kPublishers};
  StampCheck behind_{kPublishers};
  std::uint64_t sequence_ = 0;
  std::uint64_t gaps_ = 0;
  std::uint64_t in_batches_ = 0;
  std::atomic<bool> finished_{false};
  std::atomic<std::uint64_t> changes_{0};
  Watchdog watchdog_;
  std::optional<Bus> bus_;
  std::optional<EventType<Stamp>> type_;
  std::vector<Subscription> permanent_;
};

TEST_F(MiddlewareStress, CountsAndOrderHold) {
  std::array<std::uint64_t, kPublishers> accepted{};
  {
    std::vector<std::jthread> churners;
    for (std::size_t i = 0; i < kChurners; ++i) {
      churners.emplace_back([this, i] { come_and_go(random(10 + i)); });
    }
    {
      std::vector<std::jthread> publishers;
      for (std::size_t id = 0; id < kPublishers; ++id) {
        publishers.emplace_back(
            [&, id] { accepted[id] = publish(id, rounds(200'000, 20'000'000)); });
      }
    }
    finished_.store(true, std::memory_order_release);
  }
  ASSERT_TRUE(bus_->flush(60s).ok());
  before_.expect_flawless();
  behind_.expect_flawless();
  for (std::size_t id = 0; id < kPublishers; ++id) {
    EXPECT_EQ(before_.received(id), accepted[id]);
    EXPECT_EQ(behind_.received(id), accepted[id]);
  }
  const BusStats stats = bus_->stats();
  EXPECT_TRUE(stats.conserved());
  EXPECT_EQ(stats.dispatched, sequence_);
  EXPECT_EQ(stats.dispatched, in_batches_);
  EXPECT_EQ(gaps_, 0U) << "FORBIDDEN: a gap in the sequence";
  EXPECT_EQ(stats.held, 0U);
  EXPECT_EQ(stats.emitted, deeds_.emitted.load(std::memory_order_relaxed));
  EXPECT_EQ(stats.middleware_dropped, deeds_.dropped.load(std::memory_order_relaxed));
  EXPECT_EQ(deeds_.calls_of_the_dead.load(std::memory_order_relaxed), 0U);
  EXPECT_GT(changes_.load(std::memory_order_relaxed), 0U);
}

}  // namespace
}  // namespace herald::stress
