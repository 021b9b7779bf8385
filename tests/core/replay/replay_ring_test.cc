// What the ring holds, and how long it keeps the payloads of others alive.
#include "core/replay/replay_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/counting_resource.h"

namespace herald::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kNoBlocks = 0;
constexpr std::size_t kPlenty = 1'000'000;
constexpr std::size_t kBlockBytes = sizeof(detail::Block) + 100;
const std::string kLong(100, 'x');

// Appends events of running sequences, one by one or as a run.
class ReplayRingTest : public testing::Test {
 protected:
  // The ring does not mind a type that carries text here and no text elsewhere.
  template <typename T>
  Event make(const EventType<T>& type, std::string_view text, StreamId stream = 0) {
    detail::EventSlot slot{};
    EXPECT_TRUE(detail::store_text(slot, text, &resource_));
    slot.sequence = ++sequence_;
    slot.stream = stream;
    slot.type_entry = type.index();
    return EventAccess::adopt(slot);
  }
  template <typename T>
  void append(ReplayRing& ring, const EventType<T>& type, std::string_view text,
              StreamId stream = 0) {
    const Event event = make(type, text, stream);
    ring.append({&event, 1});
  }
  static std::vector<std::uint64_t> held(const ReplayRing& ring) {
    std::vector<std::uint64_t> sequences;
    for (std::uint64_t sequence = ring.oldest(); sequence <= ring.newest(); ++sequence) {
      sequences.push_back(ring.at(sequence).sequence());
    }
    return sequences;
  }
  static std::vector<std::uint64_t> latest(const ReplayRing& ring, const Filter& filter) {
    std::vector<std::uint64_t> sequences;
    for (const Event& event : ring.latest(filter)) {
      sequences.push_back(event.sequence());
    }
    return sequences;
  }

  support::CountingResource resource_;
  std::uint64_t sequence_ = 0;
};

constexpr Filter kAll{.types = TypeMask::all()};

TEST_F(ReplayRingTest, OffHoldsNothing) {
  const ReplayRing ring(0, kPlenty);
  EXPECT_FALSE(ring.is_on());
  EXPECT_EQ(ring.events(), 0U);
  EXPECT_EQ(ring.size_bytes(), 0U);
}

TEST_F(ReplayRingTest, EmptyIsBeforeTheFirstSequence) {
  const ReplayRing ring(4, kPlenty);
  EXPECT_TRUE(ring.is_on());
  EXPECT_EQ(ring.oldest(), 1U);
  EXPECT_EQ(ring.newest(), 0U);
  EXPECT_THAT(held(ring), IsEmpty());
  EXPECT_THAT(latest(ring, kAll), IsEmpty());
  EXPECT_EQ(ring.size_bytes(), (4 + 64) * sizeof(Event));
}

TEST_F(ReplayRingTest, KeepsTheLastEventsOfItsCapacity) {
  ReplayRing ring(3, kNoBlocks);  // in four cells
  append(ring, kToken, "1");
  EXPECT_THAT(held(ring), ElementsAre(1));
  append(ring, kToken, "2");
  append(ring, kToken, "3");
  EXPECT_THAT(held(ring), ElementsAre(1, 2, 3));
  append(ring, kToken, "4");
  append(ring, kToken, "5");
  EXPECT_THAT(held(ring), ElementsAre(3, 4, 5));
  EXPECT_EQ(ring.at(4).text(), "4");
}

TEST_F(ReplayRingTest, TakesARunLongerThanItself) {
  ReplayRing ring(2, kPlenty);
  std::vector<Event> run;
  for (const std::string_view text : {"1", "2", "3", "4", "5"}) {
    run.push_back(make(kToken, text));
  }
  ring.append(run);
  EXPECT_THAT(held(ring), ElementsAre(4, 5));
  run.clear();
  run.push_back(make(kToken, kLong));
  run.push_back(make(kToken, "7"));
  run.push_back(make(kToken, kLong));
  ring.append(run);
  EXPECT_THAT(held(ring), ElementsAre(7, 8));
}

TEST_F(ReplayRingTest, KeepsBlocksWithinItsBytes) {
  ReplayRing ring(10, 2 * kBlockBytes);
  append(ring, kToken, kLong);
  append(ring, kToken, "inline");
  append(ring, kToken, kLong);
  EXPECT_THAT(held(ring), ElementsAre(1, 2, 3));
  EXPECT_EQ(resource_.live(), 2);
  append(ring, kToken, kLong);
  EXPECT_THAT(held(ring), ElementsAre(2, 3, 4)) << "the oldest leave";
  EXPECT_EQ(resource_.live(), 2);
  EXPECT_EQ(ring.at(4).text(), kLong);
  EXPECT_EQ(ring.size_bytes(), (16 + 64) * sizeof(Event) + 3 * kBlockBytes)
      << "two in the ring and that of the latest token";
  append(ring, kToken, kLong);
  EXPECT_THAT(held(ring), ElementsAre(4, 5)) << "what lies before a block leaves with it";
}

TEST_F(ReplayRingTest, LetsGoOfABlockWhenItsEventLeaves) {
  ReplayRing ring(2, kPlenty);
  append(ring, kToken, kLong);
  append(ring, kToken, "2");
  EXPECT_EQ(resource_.live(), 1);
  append(ring, kToken, "3");
  EXPECT_EQ(resource_.live(), 0);
  append(ring, kToken, "4");
  EXPECT_THAT(held(ring), ElementsAre(3, 4)) << "in place again";
}

TEST_F(ReplayRingTest, DoesNotKeepWhatIsTooLarge) {
  ReplayRing ring(4, kBlockBytes - 1);
  append(ring, kToken, "1");
  append(ring, kInfo, kLong, 7);
  append(ring, kToken, "3");
  EXPECT_THAT(held(ring), ElementsAre(1, 2, 3)) << "nobody else leaves for it";
  EXPECT_EQ(resource_.live(), 0);
  EXPECT_FALSE(ReplayRing::is_kept(ring.at(2)));
  EXPECT_TRUE(ring.at(2).is(kInfo));
  EXPECT_EQ(ring.at(2).stream(), 7U);
  EXPECT_EQ(ring.at(2).text(), "");
  EXPECT_TRUE(ReplayRing::is_kept(ring.at(3)));
  EXPECT_THAT(latest(ring, kAll), ElementsAre(2, 3));
  EXPECT_FALSE(ReplayRing::is_kept(ring.latest(kAll)[0]));
}

TEST_F(ReplayRingTest, KeepsTheLatestOfEachTypeOutsideTheRing) {
  ReplayRing ring(2, kPlenty);
  append(ring, kInfo, "info");
  const std::vector<Event> run{make(kToken, "2"), make(kToken, "3", 5), make(kToken, "4", 6)};
  ring.append(run);
  EXPECT_THAT(held(ring), ElementsAre(3, 4));
  EXPECT_THAT(latest(ring, kAll), ElementsAre(1, 4)) << "in order of sequence";
  EXPECT_EQ(ring.latest(kAll)[0].text(), "info");
  EXPECT_THAT(latest(ring, {.types = kToken}), ElementsAre(4));
  EXPECT_THAT(latest(ring, {.types = kToken, .stream = 6}), ElementsAre(4));
  EXPECT_THAT(latest(ring, {.types = kToken, .stream = 5}), IsEmpty());
  append(ring, kInfo, "again");
  EXPECT_THAT(latest(ring, kAll), ElementsAre(4, 5));
}

TEST_F(ReplayRingTest, ClearedLetsGoAndGoesOn) {
  ReplayRing ring(4, kPlenty);
  append(ring, kToken, kLong);
  append(ring, kInfo, kLong);
  ring.clear();
  EXPECT_EQ(resource_.live(), 0);
  EXPECT_THAT(held(ring), IsEmpty());
  EXPECT_THAT(latest(ring, kAll), IsEmpty());
  append(ring, kToken, "3");
  EXPECT_THAT(held(ring), ElementsAre(3));
}

// A payload that looks at the ring when it is destroyed.
struct Looker {
  const ReplayRing* ring = nullptr;
  std::vector<std::uint64_t>* seen = nullptr;

  Looker(const ReplayRing* of, std::vector<std::uint64_t>* into) : ring(of), seen(into) {}
  Looker(Looker&& other) noexcept : ring(std::exchange(other.ring, nullptr)), seen(other.seen) {}
  ~Looker() {
    if (ring != nullptr) {
      seen->push_back(ring->oldest());
      seen->push_back(ring->newest());
      seen->push_back(ring->size_bytes());
    }
  }
};

TEST_F(ReplayRingTest, IsWholeWhenAPayloadIsDestroyed) {
  constexpr std::uint32_t kType = 9;
  ReplayRing ring(2, kPlenty);
  std::vector<std::uint64_t> seen;
  const auto append_looker = [&](bool looks) {
    detail::EventSlot slot{};
    slot.sequence = ++sequence_;
    slot.type_entry = kType;
    ASSERT_TRUE(
        detail::store_object<Looker>(slot, Looker(looks ? &ring : nullptr, &seen), &resource_));
    const Event event = EventAccess::adopt(slot);
    ring.append({&event, 1});
  };
  const std::size_t block_bytes = sizeof(detail::Block) + sizeof(Looker);
  append_looker(true);
  append_looker(false);
  EXPECT_THAT(seen, IsEmpty());
  append(ring, kToken, "3");
  EXPECT_THAT(seen, ElementsAre(2, 2, (2 + 64) * sizeof(Event) + 2 * block_bytes))
      << "it has left the ring, and the third is not in it yet";
  seen.clear();
  append_looker(true);
  append(ring, kToken, "5");
  append(ring, kToken, "6");
  EXPECT_THAT(seen, IsEmpty()) << "it is the latest of its type";
  append_looker(false);
  EXPECT_THAT(seen, ElementsAre(6, 7, (2 + 64) * sizeof(Event) + 2 * block_bytes));
}

}  // namespace
}  // namespace herald::core
