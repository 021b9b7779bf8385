#include "support/stamp.h"

#include <algorithm>
#include <span>

namespace herald::stress {

std::uint64_t Stamp::sum(const Stamp& stamp) noexcept {
  Random mixer(stamp.publisher * 0x9E3779B97F4A7C15U ^ stamp.number * 0xC2B2AE3D27D4EB4FU ^
               stamp.salt);
  return mixer.next();
}

Stamp make_stamp(std::uint64_t publisher, std::uint64_t number, Random& random) noexcept {
  Stamp stamp{publisher, number, random.next(), 0};
  stamp.checksum = Stamp::sum(stamp);
  return stamp;
}

void Answers::add(PublishResult result, std::uint64_t events) noexcept {
  attempts += events;
  switch (result) {
    case PublishResult::kAccepted:
      accepted += events;
      break;
    case PublishResult::kDropped:
      dropped += events;
      break;
    case PublishResult::kFull:
      full += events;
      break;
    case PublishResult::kClosed:
      closed += events;
      break;
    case PublishResult::kRejected:
      rejected += events;
      break;
  }
}

bool Answers::equals(const PublisherStats& row) const noexcept {
  return attempts == row.attempts && accepted == row.accepted && dropped == row.dropped &&
         full == row.full && closed == row.closed && rejected == row.rejected &&
         attempts == accepted + dropped + full + closed + rejected;
}

PublishResult StampPublisher::step() {
  switch (random_.below(3)) {
    case 0:
      return publish();
    case 1:
      return try_publish();
    default:
      return publish_batch(1 + random_.below(kMaxBatch));
  }
}

PublishResult StampPublisher::publish() {
  const PublishResult result = handle_.publish(type_, make_stamp(id_, answers_.accepted, random_));
  return note(result, result == PublishResult::kAccepted ? 1 : 0, 1);
}

PublishResult StampPublisher::try_publish() {
  const PublishResult result =
      handle_.try_publish(type_, make_stamp(id_, answers_.accepted, random_));
  return note(result, result == PublishResult::kAccepted ? 1 : 0, 1);
}

PublishResult StampPublisher::publish_batch(std::size_t count) {
  const std::span<Stamp> stamps = std::span(batch_).first(count);
  std::uint64_t number = answers_.accepted;
  for (Stamp& stamp : stamps) {
    stamp = make_stamp(id_, number++, random_);
  }
  const BatchResult result = handle_.publish_batch(type_, stamps);
  return note(result.result, result.accepted, count);
}

PublishResult StampPublisher::note(PublishResult result, std::size_t accepted,
                                   std::size_t events) noexcept {
  answers_.add(PublishResult::kAccepted, accepted);
  if (accepted < events) {
    answers_.add(result, events - accepted);
  }
  return result;
}

void StampCheck::receive(const Stamp& stamp) noexcept {
  if (!stamp.whole() || stamp.publisher >= received_.size()) {
    torn_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  std::atomic<std::uint64_t>& next = received_[stamp.publisher];
  const std::uint64_t expected = next.load(std::memory_order_relaxed);
  if (stamp.number > expected) {
    early_.fetch_add(1, std::memory_order_relaxed);
  } else if (stamp.number < expected) {
    late_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  next.store(stamp.number + 1, std::memory_order_release);
}

std::uint64_t StampCheck::total() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t publisher = 0; publisher < received_.size(); ++publisher) {
    sum += received(publisher);
  }
  return sum;
}

void StampCheck::expect_flawless() const {
  EXPECT_EQ(torn_.load(std::memory_order_relaxed), 0U) << "FORBIDDEN: torn";
  EXPECT_EQ(early_.load(std::memory_order_relaxed), 0U) << "FORBIDDEN: lost or overtaken";
  EXPECT_EQ(late_.load(std::memory_order_relaxed), 0U) << "FORBIDDEN: repeated or reordered";
}

}  // namespace herald::stress
