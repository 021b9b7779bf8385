// Watchdog: the sampler, a thread that looks now and then at where the dispatching thread
// is, and tells it who is slow.
#include "core/watchdog/watchdog.h"

#include <sys/prctl.h>

#include "absl/strings/str_cat.h"
#include "core/control/thread_signals.h"
#include "core/dispatch/dispatcher.h"

namespace herald::core {

Watchdog::Watchdog(Dispatcher& dispatcher, WatchPost& post, const BusOptions& options)
    : dispatcher_(dispatcher),
      post_(post),
      slow_after_ns_(options.slow_after.count()),
      pace_(slow_after_ns_),
      watch_(base::Clock::to_ticks(slow_after_ns_), base::Clock::to_ticks(pace_.far_pause_ns())) {
  note_.action = [](Dispatcher& holder, void*) { holder.delivery().act_on_strikes(); };
}

absl::Status Watchdog::start() {
  if (slow_after_ns_ == 0) {
    return absl::OkStatus();
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  const sigset_t blocked = signals_of_others();
  pthread_attr_setsigmask_np(&attributes, &blocked);
  const int error = pthread_create(&thread_, &attributes, &entry, this);
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the system gave no thread for BusOptions::slow_after (error ", error, "); 0 needs none"));
  }
  started_ = true;
  return absl::OkStatus();
}

void Watchdog::stop() noexcept {
  if (started_) {
    post_.stop();
    pthread_join(thread_, nullptr);
    started_ = false;
  }
}

void* Watchdog::entry(void* self) noexcept {
  pthread_setname_np(pthread_self(), "herald-watch");
  prctl(PR_SET_TIMERSLACK, 1);  // ns; else each pause may be 50 us longer
  static_cast<Watchdog*>(self)->run();
  return nullptr;
}

void Watchdog::run() noexcept {
  WatchPost::Activity seen = post_.activity();
  std::int64_t quiet_since_ns = base::Clock::monotonic_ns();
  while (!post_.stopping()) {
    look(base::Clock::now());
    const std::int64_t now_ns = base::Clock::monotonic_ns();
    const WatchPost::Activity activity = post_.activity();
    const bool quiet = activity == seen && WatchPost::rests(activity);
    if (!quiet) {
      seen = activity;
      quiet_since_ns = now_ns;
    } else if (now_ns - quiet_since_ns >= LookPace::kRestNs) {
      rest(seen);
      quiet_since_ns = base::Clock::monotonic_ns();
      continue;
    }
    post_.pause(now_ns + pace_.next_pause_ns(watch_, quiet));
  }
}

void Watchdog::look(base::Ticks now) noexcept {
  StayRing& ring = post_.ring();
  const bool struck = watch_.look(
      dispatcher_.delivery().stay(), now, [this](std::int32_t thread) { return waited(thread); },
      [&ring](const StayReport& report) { return ring.put(report); });
  post_.count_look();
  post_.set_lost(watch_.lost());
  if (struck || ring.is_half_full()) {
    post_.ask(dispatcher_.right(), note_);
  }
}

base::Ticks Watchdog::waited(std::int32_t thread) noexcept {
  if (thread != delay_of_) {
    delay_.emplace(thread);
    delay_of_ = thread;
  }
  const std::int64_t delay_ns = delay_->read_ns();
  return delay_ns < 0 ? -1 : base::Clock::to_ticks(delay_ns);
}

void Watchdog::rest(WatchPost::Activity seen) noexcept {
  post_.sleep_until_work(seen);
  watch_.resume(base::Clock::now());
}

}  // namespace herald::core
