// How many events share a read of the clock: some, more in a backlog, one where times are exact.
#include "core/latency/read_sharing.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace herald::core {
namespace {

using base::Ticks;

constexpr Ticks kTook = 1'000;
constexpr Ticks kFineLatency = 2 * kTook * ReadSharing::kFineness;

class ReadSharingTest : public testing::Test {
 protected:
  // Events of so many calls each until a read is due.
  std::size_t events_a_read(std::size_t calls) {
    const std::size_t told = sharing_.events_until_read(calls);
    std::size_t events = 0;
    do {
      ++events;
      sharing_.did(1, calls);
    } while (!sharing_.is_due());
    EXPECT_EQ(told, events) << "of " << calls << " calls";
    return events;
  }
  void read(int times, Ticks latency) {
    for (int i = 0; i < times; ++i) {
      sharing_.read(kTook, latency);
    }
  }

  ReadSharing sharing_{/*reads=*/true};
};

TEST_F(ReadSharingTest, ExactMeansAReadForEachEvent) {
  sharing_.begin(/*exact=*/true);
  read(10, kFineLatency);
  EXPECT_EQ(events_a_read(0), 1u);
}

TEST_F(ReadSharingTest, SomeEventsShareARead) {
  sharing_.begin(/*exact=*/false);
  EXPECT_EQ(events_a_read(0), 8u);
  read(1, 0);
  EXPECT_EQ(events_a_read(32), 3u);
  read(1, 0);
  EXPECT_EQ(events_a_read(1'000), 1u);
}

TEST_F(ReadSharingTest, ABatchBeginsWithoutWork) {
  sharing_.begin(/*exact=*/false);
  sharing_.did(1, 100);
  ASSERT_FALSE(sharing_.is_due());
  sharing_.begin(/*exact=*/false);
  EXPECT_EQ(events_a_read(0), 8u);
}

TEST_F(ReadSharingTest, EachStretchThatWasShortBesideTheLatencyDoublesTheNext) {
  sharing_.begin(/*exact=*/false);
  read(1, kFineLatency);
  EXPECT_EQ(events_a_read(0), 16u);
  read(1, kFineLatency);
  EXPECT_EQ(events_a_read(0), 32u);
}

TEST_F(ReadSharingTest, AStretchThatDoubledWouldBeTooLongIsKept) {
  sharing_.begin(/*exact=*/false);
  read(1, kFineLatency);
  read(1, kFineLatency - ReadSharing::kFineness);
  EXPECT_EQ(events_a_read(0), 16u);
}

TEST_F(ReadSharingTest, OneStretchTooLongBesideTheLatencyLeadsBackAtOnce) {
  sharing_.begin(/*exact=*/false);
  read(4, kFineLatency);
  read(1, (kTook - 1) * ReadSharing::kFineness);
  EXPECT_EQ(events_a_read(0), 8u);
  read(4, kFineLatency);
  read(1, -kFineLatency) /* due in the future */;
  EXPECT_EQ(events_a_read(0), 8u);
}

TEST_F(ReadSharingTest, WhereNobodyReadsItIsTimeOnlyForWhoMustEndInTime) {
  sharing_ = ReadSharing(/*reads=*/false);
  sharing_.begin(/*exact=*/false);
  sharing_.did(1'000'000'000, 1'000'000);
  EXPECT_FALSE(sharing_.is_due());
  sharing_.begin(/*exact=*/true);
  EXPECT_EQ(events_a_read(1), 1u);
  EXPECT_EQ(events_a_read(1), 1u);
}

TEST_F(ReadSharingTest, IsBounded) {
  sharing_.begin(/*exact=*/false);
  read(100, kFineLatency);
  EXPECT_EQ(events_a_read(0), ReadSharing::kMostSharedWork / ReadSharing::kEventWork);
}

}  // namespace
}  // namespace herald::core
