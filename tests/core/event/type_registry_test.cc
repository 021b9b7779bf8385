#include "core/event/type_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/buses.h"

namespace herald {
namespace {

using support::expect_invalid;
using support::expect_refused;
using support::kLong;
using support::make_publisher;
using support::manual_bus;
using support::thread_bus;
using testing::ElementsAre;

constexpr unsigned kFirstOwn = 5;  // behind the built-in ones
constexpr unsigned kMaxTypes = 64;

struct Collision {
  int a, b;
};

TEST(TypeRegistry, BuiltInTypesAreFoundByName) {
  const Bus bus = manual_bus();
  EXPECT_EQ(bus.find<Text>("token").value(), kToken);
  EXPECT_EQ(bus.find<Complete>("complete").value(), kComplete);
  EXPECT_EQ(bus.find<Error>("error").value(), kError);
  EXPECT_EQ(bus.find<Info>("info").value(), kInfo);
  EXPECT_EQ(bus.find<Metrics>("metrics").value(), kMetrics);
  EXPECT_EQ(bus.type_name(kMetrics), "metrics");
}

TEST(TypeRegistry, CompleteAndErrorAreTerminal) {
  const Bus bus = manual_bus();
  EXPECT_FALSE(bus.is_terminal(kToken.index()));
  EXPECT_TRUE(bus.is_terminal(kComplete.index()));
  EXPECT_TRUE(bus.is_terminal(kError.index()));
  EXPECT_FALSE(bus.is_terminal(kInfo.index()));
  EXPECT_FALSE(bus.is_terminal(kMetrics.index()));
}

TEST(TypeRegistry, DefinedTypesGetTheNextIndices) {
  Bus bus = manual_bus();
  const auto first = bus.define<Collision>("collision").value();
  const auto second = bus.define<Text>("chat.line", {.terminal = true}).value();
  EXPECT_EQ(first.index(), kFirstOwn);
  EXPECT_EQ(second.index(), kFirstOwn + 1);
  EXPECT_EQ(bus.type_name(first), "collision");
  EXPECT_EQ(bus.type_name(second.index()), "chat.line");
  EXPECT_FALSE(bus.is_terminal(first.index()));
  EXPECT_TRUE(bus.is_terminal(second.index()));
}

TEST(TypeRegistry, UnusedIndicesHaveNoName) {
  const Bus bus = manual_bus();
  for (const unsigned index : {kFirstOwn, kMaxTypes - 1, kMaxTypes, 255u, 1'000'000u}) {
    EXPECT_EQ(bus.type_name(index), "");
    EXPECT_FALSE(bus.is_terminal(index));
  }
}

TEST(TypeRegistry, FindGivesTheDefinedKey) {
  Bus bus = manual_bus();
  const auto type = bus.define<Collision>("collision").value();
  EXPECT_EQ(bus.find<Collision>("collision").value(), type);
}

TEST(TypeRegistry, FindOfAnUnknownNameNamesIt) {
  const Bus bus = manual_bus();
  expect_refused(bus.find<Collision>("collision").status(), absl::StatusCode::kNotFound,
                 {"find", "\"collision\""});
  EXPECT_EQ(bus.find<Text>("").status().code(), absl::StatusCode::kNotFound);
}

TEST(TypeRegistry, FindOfAnotherPayloadTypeIsRefused) {
  Bus bus = manual_bus();
  ASSERT_TRUE(bus.define<Collision>("collision").ok());
  expect_invalid(bus.find<int>("collision").status(), {"\"collision\"", "payload"});
  expect_invalid(bus.find<Error>("token").status(), {"\"token\"", "payload"});
}

TEST(TypeRegistry, SecondTypeOfANameIsRefused) {
  Bus bus = manual_bus();
  ASSERT_TRUE(bus.define<Collision>("collision").ok());
  expect_refused(bus.define<Collision>("collision").status(), absl::StatusCode::kAlreadyExists,
                 {"\"collision\""});
  expect_refused(bus.define<int>("collision").status(), absl::StatusCode::kAlreadyExists, {});
  expect_refused(bus.define<Text>("token").status(), absl::StatusCode::kAlreadyExists, {});
  EXPECT_EQ(bus.define<int>("other").value().index(), kFirstOwn + 1) << "no index is lost";
}

TEST(TypeRegistry, NamesDifferByCase) {
  Bus bus = manual_bus();
  EXPECT_TRUE(bus.define<int>("Token").ok());
}

TEST(TypeRegistry, The65thTypeIsRefused) {
  Bus bus = manual_bus();
  for (unsigned index = kFirstOwn; index < kMaxTypes; ++index) {
    ASSERT_EQ(bus.define<int>("type." + std::to_string(index)).value().index(), index);
  }
  expect_refused(bus.define<int>("one.more").status(), absl::StatusCode::kResourceExhausted,
                 {"\"one.more\"", "65th", "64"});
  EXPECT_EQ(bus.find<int>("type.63").value().index(), kMaxTypes - 1);
}

TEST(TypeRegistry, TheLastTypeIsDelivered) {
  Bus bus = manual_bus();
  EventType<int> last = bus.define<int>("type.5").value();
  for (unsigned index = kFirstOwn + 1; index < kMaxTypes; ++index) {
    last = bus.define<int>("type." + std::to_string(index)).value();
  }
  int got = 0;
  auto subscription = bus.subscribe(last, [&](int value, const Event&) { got = value; }).value();
  ASSERT_EQ(bus.publish(last, 7), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(got, 7);
  EXPECT_EQ(bus.latency().types.at(0).type, "type.63");
}

TEST(TypeRegistry, IllegalNamesAreRefused) {
  Bus bus = manual_bus();
  using namespace std::string_view_literals;
  for (const std::string_view name :
       {""sv, " "sv, "a b"sv, "a/b"sv, "a:b"sv, "t\xC3\xBC"sv, "a\0b"sv, "tab\t"sv, "*"sv}) {
    expect_invalid(bus.define<int>(name).status(),
                   {"define: name", "1 to 64 of A-Z a-z 0-9 _ . -"});
  }
  expect_invalid(bus.define<int>("a/b").status(), {"\"a/b\""});
}

TEST(TypeRegistry, NamesMayHave64Bytes) {
  Bus bus = manual_bus();
  const std::string longest(64, 'x');
  EXPECT_EQ(bus.type_name(bus.define<int>(longest).value()), longest);
  EXPECT_FALSE(bus.define<int>(longest + "x").ok());
  EXPECT_TRUE(bus.define<int>("AZaz09_.-").ok());
  EXPECT_TRUE(bus.define<int>("x").ok());
}

// Keys of another bus.

TEST(TypeRegistry, KeyOfAnotherBusIsRejectedByEveryPublish) {
  Bus one = manual_bus();
  Bus other = manual_bus();
  const auto foreign = other.define<Collision>("collision").value();
  ASSERT_TRUE(one.define<Collision>("collision").ok()) << "same index, same payload, other bus";
  Publisher publisher = make_publisher(one);
  EXPECT_EQ(publisher.publish(foreign, {1, 2}), PublishResult::kRejected);
  EXPECT_EQ(publisher.try_publish(foreign, {1, 2}), PublishResult::kRejected);
  EXPECT_EQ(one.publish(foreign, {1, 2}), PublishResult::kRejected);
  const std::vector<Collision> batch(100);
  const BatchResult result = publisher.publish_batch(foreign, batch);
  EXPECT_EQ(result.accepted, 0u);
  EXPECT_EQ(result.result, PublishResult::kRejected);
  EXPECT_EQ(one.stats().total.rejected, 103u);
  EXPECT_TRUE(one.stats().conserved());
}

TEST(TypeRegistry, KeyOfAnotherBusIsRefusedByEverySubscribe) {
  Bus one = manual_bus();
  Bus other = manual_bus();
  const auto foreign = other.define<Collision>("collision").value();
  const auto callback = [](const Collision&, const Event&) {};
  expect_invalid(one.subscribe(foreign, callback).status(), {"subscribe", "another bus"});
  expect_invalid(one.subscribe(foreign, 7, callback).status(), {"subscribe", "another bus"});
  const auto ours = one.define<Collision>("collision").value();
  const auto untyped = [](const Event&) {};
  const auto passing = [](Event&, Emitter&) { return Verdict::kPass; };
  for (const TypeMask types : {TypeMask(foreign), kToken | foreign, ours | foreign,
                               ~TypeMask(foreign), TypeMask(foreign) & TypeMask::all()}) {
    expect_invalid(one.subscribe({.types = types}, untyped).status(), {"types", "another bus"});
    expect_invalid(one.use({.types = types}, passing).status(), {"use", "another bus"});
  }
  EXPECT_TRUE(one.subscribe({.types = kToken | ours}, untyped).ok());
  EXPECT_TRUE(one.subscribe({.types = TypeMask::from_bits(1U << foreign.index())}, untyped).ok());
}

TEST(TypeRegistry, KeyOfAnotherBusIsRefusedByTheEmitter) {
  Bus one = manual_bus();
  Bus other = manual_bus();
  const auto foreign = other.define<Collision>("collision").value();
  bool emitted = true;
  auto guard = one.use({.types = kToken},
                       [&](Event&, Emitter& emitter) {
                         emitted = emitter.emit_after(foreign, {1, 2});
                         return Verdict::kPass;
                       })
                   .value();
  ASSERT_EQ(one.publish(kToken, "text"), PublishResult::kAccepted);
  one.pump();
  EXPECT_FALSE(emitted);
  EXPECT_EQ(one.stats().emit_refused, 1u);
  EXPECT_EQ(one.stats().dispatched, 1u);
}

// Types that come later.

TEST(TypeRegistry, SubscribersOfAllGetTypesDefinedLater) {
  Bus bus = manual_bus();
  std::vector<int> calls;
  const auto note = [&calls](int who) {
    return [&calls, who](const Event&) { calls.push_back(who); };
  };
  auto first = bus.subscribe({.types = TypeMask::all()}, note(1)).value();
  auto of_stream = bus.subscribe({.types = TypeMask::all(), .stream = 7}, note(4)).value();
  auto second = bus.subscribe({.types = TypeMask::all()}, note(2)).value();
  const auto type = bus.define<int>("late").value();
  auto third = bus.subscribe({.types = type}, note(3)).value();
  ASSERT_EQ(bus.publish(type, 0, {.stream = 7}), PublishResult::kAccepted);
  ASSERT_EQ(bus.publish(type, 0), PublishResult::kAccepted);
  bus.pump();
  EXPECT_THAT(calls, ElementsAre(1, 2, 3, 4, 1, 2, 3));
}

TEST(TypeRegistry, BatchSubscribersAndMiddlewareOfAllGetTypesDefinedLater) {
  Bus bus = manual_bus();
  std::size_t in_batches = 0;
  std::size_t in_middleware = 0;
  auto batch =
      bus.subscribe_batch({.types = TypeMask::all()},
                          [&](std::span<const Event> events) { in_batches += events.size(); })
          .value();
  auto guard = bus.use({.types = TypeMask::all()},
                       [&](Event&, Emitter&) {
                         ++in_middleware;
                         return Verdict::kPass;
                       })
                   .value();
  const auto type = bus.define<int>("late").value();
  ASSERT_EQ(bus.publish(type, 0), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(in_batches, 1u);
  EXPECT_EQ(in_middleware, 1u);
}

TEST(TypeRegistry, ATypeDefinedInACallbackIsDeliveredToSubscribersOfAll) {
  Bus bus = manual_bus();
  std::vector<unsigned> types;
  auto all = bus.subscribe({.types = TypeMask::all()},
                           [&](const Event& event) {
                             types.push_back(event.type_index());
                             if (event.is(kToken)) {
                               const auto type = bus.define<int>("late").value();
                               EXPECT_EQ(bus.publish(type, 1), PublishResult::kAccepted);
                             }
                           })
                 .value();
  ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  EXPECT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(bus.pump().events, 1u);
  EXPECT_THAT(types, ElementsAre(kToken.index(), kFirstOwn));
}

TEST(TypeRegistry, TypesAreDefinedWhileEventsFlow) {
  Bus bus = thread_bus();
  std::size_t own = 0;
  auto all = bus.subscribe({.types = ~TypeMask(kToken)}, support::count_in(own)).value();
  std::atomic<bool> enough{false};
  std::thread flood([&] {
    Publisher publisher = make_publisher(bus);
    while (!enough.load(std::memory_order_relaxed)) {
      publisher.publish(kToken, "text");
    }
  });
  for (unsigned index = kFirstOwn; index < kMaxTypes; ++index) {
    const auto type = bus.define<int>("type." + std::to_string(index)).value();
    EXPECT_EQ(bus.publish(type, 1), PublishResult::kAccepted);
  }
  enough.store(true, std::memory_order_relaxed);
  flood.join();
  ASSERT_TRUE(bus.flush(kLong).ok());
  EXPECT_EQ(own, kMaxTypes - kFirstOwn);
}

// Who finds a type may publish it: subscribers of all types get it from its first event on.
TEST(TypeRegistry, AKeyFoundWhileItIsDefinedWorksAtOnce) {
  for (int round = 0; round < 20; ++round) {
    Bus bus = manual_bus();
    std::size_t got = 0;
    auto all = bus.subscribe({.types = TypeMask::all()}, support::count_in(got)).value();
    // Several, so that they wait for each other while the type can be found already.
    std::vector<std::thread> definers;
    for (unsigned who = 0; who < 3; ++who) {
      definers.emplace_back([&bus, who] {
        for (unsigned i = who; i < kMaxTypes - kFirstOwn; i += 3) {
          ASSERT_TRUE(bus.define<int>("type." + std::to_string(i)).ok());
        }
      });
    }
    std::size_t published = 0;
    for (unsigned index = kFirstOwn; index < kMaxTypes; ++index) {
      EXPECT_TRUE(support::eventually([&] { return !bus.type_name(index).empty(); }));
      const auto type = bus.find<int>(bus.type_name(index)).value();
      EXPECT_EQ(bus.publish(type, 1), PublishResult::kAccepted);
      bus.pump();
      EXPECT_EQ(got, ++published);
    }
    for (std::thread& definer : definers) {
      definer.join();
    }
  }
}

// Neither of the two may wait for the other.
TEST(TypeRegistry, DefineInACallbackAndOnAThreadAtOnce) {
  for (int round = 0; round < 4; ++round) {
    Bus bus = thread_bus();
    std::counting_semaphore<64> started(0);
    int defined = 0;
    auto subscription = bus.subscribe({.types = kToken},
                                      [&](const Event& event) {
                                        started.release();
                                        support::work_for(std::chrono::microseconds(50));
                                        defined +=
                                            bus.define<int>("in." + std::string(event.text())).ok();
                                      })
                            .value();
    for (int i = 0; i < 25; ++i) {
      ASSERT_EQ(bus.publish(kToken, std::to_string(i)), PublishResult::kAccepted);
      started.acquire();
      EXPECT_TRUE(bus.define<int>("out." + std::to_string(i)).ok());
    }
    ASSERT_TRUE(bus.flush(kLong).ok());
    EXPECT_EQ(defined, 25);
  }
}

TEST(TypeRegistry, ThreadsThatDefineAtOnceGetDifferentIndices) {
  Bus bus = thread_bus();
  std::array<std::vector<unsigned>, 4> indices;
  std::vector<std::thread> threads;
  for (std::size_t who = 0; who < indices.size(); ++who) {
    threads.emplace_back([&, who] {
      for (int i = 0; i < 10; ++i) {
        const std::string name = std::to_string(who) + "." + std::to_string(i);
        indices[who].push_back(bus.define<int>(name).value().index());
      }
    });
  }
  std::vector<bool> seen(kMaxTypes);
  for (std::size_t who = 0; who < indices.size(); ++who) {
    threads[who].join();
    for (const unsigned index : indices[who]) {
      EXPECT_FALSE(seen[index]);
      seen[index] = true;
      EXPECT_EQ(bus.type_name(index).substr(0, 1), std::to_string(who));
    }
  }
}

}  // namespace
}  // namespace herald
