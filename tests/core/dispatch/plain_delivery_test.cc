// How often the clock is read while events are fanned out, in rows or one by one. What is delivered
// is a matter of dispatcher_test and of the models in subscriber_table_test and fan_out_list_test.
#include "core/dispatch/plain_delivery.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/event/type_registry.h"

namespace herald::core {
namespace {

using namespace std::chrono_literals;

class PlainDelivery : public testing::Test {
 protected:
  PlainDelivery() {
    for (unsigned index = 0; index < types_.count(); ++index) {
      meter_.activate(index);
      delivery_.activate_type(index);
    }
  }
  ~PlainDelivery() override { delivery_.clear(); }

  void subscribe(std::size_t subscribers) {
    const Filter filter{.types = kToken | kComplete};
    for (std::size_t i = 0; i < subscribers; ++i) {
      const auto attachment = std::make_shared<Attachment>(
          i + 1, filter, detail::Callback::of_event([this](const Event&) { ++calls_; }),
          SubscribeOptions{});
      attachment->attached = attachment;
      delivery_.attach(*attachment);
    }
  }
  // Delivers tokens 't' and ends 'e', and returns after how many calls the clock was read.
  std::vector<std::size_t> reads(std::string_view events) {
    std::vector<Event> batch;
    for (const char event : events) {
      batch.push_back(event == 't' ? make(kToken, "text") : make(kComplete, {}));
    }
    std::vector<std::size_t> found;
    delivery_.begin_batch(batch.data(), /*exact=*/false);
    const auto late = [&] {
      found.push_back(calls_);
      return false;
    };
    std::size_t next = 0;
    delivery_.deliver_plain(
        next, batch.size(), [] { return false; }, late);
    delivery_.end_run();
    EXPECT_EQ(next, batch.size());
    return found;
  }

 private:
  // Due in the future: however long a stretch takes, the next is no longer than kSharedWork.
  template <typename T>
  Event make(const EventType<T>& type, std::type_identity_t<PublishArgument<T>> payload) {
    detail::EventSlot slot{};
    EXPECT_TRUE(detail::make_slot<T>(slot, type, static_cast<PublishArgument<T>&&>(payload), 0, 1,
                                     options_.payload_resource));
    slot.publish_ticks = base::Clock::now() + base::Clock::to_ticks(std::int64_t{3600} << 30);
    return EventAccess::adopt(slot);
  }

  BusOptions options_;
  TypeRegistry types_;
  LatencyMeter meter_{1ms};
  WatchPost post_{base::FenceMode::kSequentiallyConsistent, /*watched=*/false};
  Delivery delivery_{options_,
                     {&types_, options_.max_emitted_per_event, options_.payload_resource, 1, true},
                     meter_,
                     post_};
  std::size_t calls_ = 0;
};

using Calls = std::vector<std::size_t>;

TEST_F(PlainDelivery, EightEventsOfARowShareARead) {
  subscribe(1);
  EXPECT_EQ(reads("tttttttttttttttttttt"), (Calls{8, 16}));
}

TEST_F(PlainDelivery, EightEventsOfSeveralRowsShareARead) {
  subscribe(1);
  EXPECT_EQ(reads("ttteeettteeettteeett"), (Calls{8, 16}));
}

TEST_F(PlainDelivery, EightEventsOneByOneShareARead) {
  subscribe(1);
  EXPECT_EQ(reads("tetetetetetetetetete"), (Calls{8, 16}));
}

TEST_F(PlainDelivery, FewerShareAReadIfTheyAreManyCalls) {
  subscribe(32);
  EXPECT_EQ(reads("tttttttt"), (Calls{96, 192})) << "of a row";
}

TEST_F(PlainDelivery, FewerShareAReadIfTheyAreManyCallsOneByOne) {
  subscribe(32);
  EXPECT_EQ(reads("tetetete"), (Calls{96, 192}));
}

}  // namespace
}  // namespace herald::core
