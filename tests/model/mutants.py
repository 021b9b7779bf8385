#!/usr/bin/env python3
"""Breaks Herald's protocols one by one and expects the model tests to notice.

usage: mutants.py [--compiler C++] [--only TEXT] [--jobs N]

Each mutant changes one place in a copy of one file. A place that is no longer found exactly once
is an error: the table below must follow the code. The test named must fail with MODEL FAILURE; a
mutant that does not compile, or whose test passes or ends otherwise, counts as survived. Prints per
protocol `killed k/n`; exits 1 unless all are killed.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL_SOURCES = ("fiber", "choices", "memory", "scheduler", "explore")
FLAGS = ["-std=c++20", "-O1", "-w"]
SAME_FOR_ALL = "#include <gtest/gtest.h>\n"  # precompiled: most of a test's compile time
TIMEOUT_S = 120

FENCE = "src/base/fence.h"
PARKING = "src/base/parking.h"
LANE = "src/core/lane/lane.h"
ROOM = "src/core/lane/lane_room.h"
SEAL = "src/core/lane/lane_seal.h"
SHARED = "src/core/lane/shared_lane.h"
PROMISED = "src/core/lane/promised_places.h"
RIGHT = "src/core/control/dispatch_right.h"
PARK = "src/core/control/park.h"
MAILBOX = "src/core/mailbox/mailbox_queue.h"
NODES = "src/core/mailbox/mail_nodes.h"
MAIL_BELL = "src/core/mailbox/mailbox_bell.h"
READY = "src/core/mailbox/ready_count.h"
CALL = "src/core/mailbox/running_call.h"


class Mutant(NamedTuple):
    protocol: str
    name: str
    path: str
    old: str
    new: str
    test: str  # <name of the test file>:<filter>


MUTANTS = [
    # Parking.
    Mutant("parking", "no heavy barrier", FENCE, "Atomics::membarrier();", "",
           "parking:*OneSleeper*"),
    Mutant("parking", "flag after the barrier", PARKING,
           "    const Ticket ticket = arm() | kArmed;\n    Race::heavy_barrier(mode_);\n",
           "    Race::heavy_barrier(mode_);\n    const Ticket ticket = arm() | kArmed;\n",
           "parking:*OneSleeper*"),
    Mutant("parking", "reset without counting", PARKING, "(seen, seen + 1,", "(seen, seen - 1,",
           "parking:*TakesTheWakeUp*"),
    Mutant("parking", "sleep on whatever the word is", PARKING,
           "futex_wait(word_, ticket, deadline_ns)",
           "futex_wait(word_, word_.load(std::memory_order_relaxed), deadline_ns)",
           "parking:*OneSleeper*"),
    Mutant("parking", "bit cleared, nobody woken", PARKING,
           "    Atomics::futex_wake_all(word_);\n", "", "parking:*OneSleeper*"),
    Mutant("parking", "light store only release", FENCE,
           "work.store(value, std::memory_order_seq_cst)",
           "work.store(value, std::memory_order_release)", "parking:*OneSleeper*"),
    Mutant("parking", "light load only acquire", FENCE,
           "return flag.load(std::memory_order_seq_cst)",
           "return flag.load(std::memory_order_acquire)", "parking:*OneSleeper*"),
    Mutant("parking", "flag only acq_rel", PARKING,
           "fetch_or(kArmed, std::memory_order_seq_cst)",
           "fetch_or(kArmed, std::memory_order_acq_rel)", "parking:*OneSleeper*"),
    # Lane.
    Mutant("lane", "announced before put", LANE,
           "    ring_.put(put_, items, count);\n",
           "    announce(put_ + count);\n"
           "    ring_.put(put_, items, count);\n",
           "lane:*EventsReach*"),
    Mutant("lane", "announced without release", LANE,
           "Race::light_store(mode_, accepted_, end)",
           "accepted_.store(end, std::memory_order_relaxed)", "lane:*EventsReach*"),
    Mutant("lane", "drained before taken out", LANE,
           "      ring_.get(taken_, items, wanted);\n",
           "      room_.give_back(taken_ + wanted, 0);\n"
           "      ring_.get(taken_, items, wanted);\n",
           "lane:*PublisherWaits*"),
    Mutant("lane", "room without acquire", ROOM,
           "cached_drained_ = drained_.load(std::memory_order_acquire)",
           "cached_drained_ = drained_.load(std::memory_order_relaxed)",
           "lane:*PublisherWaits*"),
    Mutant("lane", "room for one too many", ROOM,
           "return credit(put) >= count ||", "return credit(put) + 1 >= count ||",
           "lane:*PublisherWaits*"),
    Mutant("lane", "no second look for room", ROOM,
           "if (credit(put) > 0 || closed()) {", "if (false) {", "lane:*PublisherWaits*"),
    Mutant("lane", "room looked at before the flag", ROOM,
           "    const auto ticket = bell_.prepare();\n"
           "    cached_drained_ = Race::heavy_load(kFence, drained_);  // [L2] [L5]\n",
           "    cached_drained_ = Race::heavy_load(kFence, drained_);\n"
           "    const auto ticket = bell_.prepare();\n",
           "lane:*PublisherWaits*"),
    Mutant("lane", "dispatcher rings nobody", ROOM,
           "    if (capacity_ - left >= wake_room_) {\n      bell_.notify();\n    }\n", "",
           "lane:*PublisherWaits*"),
    Mutant("lane", "room given back with a release only", ROOM,
           "Race::light_store(kFence, drained_, taken)",
           "drained_.store(taken, std::memory_order_release)", "lane:*PublisherWaits*"),
    Mutant("lane", "room counted before it is given back", LANE,
           "      taken_ += wanted;\n"
           "      room_.give_back(taken_, static_cast<std::size_t>(limit - taken_));\n",
           "      const auto left = static_cast<std::size_t>(limit - taken_);\n"
           "      taken_ += wanted;\n      room_.give_back(taken_, left);\n",
           "lane:*WokenForMuch*"),
    Mutant("lane", "a kept place is given to anybody", ROOM,
           "    usable_ -= kept ? 1 : 0;\n", "", "lane:*KeptPlace*"),
    Mutant("lane", "a place kept without room", ROOM,
           "const bool kept = has(put, 1)", "const bool kept = true", "lane:*KeptInRoom*"),
    Mutant("lane", "marked before it is announced", LANE,
           "    announce(first + count);\n    mark(first, first + count);\n",
           "    mark(first, first + count);\n    announce(first + count);\n",
           "lane:*CloseRaces*"),
    Mutant("lane", "marked without release", LANE,
           "store(marks_begin_ + end, std::memory_order_release)",
           "store(marks_begin_ + end, std::memory_order_relaxed)", "lane:*EventsReach*"),
    Mutant("lane", "mark read without acquire", LANE,
           "mark(taken_).load(std::memory_order_acquire)",
           "mark(taken_).load(std::memory_order_relaxed)", "lane:*EventsReach*"),
    Mutant("lane", "a mark of this place counts", LANE,
           "end > taken_ ? covered(end) : taken_", "end >= taken_ ? covered(end + 1) : taken_",
           "lane:*EventsReach*"),
    Mutant("lane", "marks of an earlier publisher count", LANE,
           "    marks_begin_ += put_;\n", "", "lane:*UsedAgain*"),
    Mutant("lane", "marked at the end of the push", LANE,
           "    mark(first, first + count);\n", "    mark(put_ - 1, put_);\n",
           "lane:*Spinning*"),
    Mutant("lane", "a mark is looked for within a push", LANE,
           "known_ != taken_) {", "known_ > taken_) {", "lane:*Spinning*"),
    Mutant("lane", "a seal without a count ends a push", LANE,
           "known_ = known > taken_ ? known : known_;", "known_ = known;", "lane:*SealRacesASpin*"),
    Mutant("lane", "asleep by the mark alone", LANE,
           "bool sees_any() noexcept { return knows_some() || learn(announced()); }",
           "bool sees_any() noexcept { return knows_some() || learn(next_end()); }",
           "lane:*EventsReach*"),
    Mutant("lane", "publisher rings nobody", LANE,
           "      return PushResult::kRefused;\n    }\n    doorbell_.notify();\n",
           "      return PushResult::kRefused;\n    }\n", "lane:*EventsReach*"),
    # Close.
    Mutant("close", "no heavy barrier in the seal", SEAL,
           "      Race::heavy_barrier(mode);\n", "", "lane:*CloseRaces*"),
    Mutant("close", "count read before the barrier", SEAL,
           "      Race::heavy_barrier(mode);\n      seen = kSealing;\n"
           "      name(seen, Race::heavy_load(mode, accepted));",
           "      const Count count = Race::heavy_load(mode, accepted);\n"
           "      Race::heavy_barrier(mode);\n      seen = kSealing;\n"
           "      name(seen, count);", "lane:*CloseRaces*"),
    Mutant("close", "sealed in one step", SEAL,
           "    if (start(seen)) {\n",
           "    if (name(seen, accepted.load(std::memory_order_relaxed))) {\n",
           "lane:*CloseRaces*"),
    Mutant("close", "publisher does not look again", LANE,
           "if (seal_.begun_now(mode_) && !seal_.covers(put_)) [[unlikely]] {", "if (false) {",
           "lane:*CloseRaces*"),
    Mutant("close", "limit ignores the seal", LANE,
           "return std::min(end, seal);", "return end;",
           "lane:*CloseRaces*"),
    Mutant("close", "limit takes a seal that has no count", LANE,
           "if (seal == Seal::kSealing) [[unlikely]] {", "if (false) {", "lane:*CloseRaces*"),
    Mutant("close", "refused although counted", SEAL,
           "return name(seen, put) || put <= seen;", "return name(seen, put);",
           "lane:*CloseRaces*"),
    Mutant("close", "seal wakes no publisher", LANE,
           "    room_.wake_publisher();\n", "", "lane:*CloseWakes*"),
    # Shared lane.
    Mutant("shared lane", "the room of a kept place is free", SHARED,
           "    lose();\n    return true;\n", "    free_room();\n    lose();\n    return true;\n",
           "shared_lane:*KeptPlaceIsTaken*"),
    Mutant("shared lane", "place given up before its ticket is taken", SHARED,
           "    PushResult result = take_ticket(ticket, true);\n",
           "    free_room();\n    PushResult result = take_ticket(ticket, true);\n"
           "    freed_.fetch_sub(1, std::memory_order_seq_cst);\n",
           "shared_lane:*KeptPlaceIsTaken*"),
    Mutant("shared lane", "place given up keeps its room", SHARED,
           "void give_place_up() noexcept { free_room(); }", "void give_place_up() noexcept {}",
           "shared_lane:*PlaceGivenUp*"),
    Mutant("shared lane", "room freed, nobody woken", SHARED,
           "    freed_.fetch_add(1, std::memory_order_seq_cst);\n    credit_bell_.notify();\n",
           "    freed_.fetch_add(1, std::memory_order_seq_cst);\n",
           "shared_lane:*ALostTicket*"),
    Mutant("shared lane", "room freed without release", SHARED,
           "freed_.fetch_add(1, std::memory_order_seq_cst)",
           "freed_.fetch_add(1, std::memory_order_relaxed)", "shared_lane:*ALostTicket*"),
    Mutant("shared lane", "freed room without acquire", SHARED,
           "Race::heavy_load(kCreditFence, freed_)", "freed_.load(std::memory_order_relaxed)",
           "shared_lane:*ALostTicket*"),
    Mutant("shared lane", "a kept place leads past the seal", SHARED,
           "      if ((ticket & kSealed) != 0) {\n        return PushResult::kSealed;",
           "      if ((ticket & kSealed) != 0 && !has_place) {\n"
           "        return PushResult::kSealed;",
           "shared_lane:*CloseRacesAKept*"),
    Mutant("shared lane", "place given up although no event is in", SHARED,
           "    if (result == PushResult::kAccepted) {\n      give_place_up();\n    }\n",
           "    give_place_up();\n", "shared_lane:*KeptUntil*"),
    Mutant("shared lane", "the last place may be kept", PROMISED,
           "if (seen + 1 >= capacity_) {", "if (seen + 1 > capacity_) {",
           "shared_lane:*KeptByNobody*"),
    Mutant("shared lane", "a kept place is waited for by a flush", SHARED,
           "    lose();\n    return true;\n", "    return true;\n",
           "shared_lane:*WaitForAKeptPlace*"),
    Mutant("shared lane", "ticket read before the room", SHARED,
           "      const Count left = this->left();  // before tickets_: what has left has a ticket"
           " we then see\n      ticket = tickets_.load(std::memory_order_relaxed);\n",
           "      ticket = tickets_.load(std::memory_order_relaxed);\n"
           "      const Count left = this->left();\n", "shared_lane:*RoomIsNotDenied*"),
    Mutant("shared lane", "room without acquire", SHARED,
           "Race::heavy_load(kCreditFence, drained_) +",
           "drained_.load(std::memory_order_relaxed) +", "shared_lane:*RoomIsNotDenied*"),
    Mutant("shared lane", "counted before enqueued", SHARED,
           "    item.sequence = ticket;\n    if (!queue_.enqueue(item)) [[unlikely]] {\n"
           "      free_room();\n      lose();\n"
           "      return PushResult::kNoMemory;\n    }\n    arrive();\n",
           "    item.sequence = ticket;\n    arrive();\n"
           "    if (!queue_.enqueue(item)) [[unlikely]] {\n      free_room();\n      lose();\n"
           "      return PushResult::kNoMemory;\n    }\n", "shared_lane:*EventsReach*"),
    Mutant("shared lane", "counted without release", SHARED,
           "arrived_.fetch_add(1, std::memory_order_seq_cst)",
           "arrived_.fetch_add(1, std::memory_order_relaxed)", "shared_lane:*EventsReach*"),
    Mutant("shared lane", "count read after the look", SHARED,
           "    const std::size_t count = queue_.dequeue(items, max);\n",
           "    const std::size_t count = queue_.dequeue(items, max);\n"
           "    seen_arrived_ = Race::heavy_load(mode_, arrived_);\n",
           "shared_lane:*EventsReach*"),
    Mutant("shared lane", "lost ticket keeps its room", SHARED,
           "      free_room();\n      lose();\n", "      lose();\n", "shared_lane:*ALostTicket*"),
    Mutant("shared lane", "lost ticket never arrives", SHARED,
           "    lost_.fetch_add(1, std::memory_order_seq_cst);\n    arrive();\n"
           "    doorbell_.notify();\n",
           "    lost_.fetch_add(1, std::memory_order_seq_cst);\n", "shared_lane:*FlushDoesNot*"),
    Mutant("shared lane", "seal wakes no publisher", SHARED,
           "    tickets_.fetch_or(kSealed, std::memory_order_seq_cst);\n"
           "    credit_bell_.notify();\n",
           "    tickets_.fetch_or(kSealed, std::memory_order_seq_cst);\n",
           "shared_lane:*CloseWakes*"),
    Mutant("shared lane", "flush ends one early", SHARED,
           "limit - taken_ - lost, lost}",
           "limit - taken_ - lost - (limit != taken_ + lost ? 1 : 0), lost}",
           "shared_lane:*FlushCovers*"),
    # Dispatch right.
    Mutant("dispatch right", "failed attempt only relaxed", RIGHT,
           "std::memory_order_seq_cst,\n"
           "                                         std::memory_order_seq_cst);",
           "std::memory_order_seq_cst,\n"
           "                                         std::memory_order_relaxed);",
           "dispatch_right:*LeftBehind*"),
    Mutant("dispatch right", "given back only with release", RIGHT,
           "held_.store(false, std::memory_order_seq_cst)",
           "held_.store(false, std::memory_order_release)", "dispatch_right:*LeftBehind*"),
    Mutant("dispatch right", "no look after giving back", RIGHT,
           "while (!empty() && try_acquire_and_run())", "while (false)",
           "dispatch_right:*LeftBehind*"),
    Mutant("dispatch right", "look before giving back", RIGHT,
           "    do {\n      give_back();\n    } while (!empty() && try_acquire_and_run());\n",
           "    while (!empty()) {\n      run_commands();\n    }\n    give_back();\n",
           "dispatch_right:*LeftBehind*"),
    Mutant("dispatch right", "pushed without release", RIGHT,
           "compare_exchange_weak(head, &order, std::memory_order_seq_cst,",
           "compare_exchange_weak(head, &order, std::memory_order_relaxed,",
           "dispatch_right:*TwoSubmitters*"),
    Mutant("dispatch right", "given back without release", RIGHT,
           "held_.store(false, std::memory_order_seq_cst)",
           "held_.store(false, std::memory_order_relaxed)", "dispatch_right:*TwoSubmitters*"),
    Mutant("dispatch right", "youngest command first", RIGHT,
           "Order* order = in_order(take_all());", "Order* order = take_all();",
           "dispatch_right:*RunInOrder*"),
    # Unsubscribe.
    Mutant("unsubscribe", "right kept while asleep", PARK,
           "  right.release();\n  bell.sleep(ticket, until_ns);\n  right.acquire();\n",
           "  bell.sleep(ticket, until_ns);\n", "dispatch_right:*WhileItSleeps*"),
    Mutant("unsubscribe", "no last look before the sleep", PARK,
           "  if (has_work()) {\n    return;\n  }\n", "", "dispatch_right:*EndOf*"),
    Mutant("unsubscribe", "look before the bell is armed", PARK,
           "  const typename Bell::Ticket ticket = bell.prepare();\n  if (has_work()) {\n"
           "    return;\n  }\n",
           "  if (has_work()) {\n    return;\n  }\n"
           "  const typename Bell::Ticket ticket = bell.prepare();\n", "dispatch_right:*EndOf*"),
    Mutant("unsubscribe", "done without release", RIGHT,
           "state.exchange(kDone, std::memory_order_release)",
           "state.exchange(kDone, std::memory_order_relaxed)", "dispatch_right:*OneSubmitter*"),
    Mutant("unsubscribe", "done without acquire", RIGHT,
           "return state.load(std::memory_order_acquire) == kDone",
           "return state.load(std::memory_order_relaxed) == kDone",
           "dispatch_right:*OneSubmitter*"),
    Mutant("unsubscribe", "done, nobody woken", RIGHT,
           "      Atomics::futex_wake_all(state);\n", "", "dispatch_right:*OneSubmitter*"),
    Mutant("unsubscribe", "await overwrites done", RIGHT,
           "    state.compare_exchange_strong(seen, kAwaited, std::memory_order_acquire,\n"
           "                                  std::memory_order_acquire);\n",
           "    seen = state.exchange(kAwaited, std::memory_order_acquire);\n",
           "dispatch_right:*OneSubmitter*"),
    # Mailbox.
    Mutant("mailbox", "cell filled without release", MAILBOX,
           "cell(at).store(packed, std::memory_order_release)",
           "cell(at).store(packed, std::memory_order_relaxed)", "mailbox:*ItemsReach*"),
    Mutant("mailbox", "node read without acquire", MAILBOX,
           "compare_exchange_strong(seen, pack(at, kNone), std::memory_order_acquire,",
           "compare_exchange_strong(seen, pack(at, kNone), std::memory_order_relaxed,",
           "mailbox:*UnderTheOwner*"),
    Mutant("mailbox", "replaced without release", MAILBOX,
           "compare_exchange_strong(seen, pack(at, node), std::memory_order_release",
           "compare_exchange_strong(seen, pack(at, node), std::memory_order_relaxed",
           "mailbox:*IsReplaced*"),
    Mutant("mailbox", "taken by both sides", MAILBOX,
           "    return cell(at).compare_exchange_strong(seen, pack(at, kNone), "
           "std::memory_order_acquire,\n"
           "                                            std::memory_order_relaxed);\n",
           "    cell(at).exchange(pack(at, kNone), std::memory_order_acquire);\n"
           "    return seen != 0;\n",
           "mailbox:*UnderTheOwner*"),
    Mutant("mailbox", "first position not told", MAILBOX,
           "    first_.store(first_known_, std::memory_order_relaxed);\n", "",
           "mailbox:*TakenBackUnder*"),
    Mutant("mailbox", "the cell taken back not passed over", MAILBOX,
           "        pass_empty_cells();  // there is room now, and the cell may be filled again\n",
           "", "mailbox:*TakenBackUnder*"),
    Mutant("mailbox", "a full cell passed over", MAILBOX,
           "    while (first_known_ != tail_ && node_of(peek(first_known_)) == kNone) {",
           "    while (first_known_ != tail_) {", "mailbox:*NewestIsDropped*"),
    Mutant("mailbox", "replaced whatever lies there", MAILBOX,
           "if (distance(seen, at) != 0 || node_of(seen) == kNone) {",
           "if (distance(seen, at) != 0) {", "mailbox:*IsReplaced*"),
    Mutant("mailbox", "node given back without release", NODES,
           "compare_exchange_weak(top, node, std::memory_order_release",
           "compare_exchange_weak(top, node, std::memory_order_relaxed",
           "mailbox:*UnderTheOwner*"),
    Mutant("mailbox", "node taken again without acquire", NODES,
           "given_back_.exchange(kNone, std::memory_order_acquire)",
           "given_back_.exchange(kNone, std::memory_order_relaxed)", "mailbox:*UnderTheOwner*"),
    Mutant("mailbox", "node given back before it is read", MAILBOX,
           "        item = nodes_.contents().take(node_of(seen));\n"
           "        nodes_.give_back(node_of(seen));\n",
           "        nodes_.give_back(node_of(seen));\n"
           "        item = nodes_.contents().take(node_of(seen));\n",
           "mailbox:*UnderTheOwner*"),
    Mutant("mailbox", "one node less", MAILBOX, "return capacity + 2;", "return capacity + 1;",
           "mailbox:*IsReplaced*"),
    Mutant("mailbox", "a kept item taken back", MAILBOX, "if ((seen & kKeptBit) != 0) {",
           "if (false) {", "mailbox:*KeptItem*"),
    Mutant("mailbox", "announced with release only", MAIL_BELL,
           "published_.store(tail, std::memory_order_seq_cst)",
           "published_.store(tail, std::memory_order_release)", "mailbox:*ThatSleeps*"),
    Mutant("mailbox", "bell read with acquire only", MAIL_BELL,
           "if (state_.load(std::memory_order_seq_cst) != kAnnounced) {",
           "if (state_.load(std::memory_order_acquire) != kAnnounced) {", "mailbox:*ThatSleeps*"),
    Mutant("mailbox", "rest with release only", MAIL_BELL,
           "state_.store(kIdle, std::memory_order_seq_cst)",
           "state_.store(kIdle, std::memory_order_release)", "mailbox:*ThatSleeps*"),
    Mutant("mailbox", "last look with acquire only", MAIL_BELL,
           "return published_.load(std::memory_order_seq_cst);",
           "return published_.load(std::memory_order_acquire);", "mailbox:*ThatSleeps*"),
    Mutant("mailbox", "no last look before the sleep", MAIL_BELL,
           "const bool more = published() > next;", "const bool more = false;",
           "mailbox:*ThatSleeps*"),
    Mutant("mailbox", "rest forgets that there is more", MAIL_BELL,
           "    if (more) {\n      raise();\n    }\n", "", "mailbox:*SignalIsThat*"),
    Mutant("mailbox", "asleep without a look", MAIL_BELL,
           "    if (!state_.compare_exchange_strong(seen, kAsleep, std::memory_order_seq_cst,\n"
           "                                        std::memory_order_relaxed)) {\n"
           "      return true;\n    }\n",
           "    state_.store(kAsleep, std::memory_order_seq_cst);\n", "mailbox:*ThatSleeps*"),
    Mutant("mailbox", "announced, nobody woken", MAIL_BELL,
           "      Atomics::futex_wake_all(state_);\n", "", "mailbox:*ThatSleeps*"),
    Mutant("mailbox", "signal settled once", READY, "while (any() != set);", "while (false);",
           "mailbox:*SignalIsThat*"),
    Mutant("running call", "no look whether it is cancelled", CALL,
           "    return !is_cancelled(receiver);\n", "    return true;\n",
           "running_call:*WaitsFor*"),
    Mutant("running call", "looked before it is named", CALL,
           "    name(&receiver);\n    return !is_cancelled(receiver);\n",
           "    const bool cancelled = is_cancelled(receiver);\n    name(&receiver);\n"
           "    return !cancelled;\n", "running_call:*WaitsFor*"),
    Mutant("running call", "cancelled without a barrier", CALL,
           "    Race::heavy_barrier(mode_);\n", "", "running_call:*DoesNotWait*"),
    Mutant("running call", "cancelled with release only", CALL,
           "cancelled.store(true, std::memory_order_seq_cst)",
           "cancelled.store(true, std::memory_order_release)", "running_call:*DoesNotWait*"),
    Mutant("running call", "leavers looked for before it ends", CALL,
           "    name(nullptr);\n    return is_cancelled(receiver);\n",
           "    const bool cancelled = is_cancelled(receiver);\n    name(nullptr);\n"
           "    return cancelled;\n", "running_call:*DoesNotWait*"),
    Mutant("running call", "the call seen without acquire", CALL,
           "return Race::heavy_load(mode_, running_) == &receiver;",
           "return running_.load(std::memory_order_relaxed) == &receiver;",
           "running_call:*WaitsFor*"),
    Mutant("mailbox", "signal never cleared", READY, "        signal_.clear();\n", "",
           "mailbox:*SignalIsThat*"),
]


class Build(NamedTuple):
    """What no mutant changes: the scheduler, and a precompiled header."""

    compiler: str
    objects: list[str]
    header: str

    def command(self, *arguments: str) -> list[str]:
        return [self.compiler, *FLAGS, *arguments]


def prepare(compiler: str, folder: pathlib.Path, jobs: int) -> Build:
    build = Build(compiler, [str(folder / f"{name}.o") for name in MODEL_SOURCES],
                  str(folder / "same.h"))
    pathlib.Path(build.header).write_text(SAME_FOR_ALL, "utf-8")
    commands = [build.command(f"-I{ROOT}/src", f"-I{ROOT}/tests", "-c",
                              f"{ROOT}/tests/model/{name}.cc", "-o", out)
                for name, out in zip(MODEL_SOURCES, build.objects)]
    commands.append(build.command("-x", "c++-header", build.header, "-o", build.header + ".gch"))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda command: subprocess.run(command, check=True), commands))
    return build


def mutate(mutant: Mutant, tree: pathlib.Path) -> str:
    """Puts the changed file into `tree`. Returns what is wrong with the table, if anything."""
    text = (ROOT / mutant.path).read_text("utf-8")
    found = text.count(mutant.old)
    if found != 1:
        return f"its place is found {found} times in {mutant.path}"
    path = tree / mutant.path
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
    return ""


def survived(mutant: Mutant, build: Build) -> tuple[str, str]:
    """Why the mutant survived, or an empty text; and how it was found out."""
    test, test_filter = mutant.test.split(":")
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        wrong = mutate(mutant, tree)
        if wrong:
            return wrong, ""
        program = str(tree / "mutant")
        source = f"tests/model/{test}_model_test.cc"
        source = str((tree if mutant.path == source else ROOT) / source)
        built = subprocess.run(  # The changed file is found before the original.
            build.command("-include", build.header, f"-I{tree}/src", f"-I{ROOT}/src",
                          f"-I{ROOT}/tests", source, *build.objects, "-o", program,
                          "-lgtest_main", "-lgtest", "-lpthread"),
            capture_output=True, text=True, check=False)
        if built.returncode != 0:
            return "it does not compile:\n" + built.stderr[:2000], ""
        return run_test(program, test_filter)


def run_test(program: str, test_filter: str) -> tuple[str, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HERALD_")}
    try:
        done = subprocess.run([program, f"--gtest_filter={test_filter}", "--gtest_fail_fast"],
                              capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
                              env=environment)
    except subprocess.TimeoutExpired:
        return f"{test_filter} did not end", ""
    if done.returncode == 0:
        ran = "0 tests ran" not in done.stdout and "[  PASSED  ] 0" not in done.stdout
        return f"{test_filter} passes" if ran else f"no test is called {test_filter}", ""
    failure = re.search(r"MODEL FAILURE .*\n(.*)", done.stdout)
    if done.returncode != 1 or failure is None:
        return f"{test_filter} ended with {done.returncode}\n{done.stdout[-1000:]}{done.stderr}", ""
    return "", failure.group(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default=os.environ.get("CXX", "c++"))
    parser.add_argument("--only", default="", help="mutants whose protocol or name has this text")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if options.only in f"{m.protocol}: {m.name}"]
    with tempfile.TemporaryDirectory() as folder:
        build = prepare(options.compiler, pathlib.Path(folder), options.jobs)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(lambda m: survived(m, build), chosen))
    for mutant, (reason, failure) in zip(chosen, results):
        outcome = f"SURVIVED: {reason}" if reason else f"killed: {failure}"
        print(f"{mutant.protocol}: {mutant.name}: {outcome}")
    for protocol in dict.fromkeys(m.protocol for m in chosen):
        own = [r for m, r in zip(chosen, results) if m.protocol == protocol]
        print(f"{protocol}: killed {sum(not reason for reason, _ in own)}/{len(own)}")
    killed = sum(not reason for reason, _ in results)
    print(f"killed {killed}/{len(chosen)}")
    return 0 if killed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
