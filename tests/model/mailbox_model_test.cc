// core/mailbox/mailbox_queue.h, mailbox_bell.h and ready_count.h under the controlled scheduler: a
// dispatcher that puts in, takes back and replaces, an owner that sleeps, other mailboxes of the
// same waker.
//
// Forbidden: an item lost, duplicated or reordered; one given to the owner that was taken back;
// more inside than the capacity; an owner that sleeps while there is something; a signal that is
// set at rest though no mailbox has something, or not set though one has.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/mailbox/mailbox_bell.h"
#include "core/mailbox/mailbox_queue.h"
#include "core/mailbox/ready_count.h"
#include "model/explore.h"

namespace herald::model {
namespace {

/// Nodes as plain data: what the queue does not order is found as a data race.
class Nodes {
 public:
  using Item = int;
  using Node = std::uint32_t;

  explicit Nodes(std::size_t count) : items_(count), next_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      items_[i] = std::make_unique<Var<int>>(0);
      next_[i] = std::make_unique<Var<Node>>(0);
    }
  }

  void put(Node node, int&& item) { at(items_, node).set(item); }
  [[nodiscard]] int take(Node node) const { return at(items_, node).get(); }
  [[nodiscard]] Node next(Node node) const { return at(next_, node).get(); }
  void set_next(Node node, Node next) { at(next_, node).set(next); }

 private:
  template <typename T>
  static Var<T>& at(const std::vector<std::unique_ptr<Var<T>>>& all, Node node) {
    check(node < all.size(), "no node left");
    return *all[node];
  }

  std::vector<std::unique_ptr<Var<int>>> items_;
  std::vector<std::unique_ptr<Var<Node>>> next_;
};

/// An eventfd: each call is one step of the kernel.
class ModelSignal {
 public:
  ModelSignal() : readable_(std::make_unique<Atomic<bool>>(false)) {}
  void set() { readable_->exchange(true, std::memory_order_seq_cst); }
  void clear() { readable_->exchange(false, std::memory_order_seq_cst); }
  [[nodiscard]] bool readable() const { return readable_->load(std::memory_order_seq_cst); }

 private:
  std::unique_ptr<Atomic<bool>> readable_;
};

using Queue = core::MailboxQueue<ModelAtomics, Nodes>;
using Ready = core::ReadyCount<ModelAtomics, ModelSignal>;
using Bell = core::MailboxBell<ModelAtomics, Ready>;

constexpr std::int64_t kNever = ModelAtomics::kNoDeadline;

/// A mailbox, those who use it, and what became of its items: 1, 2, 3 and so on.
class MailboxRun {
 public:
  MailboxRun(Scheduler& run, std::size_t capacity, Ready* ready = nullptr)
      : queue_(Nodes(Queue::nodes_for(capacity)), capacity) {
    bell_.set_waker(ready);
    run.name("queue", queue_);
    run.name("bell", bell_);
  }

  // Dispatcher.

  void push_or_drop() {
    const int item = ++pushed_;
    if (queue_.room(1) == 0) {
      lost_.push_back(item);
      return;
    }
    put(item);
  }
  void push_and_drop_oldest() {
    const int item = ++pushed_;
    if (queue_.room(1) == 0 && !take_back()) {
      lost_.push_back(item);
      return;
    }
    put(item);
  }
  /// The item with this number may not be taken back.
  void keep(int item) { kept_ = item; }
  /// Takes the place of the last one pushed, if that is still there.
  void conflate() {
    int item = ++pushed_;
    if (queue_.replace(queue_.tail() - 1, item)) {
      lost_.push_back(item);
      return;
    }
    if (queue_.room(1) == 0) {
      take_back();
    }
    put(item);
  }
  void announce() { bell_.announce(queue_.tail()); }
  void end() { bell_.announce(Bell::kEnded); }

  // Owner.

  /// Takes until `last` has come.
  void take_until(int last) {
    while (popped_.empty() || popped_.back() != last) {
      if (!pop() && !bell_.rest(queue_.next())) {
        bell_.sleep(kNever);
      }
    }
  }
  void take_some(std::size_t most) {
    while (most-- > 0 && pop()) {
    }
  }
  /// As one who waits for the signal alone.
  void take_all_and_rest() {
    do {
      while (pop()) {
      }
    } while (bell_.rest(queue_.next()));
  }
  void rest() { static_cast<void>(bell_.rest(queue_.next())); }
  void take_all_but_sleep() {
    while (pop()) {
    }
    if (!bell_.rest(queue_.next())) {
      bell_.sleep(kNever);
    }
  }
  /// With a deadline, which may come at any time.
  void sleep_once() {
    if (!bell_.rest(queue_.next())) {
      bell_.sleep(1);
    }
  }

  // Afterwards.

  void check_law() {
    check(std::is_sorted(popped_.begin(), popped_.end()), "reordered or duplicated");
    std::vector<int> all = popped_;
    all.insert(all.end(), lost_.begin(), lost_.end());
    int item = 0;
    while (queue_.pop(item)) {
      all.push_back(item);
    }
    std::sort(all.begin(), all.end());
    check(all.size() == static_cast<std::size_t>(pushed_), "an item was lost or duplicated");
    for (std::size_t i = 0; i < all.size(); ++i) {
      check(all[i] == static_cast<int>(i) + 1, "an item was lost or duplicated");
    }
  }
  [[nodiscard]] bool empty() const { return queue_.next() == queue_.tail(); }

 private:
  void put(int item) { queue_.push(std::move(item), item == kept_); }
  /// False if the oldest is kept.
  bool take_back() {
    int oldest = 0;
    const core::TakenBack what = queue_.take_back(oldest);
    if (what == core::TakenBack::kOldest) {
      check(oldest != kept_, "a kept item was taken back");
      lost_.push_back(oldest);
    }
    return what != core::TakenBack::kKept;
  }
  bool pop() {
    int item = 0;
    if (!queue_.pop(item)) {
      return false;
    }
    popped_.push_back(item);
    return true;
  }

  Queue queue_;
  Bell bell_;
  int pushed_ = 0;
  int kept_ = 0;
  std::vector<int> lost_;
  std::vector<int> popped_;
};

Exploration named(const char* name, Bounds bounds = {}) {
  return {.name = std::string("mailbox, ") + name, .bounds = bounds};
}

TEST(MailboxModel, ItemsReachAnOwnerThatSleeps) {
  const Report report = expect_holds(named("deliver"), [](Scheduler& run) {
    MailboxRun mailbox(run, 4);
    run.spawn("dispatcher", [&] {
      mailbox.push_or_drop();
      mailbox.announce();
      mailbox.push_or_drop();
      mailbox.push_or_drop();
      mailbox.announce();
    });
    run.spawn("owner", [&] { mailbox.take_until(3); });
    run.join();
    mailbox.check_law();
  });
  EXPECT_GT(report.sleeps, 0U);
}

TEST(MailboxModel, TheNewestIsDroppedWhenFull) {
  expect_holds(named("drop newest"), [](Scheduler& run) {
    MailboxRun mailbox(run, 1);
    run.spawn("dispatcher", [&] {
      mailbox.push_or_drop();
      mailbox.push_or_drop();
      mailbox.push_or_drop();
      mailbox.announce();
    });
    run.spawn("owner", [&] { mailbox.take_some(3); });
    run.join();
    mailbox.check_law();
  });
}

// The cells and the nodes are used again while the owner is on its way.
TEST(MailboxModel, TheOldestIsTakenBackUnderTheOwner) {
  for (const std::size_t capacity : {1U, 2U}) {
    const Report report = expect_holds(named("drop oldest"), [capacity](Scheduler& run) {
      MailboxRun mailbox(run, capacity);
      run.spawn("dispatcher", [&] {
        for (int i = 0; i < 4; ++i) {
          mailbox.push_and_drop_oldest();
        }
        mailbox.announce();
      });
      run.spawn("owner", [&] { mailbox.take_until(4); });
      run.join();
      mailbox.check_law();
    });
    EXPECT_GT(report.sleeps, 0U);
  }
}

TEST(MailboxModel, AKeptItemIsNotTakenBack) {
  expect_holds(named("kept"), [](Scheduler& run) {
    MailboxRun mailbox(run, 2);
    mailbox.keep(2);
    run.spawn("dispatcher", [&] {
      for (int i = 0; i < 4; ++i) {
        mailbox.push_and_drop_oldest();
      }
      mailbox.announce();
    });
    run.spawn("owner", [&] { mailbox.take_some(2); });
    run.join();
    mailbox.check_law();
  });
}

TEST(MailboxModel, AnItemIsReplacedUnderTheOwner) {
  const Report report = expect_holds(named("conflate"), [](Scheduler& run) {
    MailboxRun mailbox(run, 2);
    run.spawn("dispatcher", [&] {
      mailbox.push_and_drop_oldest();
      mailbox.conflate();
      mailbox.conflate();
      mailbox.push_and_drop_oldest();
      mailbox.conflate();
      mailbox.announce();
    });
    run.spawn("owner", [&] { mailbox.take_until(5); });
    run.join();
    mailbox.check_law();
  });
  EXPECT_GT(report.sleeps, 0U);
}

TEST(MailboxModel, ASleepMayTimeOut) {
  expect_holds(named("time-out"), [](Scheduler& run) {
    MailboxRun mailbox(run, 2);
    run.spawn("dispatcher", [&] {
      mailbox.push_or_drop();
      mailbox.announce();
      mailbox.push_or_drop();
      mailbox.announce();
    });
    run.spawn("owner", [&] {
      mailbox.sleep_once();
      mailbox.sleep_once();
      mailbox.take_until(2);
    });
    run.join();
    mailbox.check_law();
  });
}

TEST(MailboxModel, TheEndIsSeenByAnOwnerThatRests) {
  const Report report = expect_holds(named("end"), [](Scheduler& run) {
    MailboxRun mailbox(run, 2);
    Atomic<bool> ended{false};
    run.spawn("dispatcher", [&] {
      mailbox.push_or_drop();
      mailbox.announce();
      ended.store(true, std::memory_order_release);
      mailbox.end();
    });
    run.spawn("owner", [&] {
      while (!ended.load(std::memory_order_acquire)) {
        mailbox.take_all_but_sleep();
      }
    });
    run.join();
    mailbox.check_law();
  });
  EXPECT_GT(report.sleeps, 0U);
}

// Two mailboxes of one waker, each with an owner that leaves the rest to the signal.
TEST(MailboxModel, TheSignalIsThatOfAllMailboxes) {
  for (const std::size_t left : {0U, 1U}) {
    expect_holds(named("signal"), [left](Scheduler& run) {
      Ready ready{ModelSignal()};
      MailboxRun one(run, 2, &ready);
      MailboxRun two(run, 2, &ready);
      run.name("ready", ready);
      run.spawn("dispatcher", [&] {
        one.push_or_drop();
        two.push_or_drop();
        one.announce();
        two.announce();
        one.push_or_drop();
        one.announce();
      });
      run.spawn("owner of one", [&] { one.take_all_and_rest(); });
      run.spawn("owner of two", [&] { left == 0 ? two.take_all_and_rest() : two.rest(); });
      run.join();
      const bool something = !one.empty() || !two.empty();
      check(ready.signal().readable() || !something, "something, and no signal");
      one.take_all_and_rest();
      two.take_all_and_rest();
      check(!ready.signal().readable(), "a signal, and nothing");
    });
  }
}

}  // namespace
}  // namespace herald::model
