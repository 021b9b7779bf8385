// The runtime, ending: close, drain and the end of a runtime, and what is said about what was lost.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/assert.h"
#include "core/option_check.h"
#include "core/runtime.h"

namespace herald::core {

void Runtime::close() noexcept {
  closed_.store(true, std::memory_order_release);  // [X1] pairs with closed()
  shared_.lane().seal();
  lanes_.seal_all();
}

// One moment of a drain: what is left, and whether the flush before it is served.
struct Runtime::DrainLook : Order {
  std::shared_ptr<FlushRequest> flush;
  std::uint64_t distance_before = 0;
  bool flushed = false;
  std::uint64_t distance = 0;  // of what is held to the end of the chain
  BusStats stats;

  [[nodiscard]] std::uint64_t undelivered() const noexcept { return stats.queued + stats.held; }
  // Otherwise another flush changes nothing, or has no time. What is queued and not held was sent
  // by a deadline since the flush.
  [[nodiscard]] bool gets_on() const noexcept {
    return flushed && undelivered() != 0 && (stats.held == 0 || distance < distance_before);
  }
  void take(Dispatcher& dispatcher) {
    flushed = flush->served.done();
    dispatcher.fill(stats);
    distance = dispatcher.delivery().distance_of_held();
    if (stats.held != 0 && gets_on()) {
      dispatcher.delivery().expire_deadlines();  // It comes out now rather than at its time.
    }
  }
};

// Null if a callback leaves no time for the look. The order lives on by itself then.
std::shared_ptr<Runtime::DrainLook> Runtime::flush_and_look(std::uint64_t distance_before,
                                                            std::int64_t deadline_ns) {
  constexpr std::chrono::milliseconds kGrace{10};
  auto look = std::make_shared<DrainLook>();
  look->flush = ask_for_flush();
  look->distance_before = distance_before;
  await(*look->flush, deadline_ns);
  const auto action = [](Dispatcher& dispatcher, void* subject) {
    static_cast<DrainLook*>(subject)->take(dispatcher);
  };
  submit(*look, action, look.get(), look);
  return look->await(std::max(deadline_ns, base::Clock::monotonic_deadline(kGrace))) ? look
                                                                                     : nullptr;
}

absl::StatusOr<DrainReport> Runtime::drain(std::chrono::nanoseconds timeout) {
  if (absl::Status outside = refuse_in_callback("drain"); !outside.ok()) {
    return outside;
  }
  if (absl::Status legal = check_timeout("drain: timeout", timeout); !legal.ok()) {
    return legal;
  }
  close();
  const std::int64_t deadline_ns = base::Clock::monotonic_deadline(timeout);
  std::shared_ptr<DrainLook> look = flush_and_look(UINT64_MAX, deadline_ns);
  while (look != nullptr && look->gets_on()) {
    doorbell_.notify();
    look = flush_and_look(look->distance, deadline_ns);
  }
  DrainReport report;
  if (look != nullptr) {
    const BusStats& now = look->stats;
    report = {true, look->flushed && look->undelivered() == 0, look->undelivered(), now.held, {}};
    std::copy_if(now.publishers.begin(), now.publishers.end(),
                 std::back_inserter(report.incomplete),
                 [](const PublisherStats& row) { return row.queued != 0; });
  }
  return report;
}

void Runtime::shut_down() noexcept {
  HERALD_ASSERT(!in_callback(), "a bus was destroyed inside one of its own callbacks");
  close();
  if (options_.drain_on_destroy.count() > 0) {
    static_cast<void>(drain(options_.drain_on_destroy));
  }
  thread_.stop();
  watchdog_.stop();
  const std::uint64_t held = stats().held;
  leave_mailboxes();
  dispatcher_.right().acquire();
  dispatcher_.right().run_commands();
  dispatcher_.discard_all();
  end_mailboxes();
  dispatcher_.right().release();
  report_losses(held);
  // No callback runs any more. What these own may be a handle of this bus.
  const auto on_error = std::exchange(options_.on_error, nullptr);
  const auto on_slow = std::exchange(options_.on_slow, nullptr);
  const auto on_start = std::exchange(options_.thread.on_start, nullptr);
}

void Runtime::report_losses(std::uint64_t held) noexcept {
  const BusStats now = stats();
  HERALD_ASSERT(now.total.accepted + now.emitted ==
                    now.dispatched + now.middleware_dropped + now.held + now.discarded + now.queued,
                "events were lost or made up: a bug in Herald");
  if (now.discarded != 0) {
    std::fprintf(stderr, "herald: a bus was destroyed with %llu accepted events undelivered:",
                 static_cast<unsigned long long>(now.discarded));
    for (std::size_t i = 0; i < now.publishers.size(); ++i) {
      const PublisherStats& row = now.publishers[i];
      if (row.discarded != 0) {
        const std::string name =
            row.name.empty() ? absl::StrCat("publisher #", i) : absl::StrCat("\"", row.name, "\"");
        std::fprintf(stderr, " %s %llu", name.c_str(),
                     static_cast<unsigned long long>(row.discarded));
      }
    }
    std::fputc('\n', stderr);
  }
  if (held != 0) {
    std::fprintf(stderr, "herald: a bus was destroyed with %llu events held by middleware\n",
                 static_cast<unsigned long long>(held));
  }
}

}  // namespace herald::core
