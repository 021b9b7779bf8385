// core/mailbox/running_call.h under the controlled scheduler: a drainer that calls two receivers,
// threads that remove one of them and free what its calls use.
//
// Forbidden: a call that runs, or starts, after its receiver was freed; an effect of a call that
// who waited for it does not see; a thread that sleeps for ever; one that leaves the freeing to the
// drainer, and nobody frees.
#include <cstdint>

#include <gtest/gtest.h>

#include "core/control/dispatch_right.h"
#include "core/mailbox/running_call.h"
#include "model/explore.h"
#include "model/fence_modes.h"

namespace herald::model {
namespace {

struct Receiver {
  Atomic<bool> cancelled{false};
  Var<int> state{0};  // what its calls use; freed: -1
  Atomic<int> leavers{0};
  core::Command<ModelAtomics> end;
};
using Call = core::RunningCall<ModelAtomics, Receiver>;

constexpr std::int64_t kNever = ModelAtomics::kNoDeadline;
constexpr int kFreed = -1;

class CallRun {
 public:
  CallRun(Scheduler& run, base::FenceMode mode) : call_(mode) {
    run.name("call", call_);
    run.name("receiver", receiver_);
  }

  // Drainer.

  void call(int times) {
    for (int i = 0; i < times; ++i) {
      call_once(other_);
      call_once(receiver_);
    }
  }

  // Others.

  /// The drainer frees it if a call is running. As mailbox_members.cc, where a mutex guards what
  /// leavers counts here.
  void remove_without_waiting() {
    receiver_.leavers.store(1, std::memory_order_release);
    if (!call_.cancel(receiver_)) {
      free_if_left();
    }
  }
  void remove() {
    remove_without_waiting();
    check(receiver_.end.await(kNever), "timed out without a deadline");
    check_freed();
  }

  // Afterwards.

  void check_freed() { check(receiver_.state.get() == kFreed, "nobody has freed it"); }

 private:
  void call_once(Receiver& receiver) {
    if (call_.begin(receiver)) {
      const int before = receiver.state.get();
      check(before != kFreed, "called after it was freed");
      receiver.state.set(before + 1);
    }
    if (call_.end(receiver)) {
      free_if_left();
    }
  }
  void free_if_left() {
    if (receiver_.leavers.exchange(0, std::memory_order_acq_rel) != 0) {
      free();
    }
  }
  void free() {
    receiver_.state.set(kFreed);
    receiver_.end.complete();
  }

  Call call_;
  Receiver receiver_;
  Receiver other_;
};

class RunningCallModel : public FenceModes {};

INSTANTIATE_TEST_SUITE_P(Fences, RunningCallModel, FenceModes::both(), FenceModes::suffix);

TEST_P(RunningCallModel, WhoRemovesWaitsForTheCall) {
  const Report report = expect_holds(named("remove"), [](Scheduler& run) {
    CallRun call(run, mode());
    run.spawn("drainer", [&] { call.call(2); });
    run.spawn("remover", [&] { call.remove(); });
    run.join();
    call.check_freed();
  });
  EXPECT_GT(report.sleeps, 0U);
}

TEST_P(RunningCallModel, WhoDoesNotWaitLeavesItToTheDrainer) {
  expect_holds(named("remove without waiting"), [](Scheduler& run) {
    CallRun call(run, mode());
    run.spawn("drainer", [&] { call.call(2); });
    run.spawn("remover", [&] { call.remove_without_waiting(); });
    run.join();
    call.check_freed();
  });
}

}  // namespace
}  // namespace herald::model
