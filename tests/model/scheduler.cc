#include "model/scheduler.h"

#include <utility>

#include "model/fail.h"

namespace herald::model {
namespace {

Scheduler* the_scheduler = nullptr;

const char* name_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    default:
      return "seq_cst";
  }
}

// The top values serve as marks: as negative numbers they are told from garbage.
std::string text_of(Bits bits) {
  return bits > ~Bits{255} ? std::to_string(static_cast<std::int64_t>(bits)) : std::to_string(bits);
}

}  // namespace

Scheduler& scheduler() noexcept { return *the_scheduler; }

void fail(const std::string& message) { the_scheduler->fail(message); }

Scheduler::Scheduler(Choices& choices, std::size_t max_steps, bool tracing)
    : choices_(choices), memory_(choices), max_steps_(max_steps), tracing_(tracing) {
  the_scheduler = this;
  fibers_[0] = std::make_unique<Fiber>();
}

Scheduler::~Scheduler() { the_scheduler = nullptr; }

void Scheduler::begin() {
  memory_.reset();
  count_ = 1;
  running_ = 0;
  steps_ = 0;
  names_.clear();
}

// Scenarios.

void Scheduler::spawn(const char* name, std::function<void()> body) {
  const ThreadId thread = count_++;
  memory_.start_thread(running_, thread);
  threads_[thread] = Thread{name, std::move(body), State::kReady, 0, false, false, false};
  if (fibers_[thread] == nullptr) {
    fibers_[thread] = std::make_unique<Fiber>([this, thread] { run_fiber(thread); });
  }
}

void Scheduler::run_fiber(ThreadId thread) {
  threads_[thread].body();
  threads_[thread].state = State::kDone;
  log("ends");
  leave();
}

void Scheduler::join() {
  leave();
  if (!failure_.empty()) {
    throw Failed{};
  }
  for (ThreadId thread = 1; thread < count_; ++thread) {
    memory_.end_thread(0, thread);
  }
}

void Scheduler::fail(const std::string& message) {
  if (failure_.empty()) {
    failure_ = running_ == 0 ? message : std::string(threads_[running_].name) + ": " + message;
    log(std::string("FAILS: ").append(message));
  }
  if (running_ != 0) {
    switch_to(0);
  }
}

// Who goes on.

void Scheduler::switch_to(ThreadId thread) {
  if (thread != running_) {
    const ThreadId before = std::exchange(running_, thread);
    threads_[before].moved = false;
    fibers_[thread]->resume(*fibers_[before]);
  }
}

Scheduler::Options Scheduler::awake(ThreadId first, ThreadId except) const {
  Options options;
  if (first != except) {
    options.add(first);
    ++options.regular;
  }
  for (ThreadId thread = 1; thread < count_; ++thread) {
    if (threads_[thread].state == State::kReady && thread != except && thread != first) {
      options.add(thread);
      ++options.regular;
    }
  }
  return options;
}

void Scheduler::add_sleepers(Options& options) const {
  for (ThreadId thread = 1; thread < count_; ++thread) {
    if (threads_[thread].state == State::kAsleep) {
      options.add(thread);
      ++options.surprising;
    }
  }
}

Scheduler::Options Scheduler::expiring() const {
  Options options;
  for (ThreadId thread = 1; thread < count_; ++thread) {
    if (threads_[thread].state == State::kAsleep && threads_[thread].has_deadline) {
      options.add(thread);
      ++options.regular;
    }
  }
  return options;
}

// The running thread stays, or one preempts it.
void Scheduler::point() {
  if (running_ == 0) {
    return;
  }
  if (++steps_ > max_steps_) {
    fail("no end after " + std::to_string(max_steps_) + " steps (livelock?)");
  }
  // Who has just been switched to is not preempted at once: another could have come instead.
  if (threads_[running_].moved) {
    Options options = awake(running_, 0);
    add_sleepers(options);
    leave_to(options, Kind::kStay);
  }
  threads_[running_].moved = true;
}

// The running thread cannot go on; the last one returns to the scenario.
void Scheduler::leave() {
  Options options = awake(0, 0);
  if (options.regular != 0) {
    add_sleepers(options);
    leave_to(options, Kind::kNext);
    return;
  }
  options = expiring();
  if (options.regular != 0) {
    leave_to(options, Kind::kNext);
    return;
  }
  const std::string asleep = sleepers();
  if (!asleep.empty()) {
    fail(std::string("asleep for ever:").append(asleep));
  }
  switch_to(0);
}

void Scheduler::leave_to(const Options& options, Kind kind) {
  const ThreadId next = options.threads[choices_.pick(kind, options.regular, options.surprising)];
  if (threads_[next].state == State::kAsleep) {
    threads_[next].timed_out =
        threads_[next].has_deadline && choices_.pick(Kind::kSurprise, 1, 1) == 0;
    wake(next);
  }
  switch_to(next);
}

void Scheduler::yield() {
  const Options options = awake(running_, running_);
  if (running_ != 0 && options.regular != 0) {
    if (++steps_ > max_steps_) {
      fail("no end after " + std::to_string(max_steps_) + " steps (livelock?)");
    }
    leave_to(options, Kind::kNext);
  }
}

std::string Scheduler::sleepers() const {
  std::string text;
  for (ThreadId thread = 1; thread < count_; ++thread) {
    if (threads_[thread].state == State::kAsleep) {
      text += std::string(" ") + threads_[thread].name;
    }
  }
  return text;
}

// The kernel.

void Scheduler::wake(ThreadId thread) { threads_[thread].state = State::kReady; }

bool Scheduler::futex_wait(WordId word, const void* owner, std::uint32_t expected,
                           bool has_deadline) {
  if (!access(word, owner)) {
    return true;
  }
  if (memory_.newest(word) != expected) {
    log("does not sleep", word, std::memory_order_relaxed, memory_.newest(word), expected);
    return true;
  }
  log("sleeps", word, std::memory_order_relaxed, expected, expected);
  ++sleeps_;
  Thread& self = threads_[running_];
  self.state = State::kAsleep;
  self.asleep_on = word;
  self.has_deadline = has_deadline;
  self.timed_out = false;
  leave();
  log(self.timed_out ? "timed out" : "woken");
  return !self.timed_out;
}

void Scheduler::futex_wake_all(WordId word, const void* owner) {
  if (!access(word, owner)) {
    return;
  }
  log("wakes", word, std::memory_order_relaxed, 0, 0);
  for (ThreadId thread = 1; thread < count_; ++thread) {
    if (threads_[thread].state == State::kAsleep && threads_[thread].asleep_on == word) {
      threads_[thread].timed_out = false;
      wake(thread);
    }
  }
}

// The other threads are interrupted one after the other, not all at the same instant.
void Scheduler::membarrier() {
  point();
  log("membarrier");
  memory_.fence(running_);
  interrupt_others();
  memory_.fence(running_);
  log("membarrier done");
}

void Scheduler::interrupt_others() {
  Options left;
  for (ThreadId thread = 1; thread < count_; ++thread) {
    if (threads_[thread].state == State::kDone) {
      memory_.fence(thread);  // It has left its processor, and that was a barrier.
    } else if (thread != running_) {
      left.add(thread);
      ++left.regular;
    }
  }
  while (left.regular != 0) {
    const unsigned chosen = choices_.pick(Kind::kSurprise, 1, left.regular - 1);
    const ThreadId thread = std::exchange(left.threads[chosen], left.threads[left.regular - 1]);
    --left.regular;
    point();
    memory_.fence(thread);
    log(std::string("interrupts ") + threads_[thread].name);
  }
}

// The atomics.

bool Scheduler::access(WordId word, const void* owner) {
  point();
  return memory_.usable(running_, word, owner);
}

WordId Scheduler::create(const void* owner, Bits bits) {
  const WordId word = memory_.create(running_, owner, bits);
  owners_[word] = owner;
  return word;
}

void Scheduler::destroy(WordId word, const void* owner) {
  if (failure_.empty()) {
    memory_.destroy(running_, word, owner);
  }
}

Bits Scheduler::load(WordId word, const void* owner, std::memory_order order) {
  if (!access(word, owner)) {
    return 0;
  }
  const Bits bits = memory_.load(running_, word, order);
  log("load", word, order, bits, bits);
  return bits;
}

void Scheduler::store(WordId word, const void* owner, Bits bits, std::memory_order order) {
  if (!access(word, owner)) {
    return;
  }
  const Bits before = tracing_ ? memory_.newest(word) : 0;
  memory_.store(running_, word, bits, order);
  log("store", word, order, before, bits);
}

bool Scheduler::compare_exchange(WordId word, const void* owner, Bits& expected, Bits desired,
                                 bool weak, std::memory_order success, std::memory_order failure) {
  if (!access(word, owner)) {
    return true;
  }
  const bool done =
      memory_.compare_exchange(running_, word, expected, desired, weak, success, failure);
  log(done ? "exchange" : "exchange fails", word, done ? success : failure, expected,
      done ? desired : expected);
  return done;
}

// The trace.

std::string Scheduler::called(WordId word) const {
  const auto address = reinterpret_cast<std::uintptr_t>(owners_[word]);
  for (const Name& name : names_) {
    if (address >= name.address && address - name.address < name.size_bytes) {
      return std::string(name.called) + "+" + std::to_string(address - name.address);
    }
  }
  return "word" + std::to_string(word);
}

void Scheduler::log(const char* what, WordId word, std::memory_order order, Bits before,
                    Bits after) {
  if (!tracing_) {
    return;
  }
  std::string line = called(word) + " " + what + " " + name_of(order) + " " + text_of(before);
  if (after != before) {
    line += " -> " + text_of(after);
  }
  const bool loaded = std::string(what) == "load" || std::string(what) == "exchange fails";
  if (loaded && memory_.staleness() != 0) {
    line += " (stale, newest is " + text_of(memory_.newest(word)) + ")";
  }
  log(line);
}

void Scheduler::log(const std::string& what) {
  if (tracing_) {
    std::string name = threads_[running_].name;
    name.resize(14, ' ');
    trace_ += "  " + name + what + "\n";
  }
}

}  // namespace herald::model
