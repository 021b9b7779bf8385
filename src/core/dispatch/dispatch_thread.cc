// Dispatch, thread: holds the dispatch right while there is work, sleeps when there is
// none.
#include "core/dispatch/dispatch_thread.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/assert.h"
#include "base/cpu_pause.h"
#include "core/control/park.h"
#include "core/control/thread_signals.h"

namespace herald::core {
namespace {

constexpr std::int64_t kOneTurnNs = 1'000'000;  // of kSpin, between two looks at everything else

}  // namespace

absl::Status DispatchThread::start() {
  const int error = create();
  if (error == EINVAL && options_.thread.processor.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "BusOptions::thread.processor is ", *options_.thread.processor, "; allowed: 0 to ",
        sysconf(_SC_NPROCESSORS_CONF) - 1, ", of those that this process may use"));
  }
  if (error != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the system gave no dispatcher thread (error ", error, ")"));
  }
  started_ = true;
  return absl::OkStatus();
}

// The kernel is asked for the processor before the thread runs: it alone knows which are allowed.
int DispatchThread::create() noexcept {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (options_.thread.processor.has_value()) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(*options_.thread.processor, &only);
    pthread_attr_setaffinity_np(&attributes, sizeof(only), &only);
  }
  const sigset_t blocked = signals_of_others();
  pthread_attr_setsigmask_np(&attributes, &blocked);
  const int error = pthread_create(&thread_, &attributes, &entry, this);
  pthread_attr_destroy(&attributes);
  return error;
}

void DispatchThread::stop() noexcept {
  if (!started_) {
    return;
  }
  request_stop();
  doorbell_.notify();
  pthread_join(thread_, nullptr);
  started_ = false;
}

void* DispatchThread::entry(void* self) noexcept {
  auto* thread = static_cast<DispatchThread*>(self);
  thread->prepare();
  thread->run();
  return nullptr;
}

void DispatchThread::prepare() noexcept {
  const DispatcherThreadOptions& options = options_.thread;
  pthread_setname_np(pthread_self(), options.name.c_str());
  if (options.on_start) {
    options.on_start();
  }
}

// Bounds the time to a stop: where the clock is read anyway, by time, else by a batch.
DispatchBudget DispatchThread::round_budget() const noexcept {
  constexpr std::int64_t kRoundNs = 10'000'000;
  return options_.latency
             ? DispatchBudget{.until = now_ + base::Clock::to_ticks(kRoundNs), .exact = false}
             : DispatchBudget{.events = options_.batch_events};
}

void DispatchThread::run() noexcept {
  dispatcher_.right().acquire();
  dispatcher_.stalls().begin();
  now_ = base::Clock::now();
  while (!stopping()) {
    const bool dispatched = dispatcher_.dispatch(round_budget(), /*bounded=*/false) != 0;
    if (!dispatched && !dispatcher_.delivery().can_serve_joiner()) {
      idle();
    } else {
      now_ = std::max(now_, dispatcher_.delivery().last_ticks());
    }
  }
  dispatcher_.right().release();
}

bool DispatchThread::has_work(base::Ticks now) const noexcept {
  return stopping() || dispatcher_.has_work(now);
}

void DispatchThread::idle() noexcept {
  switch (options_.wait) {
    case WaitStrategy::kSpin:
      spin(base::Clock::to_ticks(kOneTurnNs));
      return;
    case WaitStrategy::kPark:
      park();
      return;
    case WaitStrategy::kAdaptive:
      break;
  }
  if (spin(base::Clock::to_ticks(options_.spin.count()))) {
    return;
  }
  constexpr int kYields = 4;
  for (int i = 0; i < kYields; ++i) {
    if (has_work(base::Clock::now())) {
      return;
    }
    sched_yield();
  }
  park();
}

// Whether there is work. Time that passes here and is not ours is a stall. The clock takes as long
// to read as the lanes to look at: it is read at every fourth look, and not again for the work.
bool DispatchThread::spin(base::Ticks spin_ticks) noexcept {
  constexpr int kLooks = 4;
  dispatcher_.stalls().refresh();
  now_ = base::Clock::now();
  const base::Ticks end = now_ + spin_ticks;
  while (now_ < end) {
    for (int look = 0; look < kLooks; ++look) {
      if (stopping() || dispatcher_.has_ripe_work(now_)) {
        return true;
      }
      base::cpu_pause();
    }
    const base::Ticks before = now_;
    now_ = base::Clock::now();
    dispatcher_.stalls().observe(before, now_);
  }
  return has_work(now_);  // A publisher may be held up before it marks what it has announced.
}

void DispatchThread::park() noexcept {
  if (has_work(base::Clock::now())) {
    return;  // a lane may be in a pause (drain_pace.h); prepare() would cost more than that
  }
  const auto look = [this] {
    now_ = base::Clock::now();
    return has_work(now_);
  };
  const auto deadline_ns = [this] {
    dispatcher_.count_park();
    const base::Ticks deadline = dispatcher_.next_deadline();
    return deadline == base::Clock::kNever
               ? base::NativeAtomics::kNoDeadline
               : base::Clock::monotonic_ns() + base::Clock::to_ns(deadline - now_);
  };
  core::park(dispatcher_.right(), doorbell_, look, deadline_ns);
  dispatcher_.stalls().forget();
  now_ = base::Clock::now();
}

}  // namespace herald::core
