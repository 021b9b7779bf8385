// Who gets which event, in which order.
#include "core/fan_out/subscriber_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using support::make_publisher;
using support::manual_bus;
using support::publish_tokens;
using support::Texts;
using testing::ElementsAre;
using testing::IsEmpty;

// Notes who was called, in order.
class Calls {
 public:
  auto of(std::string who) {
    return [this, who = std::move(who)](const Event&) { calls_.push_back(who); };
  }
  Texts take() { return std::exchange(calls_, {}); }

 private:
  Texts calls_;
};

void publish_and_pump(Bus& bus, StreamId stream = 0) {
  ASSERT_EQ(bus.publish(kToken, "text", {.stream = stream}), PublishResult::kAccepted);
  bus.pump();
}

TEST(SubscriberTable, TypesSelect) {
  Bus bus = manual_bus();
  Calls calls;
  auto tokens = bus.subscribe({.types = kToken}, calls.of("tokens")).value();
  auto ends = bus.subscribe({.types = kComplete | kError}, calls.of("ends")).value();
  auto all = bus.subscribe({.types = TypeMask::all()}, calls.of("all")).value();
  ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  bus.pump();
  EXPECT_THAT(calls.take(), ElementsAre("tokens", "all"));
  ASSERT_EQ(bus.publish(kError, {"", "", false}), PublishResult::kAccepted);
  bus.pump();
  EXPECT_THAT(calls.take(), ElementsAre("ends", "all"));
  ASSERT_EQ(bus.publish(kMetrics, {}), PublishResult::kAccepted);
  bus.pump();
  EXPECT_THAT(calls.take(), ElementsAre("all"));
}

TEST(SubscriberTable, StreamsSelect) {
  Bus bus = manual_bus();
  Calls calls;
  auto seven = bus.subscribe({.types = kToken, .stream = 7}, calls.of("7")).value();
  auto zero = bus.subscribe({.types = kToken, .stream = 0}, calls.of("0")).value();
  auto greatest = bus.subscribe({.types = kToken, .stream = UINT64_MAX}, calls.of("max")).value();
  auto other_type = bus.subscribe({.types = kInfo, .stream = 7}, calls.of("info")).value();
  publish_and_pump(bus, 7);
  EXPECT_THAT(calls.take(), ElementsAre("7"));
  publish_and_pump(bus, 0);
  EXPECT_THAT(calls.take(), ElementsAre("0"));
  publish_and_pump(bus, UINT64_MAX);
  EXPECT_THAT(calls.take(), ElementsAre("max"));
  publish_and_pump(bus, 8);
  EXPECT_THAT(calls.take(), IsEmpty());
}

TEST(SubscriberTable, CallsInOrderOfSubscriptionThenThoseOfTheStreamThenBatches) {
  Bus bus = manual_bus();
  Calls calls;
  auto batch =
      bus.subscribe_batch({.types = kToken},
                          [&](std::span<const Event> events) { calls.of("batch")(events[0]); })
          .value();
  auto stream_one = bus.subscribe({.types = kToken, .stream = 7}, calls.of("stream 1")).value();
  auto one = bus.subscribe({.types = kToken}, calls.of("1")).value();
  auto stream_two = bus.subscribe({.types = kToken, .stream = 7}, calls.of("stream 2")).value();
  auto two = bus.subscribe({.types = TypeMask::all()}, calls.of("2")).value();
  auto three =
      bus.subscribe(kToken, [&](std::string_view, const Event& e) { calls.of("3")(e); }).value();
  publish_and_pump(bus, 7);
  EXPECT_THAT(calls.take(), ElementsAre("1", "2", "3", "stream 1", "stream 2", "batch"));
}

TEST(SubscriberTable, OrderSurvivesRemovals) {
  Bus bus = manual_bus();
  Calls calls;
  std::map<int, Subscription> subscriptions;
  for (int i = 0; i < 100; ++i) {
    subscriptions[i] = bus.subscribe({.types = kToken}, calls.of(std::to_string(i))).value();
  }
  std::mt19937 random(1);
  while (!subscriptions.empty()) {
    publish_and_pump(bus);
    Texts expected;
    for (const auto& [i, subscription] : subscriptions) {
      expected.push_back(std::to_string(i));
    }
    ASSERT_EQ(calls.take(), expected);
    subscriptions.erase(std::next(subscriptions.begin(),
                                  static_cast<std::ptrdiff_t>(random() % subscriptions.size())));
  }
  publish_and_pump(bus);
  EXPECT_THAT(calls.take(), IsEmpty());
}

TEST(SubscriberTable, OneCallableMaySubscribeTwice) {
  Bus bus = manual_bus();
  Calls calls;
  const auto callable = calls.of("x");
  auto one = bus.subscribe({.types = kToken}, callable).value();
  auto two = bus.subscribe({.types = kToken}, callable).value();
  publish_and_pump(bus);
  EXPECT_THAT(calls.take(), ElementsAre("x", "x"));
}

TEST(SubscriberTable, AnEmptyFilterIsRefused) {
  Bus bus = manual_bus();
  for (const absl::Status& status :
       {bus.subscribe({}, [](const Event&) {}).status(),
        bus.subscribe(Filter{.types = {}, .stream = 7}, [](const Event&) {}).status(),
        bus.subscribe_batch({}, [](std::span<const Event>) {}).status()}) {
    support::expect_invalid(status, {"subscribe", "Filter::types", "empty", "TypeMask::all()"});
  }
  support::expect_invalid(bus.use({}, [](Event&, Emitter&) { return Verdict::kPass; }).status(),
                          {"use", "Filter::types", "empty"});
}

TEST(SubscriberTable, AfterCloseThereAreNoNewSubscribers) {
  Bus bus = manual_bus();
  bus.close();
  for (const absl::Status& status :
       {bus.subscribe({.types = kToken}, [](const Event&) {}).status(),
        bus.subscribe(kToken, [](std::string_view, const Event&) {}).status(),
        bus.subscribe_batch({.types = kToken}, [](std::span<const Event>) {}).status(),
        bus.use({.types = kToken}, [](Event&, Emitter&) { return Verdict::kPass; }).status()}) {
    support::expect_refused(status, absl::StatusCode::kFailedPrecondition, {"closed"});
  }
}

// Batches.

TEST(SubscriberTable, BatchesAreContiguousAndWhole) {
  Bus bus = manual_bus({.batch_events = 100});
  Publisher publisher = make_publisher(bus);
  std::vector<std::size_t> sizes;
  std::vector<std::uint64_t> sequences;
  auto batch = bus.subscribe_batch({.types = kToken},
                                   [&](std::span<const Event> events) {
                                     sizes.push_back(events.size());
                                     for (const Event& event : events) {
                                       sequences.push_back(event.sequence());
                                     }
                                   })
                   .value();
  for (int i = 0; i < 250; ++i) {
    publish_tokens(publisher, {"text"});
  }
  bus.pump();
  EXPECT_THAT(sizes, ElementsAre(100, 100, 50));
  std::vector<std::uint64_t> expected(250);
  std::iota(expected.begin(), expected.end(), 1);
  EXPECT_EQ(sequences, expected);
}

TEST(SubscriberTable, BatchesComeAfterTheSinglesHaveHadTheWholeBatch) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  Texts seen;
  auto batch = bus.subscribe_batch({.types = kToken},
                                   [&](std::span<const Event> events) {
                                     seen.push_back("batch of " + std::to_string(events.size()));
                                   })
                   .value();
  auto single = bus.subscribe({.types = kToken}, support::collect(seen)).value();
  publish_tokens(publisher, {"a", "b"});
  bus.pump();
  EXPECT_THAT(seen, ElementsAre("a", "b", "batch of 2"));
}

TEST(SubscriberTable, OtherTypesCutABatchIntoRuns) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  Texts runs;
  const auto collect_runs = [&runs](std::span<const Event> events) {
    std::string run;
    for (const Event& event : events) {
      run += event.is(kToken) ? event.text() : event.is(kInfo) ? "!" : "?";
    }
    runs.push_back(run);
  };
  auto tokens = bus.subscribe_batch({.types = kToken}, collect_runs).value();
  auto both = bus.subscribe_batch({.types = kToken | kInfo}, collect_runs).value();
  publish_tokens(publisher, {"a", "b"});
  ASSERT_EQ(publisher.publish(kInfo, "x"), PublishResult::kAccepted);
  publish_tokens(publisher, {"c"});
  ASSERT_EQ(publisher.publish(kMetrics, {}), PublishResult::kAccepted);
  ASSERT_EQ(publisher.publish(kMetrics, {}), PublishResult::kAccepted);
  publish_tokens(publisher, {"d"});
  bus.pump();
  EXPECT_THAT(runs, ElementsAre("ab", "c", "d", "ab!c", "d"));
}

TEST(SubscriberTable, ABatchSubscriberOfAStreamGetsItsEventsOnly) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  Texts seen;
  auto batch = bus.subscribe_batch({.types = kToken, .stream = 7},
                                   [&](std::span<const Event> events) {
                                     ASSERT_FALSE(events.empty());
                                     for (const Event& event : events) {
                                       EXPECT_EQ(event.stream(), 7u);
                                       seen.emplace_back(event.text());
                                     }
                                   })
                   .value();
  publish_tokens(publisher, {"a"}, {.stream = 7});
  publish_tokens(publisher, {"b"}, {.stream = 8});
  publish_tokens(publisher, {"c", "d"}, {.stream = 7});
  bus.pump();
  EXPECT_THAT(seen, ElementsAre("a", "c", "d"));
  EXPECT_EQ(batch.stats().delivered, 3u);
}

TEST(SubscriberTable, BatchesHoldWhatMiddlewareMade) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  auto guard = bus.use({.types = kInfo},
                       [](Event&, Emitter& emitter) {
                         EXPECT_TRUE(emitter.emit_after(kToken, "made"));
                         return Verdict::kDrop;
                       })
                   .value();
  Texts seen;
  std::uint64_t last = 0;
  auto batch = bus.subscribe_batch({.types = kToken},
                                   [&](std::span<const Event> events) {
                                     for (const Event& event : events) {
                                       EXPECT_EQ(event.sequence(), ++last);
                                       seen.emplace_back(event.text());
                                     }
                                   })
                   .value();
  publish_tokens(publisher, {"a", "b"});
  ASSERT_EQ(publisher.publish(kInfo, "x"), PublishResult::kAccepted);
  ASSERT_EQ(publisher.publish(kInfo, "x"), PublishResult::kAccepted);
  publish_tokens(publisher, {"c"});
  bus.pump();
  EXPECT_THAT(seen, ElementsAre("a", "b", "made", "made", "c"));
}

// Numbers.

TEST(SubscriberTable, CountsWhatEachWasOffered) {
  Bus bus = manual_bus();
  Publisher publisher = make_publisher(bus);
  publish_tokens(publisher, {"before"});
  bus.pump();
  const auto ignore = [](const Event&) {};
  auto early = bus.subscribe({.types = kToken}, ignore, {.name = "early"}).value();
  publish_tokens(publisher, {"a", "b"});
  bus.pump();
  auto late = bus.subscribe({.types = kToken | kInfo}, ignore, {.name = "late"}).value();
  publish_tokens(publisher, {"c"});
  ASSERT_EQ(publisher.publish(kInfo, "d"), PublishResult::kAccepted);
  bus.pump();
  const std::vector<SubscriptionStats> rows = bus.stats().subscriptions;
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "early");
  EXPECT_EQ(rows[0].offered, 3u);
  EXPECT_EQ(rows[0].delivered, 3u);
  EXPECT_EQ(rows[1].name, "late");
  EXPECT_EQ(rows[1].offered, 2u);
  EXPECT_EQ(rows[1].delivered, 2u);
  EXPECT_LT(rows[0].id, rows[1].id);
  EXPECT_EQ(bus.stats().deliveries, 5u);
}

TEST(SubscriberTable, DeliveriesOfThoseWhoHaveLeftStayCounted) {
  Bus bus = manual_bus();
  std::size_t calls = 0;
  for (int i = 0; i < 50; ++i) {
    auto of_type = bus.subscribe({.types = kToken}, support::count_in(calls)).value();
    auto of_stream =
        bus.subscribe({.types = kToken, .stream = 7}, support::count_in(calls)).value();
    auto of_batch =
        bus.subscribe_batch({.types = kToken},
                            [&](std::span<const Event> events) { calls += events.size(); })
            .value();
    publish_and_pump(bus, 7);
  }
  EXPECT_EQ(calls, 150u);
  EXPECT_EQ(bus.stats().deliveries, 150u);
  EXPECT_TRUE(bus.stats().subscriptions.empty());
}

TEST(SubscriberTable, MemoryIsGivenBackByThoseWhoLeave) {
  Bus bus = manual_bus();
  const auto subscribe_many = [&] {
    std::vector<Subscription> subscriptions;
    for (StreamId stream = 1; stream <= 1'000; ++stream) {
      subscriptions.push_back(
          bus.subscribe({.types = kToken, .stream = stream}, [](const Event&) {}).value());
    }
    std::shuffle(subscriptions.begin(), subscriptions.end(), std::mt19937(1));
  };
  subscribe_many();
  const std::size_t after_one = bus.stats().table_bytes;
  for (int round = 0; round < 5; ++round) {
    subscribe_many();
  }
  EXPECT_LE(bus.stats().table_bytes, after_one);
}

TEST(SubscriberTable, TakesAtMost64BytesForEachSubscriberAndType) {
  Bus bus = manual_bus();
  publish_and_pump(bus, 0);  // the type is in use
  const std::size_t without = bus.stats().table_bytes;
  std::vector<Subscription> subscriptions;
  std::size_t most = 0;
  for (const std::size_t count : {100U, 1'000U, 9'217U, 65'537U, 100'000U}) {
    while (subscriptions.size() < count) {
      subscriptions.push_back(bus.subscribe({.types = kToken}, [](const Event&) {}).value());
    }
    most = std::max(most, (bus.stats().table_bytes - without + count - 1) / count);
  }
  EXPECT_LE(most, 64u);
}

// Everything at once, against a model that looks at every subscriber for every event.

struct Subscriber {
  int id;
  Filter filter;
  std::size_t calls = 0;
};
using Log = std::vector<std::pair<int, std::string>>;  // who was called with what

rc::Gen<Filter> any_filter() {
  return rc::gen::map(
      rc::gen::pair(rc::gen::inRange<std::uint64_t>(1, 8), rc::gen::inRange<StreamId>(0, 4)),
      [](const std::pair<std::uint64_t, StreamId>& chosen) {
        Filter filter{.types = TypeMask::from_bits(chosen.first)};
        if (chosen.second != 3) {
          filter.stream = chosen.second;
        }
        return filter;
      });
}

class TableAndModel {
 public:
  TableAndModel() {
    for (const char* name : {"a", "b", "c"}) {
      types_.push_back(bus_.define<Text>(name).value());
    }
  }

  void subscribe(Filter filter) {
    bus_.pump();
    const int id = next_id_++;
    filter.types = TypeMask::from_bits(filter.types.bits() << types_[0].index());
    subscribers_.push_back({id, filter});
    subscriptions_.push_back(bus_.subscribe(filter,
                                            [this, id](const Event& event) {
                                              got_.emplace_back(id, std::string(event.text()));
                                            })
                                 .value());
  }
  void unsubscribe(std::size_t which) {
    bus_.pump();
    if (!subscribers_.empty()) {
      const auto at = static_cast<std::ptrdiff_t>(which % subscribers_.size());
      const SubscriptionStats stats = subscriptions_[which % subscribers_.size()].stats();
      RC_ASSERT(stats.delivered == subscribers_[which % subscribers_.size()].calls);
      subscriptions_.erase(subscriptions_.begin() + at);
      subscribers_.erase(subscribers_.begin() + at);
    }
  }
  // Delivered later, together with those around it.
  void publish(std::size_t type, StreamId stream) {
    const std::string text = std::to_string(published_++);
    RC_ASSERT(bus_.publish(types_[type], text, {.stream = stream}) == PublishResult::kAccepted);
    for (const bool of_stream : {false, true}) {
      for (Subscriber& subscriber : subscribers_) {
        if (subscriber.filter.stream.has_value() == of_stream &&
            subscriber.filter.matches(types_[type].index(), stream)) {
          expected_.emplace_back(subscriber.id, text);
          ++subscriber.calls;
        }
      }
    }
  }
  void check() {
    bus_.pump();
    RC_ASSERT(got_ == expected_);
    const BusStats stats = bus_.stats();
    RC_ASSERT(stats.conserved());
    RC_ASSERT(stats.deliveries == expected_.size());
    RC_ASSERT(stats.subscriptions.size() == subscribers_.size());
    for (std::size_t i = 0; i < subscribers_.size(); ++i) {
      RC_ASSERT(stats.subscriptions[i].offered == subscribers_[i].calls);
    }
  }

 private:
  Bus bus_ = manual_bus();
  std::vector<EventType<Text>> types_;
  int next_id_ = 0;
  int published_ = 0;
  std::vector<Subscriber> subscribers_;
  Log expected_;
  Log got_;
  std::vector<Subscription> subscriptions_;
};

RC_GTEST_PROP(SubscriberTable, CallsWhomAModelCalls, ()) {
  TableAndModel both;
  const auto steps = *rc::gen::arbitrary<std::vector<std::uint32_t>>();
  for (const std::uint32_t step : steps) {
    switch (step % 4) {
      case 0:
      case 1:
        both.subscribe(*any_filter());
        break;
      case 2:
        both.unsubscribe(step / 4);
        break;
      default:
        both.publish(step / 4 % 3, step / 12 % 4);
    }
  }
  both.publish(0, 0);
  both.check();
}

// Also when most of the others have left meanwhile, and the groups were listed anew.
TEST(BatchGroups, OfOneTypeKeepTheOrderOfTheirFirstSubscription) {
  Bus bus = support::manual_bus();
  std::vector<std::size_t> calls;
  std::vector<Subscription> subscriptions;
  std::vector<std::size_t> expected;
  for (std::size_t i = 0; i < 200; ++i) {
    const TypeMask types = TypeMask(kToken) | TypeMask::from_bits(std::uint64_t{i} << 8U);
    subscriptions.push_back(
        bus.subscribe_batch({.types = types},
                            [&calls, i](std::span<const Event>) { calls.push_back(i); })
            .value());
  }
  for (std::size_t i = 0; i < subscriptions.size(); ++i) {
    if (i % 3 != 0) {
      subscriptions[i].unsubscribe();
    } else {
      expected.push_back(i);
    }
  }
  ASSERT_EQ(bus.publish(kToken, "a"), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(calls, expected);
}

// Batch subscribers stand in groups of equal filters; each event's types lead to their groups only.
TEST(BatchGroups, EachIsCalledOnceForARunOfSeveralTypes) {
  Bus bus = support::manual_bus();
  std::vector<EventType<int>> types;
  for (int i = 0; i < 8; ++i) {
    types.push_back(bus.define<int>("type." + std::to_string(i)).value());
  }
  struct Group {
    TypeMask types;
    std::vector<int> seen;
    std::size_t calls = 0;
    Subscription subscription;
  };
  std::deque<Group> groups;
  for (unsigned bits = 1; bits < 256; ++bits) {
    Group& group = groups.emplace_back();
    for (unsigned i = 0; i < 8; ++i) {
      group.types = ((bits >> i) & 1U) != 0 ? group.types | types[i] : group.types;
    }
    group.subscription = bus.subscribe_batch({.types = group.types},
                                             [&group](std::span<const Event> events) {
                                               ++group.calls;
                                               for (const Event& event : events) {
                                                 group.seen.push_back(*event.get<int>());
                                               }
                                             })
                             .value();
  }
  const auto publish_all = [&](std::initializer_list<unsigned> order) {
    for (const unsigned i : order) {
      ASSERT_EQ(bus.publish(types[i], static_cast<int>(i)), PublishResult::kAccepted);
    }
    bus.pump();
  };
  const auto expect_seen = [&](std::initializer_list<unsigned> order) {
    for (Group& group : groups) {
      std::vector<int> expected;
      for (const unsigned i : order) {
        if (group.subscription.active() && group.types.contains(types[i].index())) {
          expected.push_back(static_cast<int>(i));
        }
      }
      EXPECT_EQ(group.seen, expected);
      group.seen.clear();
    }
  };
  publish_all({3, 1, 4, 1, 5, 0, 2, 6});
  expect_seen({3, 1, 4, 1, 5, 0, 2, 6});
  EXPECT_EQ(groups.back().calls, 1u) << "it takes all of them: one span";
  // Most of them leave, in no order: the groups are listed anew.
  for (std::size_t i = 0; i < groups.size(); ++i) {
    Group& group = groups[i * 89 % groups.size()];
    if (i % 5 != 0) {
      group.subscription.unsubscribe();
    }
  }
  publish_all({7, 0, 7});
  expect_seen({7, 0, 7});
  EXPECT_TRUE(bus.stats().conserved());
}

}  // namespace
}  // namespace herald
