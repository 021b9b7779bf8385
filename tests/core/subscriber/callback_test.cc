#include "herald/callback.h"

#include <gtest/gtest.h>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "support/buses.h"

namespace herald {
namespace {

using support::expect_invalid;
using support::manual_bus;

constexpr Filter kTokens{.types = kToken};

template <typename Middleware>
concept CanUse = requires(Bus& bus, Middleware middleware) {
  bus.use(kTokens, middleware);
};
static_assert(CanUse<Verdict (*)(Event&, Emitter&)>);
static_assert(!CanUse<void (*)(Event&, Emitter&)> && !CanUse<int (*)(Event&, Emitter&)> &&
              !CanUse<Verdict (*)(Event&)>);

// What counts is the copy that the bus keeps.
template <typename F>
concept CanSubscribe = requires(Bus& bus, F&& callback) {
  bus.subscribe(kTokens, std::forward<F>(callback));
};
struct ChangesItself {
  std::size_t* last;
  std::size_t calls = 0;
  void operator()(const Event&) { *last = ++calls; }
};
static_assert(CanSubscribe<ChangesItself> && CanSubscribe<const ChangesItself&>);
struct OnlyWhereItIsConst {
  void operator()(const Event&) const {}
  void operator()(const Event&) = delete;
};
static_assert(!CanSubscribe<const OnlyWhereItIsConst&>);
struct MoveOnly {
  std::unique_ptr<int> owned;
  void operator()(const Event&) const {}
};
static_assert(CanSubscribe<MoveOnly> && !CanSubscribe<MoveOnly&>);

void pump_one(Bus& bus) {
  ASSERT_EQ(bus.publish(kToken, "text"), PublishResult::kAccepted);
  ASSERT_EQ(bus.pump().events, 1u);
}

// Kept in the pointer: only what has nothing to remember.
template <typename F>
constexpr bool kInPointer = detail::Kept<F, const Event&>::kInPointer;
using CapturesAPointer = decltype([](int* captured) {
  return [captured](const Event&) { ++*captured; };
}(nullptr));
using CapturesTwo = decltype([](int* one, int* two) {
  return [one, two](const Event&) { ++*(one == nullptr ? one : two); };
}(nullptr, nullptr));
using Counts = decltype([calls = 0](const Event&) mutable { ++calls; });
static_assert(kInPointer<CapturesAPointer> && kInPointer<void (*)(const Event&)>);
static_assert(!kInPointer<CapturesTwo> && !kInPointer<Counts> && !kInPointer<MoveOnly> &&
              !kInPointer<std::shared_ptr<int>>);

TEST(Callback, ThatFitsAPointerHasWhatItCaptured) {
  Bus bus = manual_bus();
  std::size_t calls = 0;
  auto event = bus.subscribe(kTokens, [&calls](const Event&) { ++calls; }).value();
  auto batch =
      bus.subscribe_batch(kTokens,
                          [&calls](std::span<const Event> events) { calls += 10 * events.size(); })
          .value();
  auto typed = bus.subscribe(kToken, [&calls](std::string_view text,
                                              const Event&) { calls += 100 * text.size(); })
                   .value();
  pump_one(bus);
  EXPECT_EQ(calls, 411u);
}

TEST(Callback, ASmallMutableOneRemembers) {
  static int last = 0;
  Bus bus = manual_bus();
  auto subscription =
      bus.subscribe(kTokens, [calls = 0](const Event&) mutable { last = ++calls; }).value();
  pump_one(bus);
  pump_one(bus);
  EXPECT_EQ(last, 2);
}

TEST(Callback, NullIsRefusedOfEveryKind) {
  Bus bus = manual_bus();
  using Function = void (*)(const Event&);
  using Typed = void (*)(std::string_view, const Event&);
  using Spans = void (*)(std::span<const Event>);
  using Middleware = Verdict (*)(Event&, Emitter&);
  for (const absl::Status& status :
       {bus.subscribe(kTokens, Function{nullptr}).status(),
        bus.subscribe(kTokens, std::function<void(const Event&)>()).status(),
        bus.subscribe(kToken, Typed{nullptr}).status(),
        bus.subscribe(kToken, std::function<void(std::string_view, const Event&)>()).status(),
        bus.subscribe_batch(kTokens, Spans{nullptr}).status(),
        bus.subscribe_batch(kTokens, std::function<void(std::span<const Event>)>()).status()}) {
    expect_invalid(status, {"subscribe", "callback", "null", "allowed"});
  }
  expect_invalid(bus.use(kTokens, Middleware{nullptr}).status(), {"use", "null", "allowed"});
  expect_invalid(bus.use(kTokens, std::function<Verdict(Event&, Emitter&)>()).status(), {"null"});
  EXPECT_TRUE(bus.stats().subscriptions.empty());
  EXPECT_TRUE(bus.stats().middleware.empty());
}

std::size_t function_calls = 0;
void count_call(const Event&) { ++function_calls; }

TEST(Callback, MayBeAFunction) {
  Bus bus = manual_bus();
  function_calls = 0;
  auto by_name = bus.subscribe(kTokens, count_call).value();
  auto by_pointer = bus.subscribe(kTokens, &count_call).value();
  pump_one(bus);
  EXPECT_EQ(function_calls, 2u);
}

TEST(Callback, MayBeAStdFunction) {
  Bus bus = manual_bus();
  std::size_t calls = 0;
  const std::function<void(const Event&)> function = support::count_in(calls);
  auto subscription = bus.subscribe(kTokens, function).value();
  pump_one(bus);
  EXPECT_EQ(calls, 1u);
}

TEST(Callback, MayBeMoveOnly) {
  Bus bus = manual_bus();
  auto owned = std::make_unique<std::size_t>(0);
  std::size_t& calls = *owned;
  auto subscription =
      bus.subscribe(kTokens, [owned = std::move(owned)](const Event&) { ++*owned; }).value();
  pump_one(bus);
  EXPECT_EQ(calls, 1u);
}

TEST(Callback, MayChangeItself) {
  Bus bus = manual_bus();
  std::size_t last = 0;
  auto subscription =
      bus.subscribe(kTokens,
                    [&last, calls = std::size_t{0}](const Event&) mutable { last = ++calls; })
          .value();
  pump_one(bus);
  pump_one(bus);
  EXPECT_EQ(last, 2u);
}

TEST(Callback, ThatChangesItselfMayBeGivenAsConst) {
  Bus bus = manual_bus();
  std::size_t last = 0;
  const ChangesItself callback{&last};
  auto subscription = bus.subscribe(kTokens, callback).value();
  pump_one(bus);
  pump_one(bus);
  EXPECT_EQ(last, 2u);
}

TEST(Callback, GivenByNameIsCopied) {
  Bus bus = manual_bus();
  std::size_t calls = 0;
  struct Counter {
    std::size_t* calls;
    std::size_t own = 0;
    void operator()(const Event&) { *calls = ++own; }
  };
  Counter counter{&calls};
  auto subscription = bus.subscribe(kTokens, counter).value();
  counter.own = 100;
  pump_one(bus);
  EXPECT_EQ(calls, 1u);
}

TEST(Callback, ReturnValueIsIgnored) {
  Bus bus = manual_bus();
  std::size_t calls = 0;
  auto subscription = bus.subscribe(kTokens, [&](const Event&) { return ++calls; }).value();
  pump_one(bus);
  EXPECT_EQ(calls, 1u);
}

TEST(Callback, MayBeGeneric) {
  Bus bus = manual_bus();
  std::string got;
  auto subscription = bus.subscribe(kToken,
                                    [&](const auto& text, const auto& event) {
                                      got = std::string(text) + '/' + std::string(event.text());
                                    })
                          .value();
  pump_one(bus);
  EXPECT_EQ(got, "text/text");
}

TEST(Callback, TypedGetsThePayload) {
  Bus bus = manual_bus();
  const auto number = bus.define<int>("number").value();
  int sum = 0;
  std::string code;
  auto inside =
      bus.subscribe(number, [&](const int& value, const Event&) { sum += value; }).value();
  auto of_block =
      bus.subscribe(kError, [&](const Error& error, const Event&) { code = error.code; }).value();
  ASSERT_EQ(bus.publish(number, 7), PublishResult::kAccepted);
  ASSERT_EQ(bus.publish(kError, {"timeout", "", false}), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(sum, 7);
  EXPECT_EQ(code, "timeout");
}

TEST(Callback, TypedMayBeOfOneStream) {
  Bus bus = manual_bus();
  support::Texts seen;
  auto subscription =
      bus.subscribe(kToken, 7,
                    [&](std::string_view text, const Event&) { seen.emplace_back(text); })
          .value();
  ASSERT_EQ(bus.publish(kToken, "no"), PublishResult::kAccepted);
  ASSERT_EQ(bus.publish(kToken, "yes", {.stream = 7}), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(seen, support::Texts{"yes"});
}

// A middleware that takes the event away and passes it on leaves an empty one.
TEST(Callback, TypedIsNotCalledWithoutItsPayload) {
  Bus bus = manual_bus();
  std::size_t calls = 0;
  auto thief = bus.use({.types = kError},
                       [](Event& event, Emitter&) {
                         const Event taken = std::move(event);
                         return Verdict::kPass;
                       })
                   .value();
  auto subscription =
      bus.subscribe(kError, [&](const Error& error, const Event&) { calls += error.code.size(); })
          .value();
  ASSERT_EQ(bus.publish(kError, {"code", "", false}), PublishResult::kAccepted);
  EXPECT_EQ(bus.pump().events, 1u);
  EXPECT_EQ(calls, 0u);
}

TEST(Callback, RefusedIsDestroyed) {
  Bus bus = manual_bus();
  const auto state = std::make_shared<int>();
  expect_invalid(bus.subscribe(Filter{}, [state](const Event&) {}).status(), {"Filter::types"});
  EXPECT_EQ(state.use_count(), 1);
}

}  // namespace
}  // namespace herald
