#include "middleware/stream_slots.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstddef>
#include <list>
#include <utility>
#include <vector>

namespace herald::middleware {
namespace {

using Slots = StreamSlots<int>;

TEST(StreamSlots, OfNoneIsEmptyAndFull) {
  const Slots slots(0);
  EXPECT_TRUE(slots.empty());
  EXPECT_TRUE(slots.full());
  EXPECT_EQ(slots.find(0), Slots::kNone);
}

TEST(StreamSlots, OneFillsAndEmpties) {
  Slots slots(1);
  EXPECT_FALSE(slots.full());
  const Slots::Index slot = slots.insert(7);
  slots[slot] = 3;
  EXPECT_TRUE(slots.full());
  EXPECT_FALSE(slots.empty());
  EXPECT_EQ(slots.find(7), slot);
  EXPECT_EQ(slots.front(), slot);
  EXPECT_EQ(slots.find(8), Slots::kNone);
  slots.erase(slot);
  EXPECT_TRUE(slots.empty());
  EXPECT_FALSE(slots.full());
  EXPECT_EQ(slots.find(7), Slots::kNone);
}

// Against a list: streams and their values, in the order kept.
using Model = std::list<std::pair<StreamId, int>>;

Model::iterator find_in(Model& model, StreamId stream) {
  auto found = model.begin();
  while (found != model.end() && found->first != stream) {
    ++found;
  }
  return found;
}

struct Step {
  int action = 0;  // 0 insert or erase, 1 to front, 2 to back, 3 erase the front
  StreamId stream = 0;
};

void apply(const Step& step, Slots& slots, Model& model, int value) {
  const auto known = find_in(model, step.stream);
  const Slots::Index slot = slots.find(step.stream);
  RC_ASSERT((slot != Slots::kNone) == (known != model.end()));
  if (step.action == 3 && !model.empty()) {
    slots.erase(slots.front());
    model.pop_front();
  } else if (known == model.end()) {
    if (step.action == 0 && !slots.full()) {
      slots[slots.insert(step.stream)] = value;
      model.emplace_back(step.stream, value);
    }
  } else if (step.action == 0) {
    slots.erase(slot);
    model.erase(known);
  } else if (step.action == 1) {
    slots.move_to_front(slot);
    model.splice(model.begin(), model, known);
  } else if (step.action == 2) {
    slots.move_to_back(slot);
    model.splice(model.end(), model, known);
  }
}

RC_GTEST_PROP(StreamSlots, IsAListWithASlotForEachStream, ()) {
  const auto capacity = *rc::gen::inRange<std::size_t>(1, 9);
  const auto steps = *rc::gen::container<std::vector<Step>>(rc::gen::build<Step>(
      rc::gen::set(&Step::action, rc::gen::weightedElement<int>({{6, 0}, {2, 1}, {2, 2}, {1, 3}})),
      rc::gen::set(&Step::stream, rc::gen::map(rc::gen::inRange<StreamId>(0, 12),
                                               [](StreamId stream) { return stream << 60U; }))));
  Slots slots(capacity);
  Model model;
  int value = 0;
  for (const Step& step : steps) {
    apply(step, slots, model, ++value);
    RC_ASSERT(slots.empty() == model.empty());
    RC_ASSERT(slots.full() == (model.size() == capacity));
    for (const auto& [stream, kept] : model) {
      RC_ASSERT(slots[slots.find(stream)] == kept);
    }
  }
  for (const auto& [stream, kept] : model) {
    RC_ASSERT(slots.find(stream) == slots.front());
    slots.erase(slots.front());
  }
  RC_ASSERT(slots.empty());
}

}  // namespace
}  // namespace herald::middleware
