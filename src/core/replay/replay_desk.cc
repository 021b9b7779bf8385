// Replay, desk: takes subscribers that ask for history, shows them what the replay ring
// holds, and puts each into the subscriber table when it has seen everything dispatched.
#include "core/replay/replay_desk.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "base/exceptions.h"
#include "core/mailbox/mailbox_core.h"

namespace herald::core {

// Joiners.

void ReplayDesk::join(Attachment& joiner) {
  LateJoin& late = *joiner.late;
  if (joiners_.empty()) {
    round_newest_ = ring_.newest();
  }
  late.ticket = joined();
  late.next = first_sequence(late.replay);
  if (late.replay.from == Replay::From::kLatestPerType) {
    late.latest = ring_.latest(joiner.filter());
  }
  joiners_.push_back(&joiner);
  late.waiting = true;
}

std::uint64_t ReplayDesk::first_sequence(const Replay& replay) const noexcept {
  const std::uint64_t next = ring_.newest() + 1;
  switch (replay.from) {
    case Replay::From::kLast:
      return next - std::min(replay.value, ring_.newest());
    case Replay::From::kSequence:
      return replay.value;
    default:
      return next;
  }
}

bool ReplayDesk::leave(Attachment& joiner) noexcept {
  if (joiner.late == nullptr || !std::exchange(joiner.late->waiting, false)) {
    return false;
  }
  joiners_[joiner.late->ticket - served_] = nullptr;
  if (joiner.mail != nullptr) {
    joiner.late->latest = {};  // of others, one may be in a call: with the callable
  }
  drop_gone();
  return true;
}

void ReplayDesk::drop_gone() noexcept {
  while (!joiners_.empty() && joiners_.front() == nullptr) {
    joiners_.pop_front();
    ++served_;
  }
}

void ReplayDesk::clear() noexcept {
  while (!joiners_.empty()) {
    Attachment& joiner = *joiners_.front();
    leave(joiner);
    joiner.state = Attachment::State::kDetached;
    const std::shared_ptr<Attachment> kept = std::move(joiner.attached);
    if (kept->mail == nullptr) {  // of others, who drains the mailbox may be in a call
      kept->destroy_callable();
    }
  }
}

// Serving.

std::uint64_t ReplayDesk::begin_round() noexcept {
  const std::uint64_t before = std::exchange(round_newest_, ring_.newest());
  return 2 * (round_newest_ - before) + kFreeLooks;
}

void ReplayDesk::serve_first(std::uint64_t& looks) noexcept {
  Attachment& joiner = *joiners_.front();
  LateJoin& late = *joiner.late;
  while (looks != 0) {
    if (is_through(late)) {
      go_live(joiner);
      return;
    }
    --looks;
    if (late.latest_next == late.latest.size() && late.next < ring_.oldest()) {
      tell_gap(joiner, std::exchange(late.next, ring_.oldest()), ring_.oldest());
      return;
    }
    const Event& event = take_next(late);
    if (joiner.filter().matches(event.type_index(), event.stream())) {
      show(joiner, event);
      return;
    }
  }
}

bool ReplayDesk::is_through(const LateJoin& late) const noexcept {
  return late.latest_next == late.latest.size() && late.next > ring_.newest();
}

const Event& ReplayDesk::take_next(LateJoin& late) noexcept {
  return late.latest_next != late.latest.size() ? late.latest[late.latest_next++]
                                                : ring_.at(late.next++);
}

void ReplayDesk::show(Attachment& joiner, const Event& event) noexcept {
  if (!ReplayRing::is_kept(event)) {
    tell_gap(joiner, event.sequence(), event.sequence() + 1);
    return;
  }
  ++joiner.offered;
  ++joiner.late->replayed;
  ++deliveries_;
  if (joiner.mail != nullptr) {
    MailboxCore::put(&joiner, event);
    return;
  }
  HERALD_TRY {
    const detail::Callback& callback = joiner.callback();
    if (callback.batch.function != nullptr) {
      callback.batch.function(callback.batch.object.get(), std::span(&event, 1));
    } else {
      callback.event.function(callback.event.object.get(), event);
    }
  }
  HERALD_CATCH_ALL { guard_.caught(joiner); }
}

void ReplayDesk::tell_gap(Attachment& joiner, std::uint64_t requested,
                          std::uint64_t oldest) noexcept {
  ++joiner.late->gaps;
  const Gap gap{.requested = requested, .oldest = oldest, .newest = ring_.newest()};
  if (joiner.mail != nullptr) {
    joiner.mail->mailbox->tell_gap(joiner, gap);
    return;
  }
  if (!joiner.on_notice()) {
    return;
  }
  HERALD_TRY { joiner.on_notice()(gap); }
  HERALD_CATCH_ALL { guard_.caught(joiner); }
}

void ReplayDesk::go_live(Attachment& joiner) noexcept {
  leave(joiner);
  joiner.late->latest = {};
  table_.attach(joiner);
}

// Seeing.

void ReplayDesk::fill(SubscriberRows& rows) const {
  for (const Attachment* joiner : joiners_) {
    if (joiner != nullptr) {
      rows.add(*joiner, joiner->offered);
    }
  }
}

}  // namespace herald::core
