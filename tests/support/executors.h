// Mailboxes that call the subscribers which deliver on them.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <semaphore>
#include <thread>

#include "herald/herald.h"
#include "support/buses.h"

namespace herald::support {

inline Mailbox executor(Bus& bus, std::size_t capacity = 16,
                        MailboxOverflow overflow = MailboxOverflow::kDropOldest) {
  return bus.mailbox({.capacity_events = capacity, .overflow = overflow}).value();
}

/// A call that runs on a mailbox, on a thread of its own, until it is let go. Later ones end at
/// once.
class BusyMailbox {
 public:
  explicit BusyMailbox(Bus& bus) : mailbox_(executor(bus)) {
    subscription = bus.subscribe({.types = kToken},
                                 [this, alive = std::make_shared<int>(0)](const Event&) {
                                   watched = alive;
                                   if (++calls == 1) {
                                     entered_.release();
                                     let_go_.acquire();
                                     ended.store(true, std::memory_order_relaxed);
                                   }
                                 },
                                 {.deliver_on = mailbox_})
                       .value();
  }
  /// Its call is running on return.
  void begin(Bus& bus) {
    ASSERT_EQ(bus.publish(kToken, "x"), PublishResult::kAccepted);
    ASSERT_TRUE(bus.flush(kLong).ok());
    drainer_.emplace([this] { mailbox_.drain(); });
    entered_.acquire();
  }
  void let_go() { let_go_.release(); }
  void join() { drainer_->join(); }

  Subscription subscription;
  std::size_t calls = 0;
  std::weak_ptr<int> watched;
  std::atomic<bool> ended{false};

 private:
  Mailbox mailbox_;
  std::binary_semaphore entered_{0};
  std::binary_semaphore let_go_{0};
  std::optional<std::jthread> drainer_;
};

}  // namespace herald::support
