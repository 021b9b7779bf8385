// Runs the threads of a model one at a time, and decides at each access to shared memory who goes
// on. There is one scheduler at a time; the atomics of a model find it by scheduler().
//
// Thread 0 is the scenario itself: it sets up, spawns, joins and checks; while it runs, no other
// thread does.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/choices.h"
#include "model/fiber.h"
#include "model/memory.h"

namespace herald::model {

/// Leaves a scenario that has failed; explore() catches it.
struct Failed {};

class Scheduler {
 public:
  Scheduler(Choices& choices, std::size_t max_steps, bool tracing);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // For explore().

  void begin();
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] const std::string& trace() const noexcept { return trace_; }
  [[nodiscard]] std::uint64_t sleeps() const noexcept { return sleeps_; }

  // For scenarios.

  void spawn(const char* name, std::function<void()> body);
  /// Runs all threads to their ends. Throws Failed.
  void join();
  /// How words inside `object` are called in a trace.
  template <typename T>
  void name(const char* called, const T& object) {
    if (tracing_) {
      names_.push_back({called, reinterpret_cast<std::uintptr_t>(&object), sizeof(T)});
    }
  }

  // For the atomics.

  WordId create(const void* owner, Bits bits);
  void destroy(WordId word, const void* owner);
  Bits load(WordId word, const void* owner, std::memory_order order);
  void store(WordId word, const void* owner, Bits bits, std::memory_order order);
  /// Returns the value before; `change` makes the new one of it.
  template <typename Change>
  Bits modify(WordId word, const void* owner, std::memory_order order, Change change) {
    if (!access(word, owner)) {
      return 0;
    }
    const Bits before = memory_.newest(word);
    memory_.modify(running_, word, change(before), order);
    log("modify", word, order, before, change(before));
    return before;
  }
  bool compare_exchange(WordId word, const void* owner, Bits& expected, Bits desired, bool weak,
                        std::memory_order success, std::memory_order failure);
  void membarrier();
  bool futex_wait(WordId word, const void* owner, std::uint32_t expected, bool has_deadline);
  void futex_wake_all(WordId word, const void* owner);
  /// Lets another thread go on, if there is one.
  void yield();

  // For what is not atomic.

  [[nodiscard]] ThreadId running() const noexcept { return running_; }
  [[nodiscard]] Memory& memory() noexcept { return memory_; }

  void fail(const std::string& message);

 private:
  enum class State : std::uint8_t { kReady, kAsleep, kDone };
  struct Thread {
    const char* name = "scenario";
    std::function<void()> body;
    State state = State::kDone;
    WordId asleep_on = 0;
    bool has_deadline = false;
    bool timed_out = false;
    bool moved = false;  // it has made a step since it was switched to
  };
  struct Name {
    const char* called;
    std::uintptr_t address;
    std::size_t size_bytes;
  };
  struct Options {
    std::array<ThreadId, kMaxThreads> threads{};
    unsigned regular = 0;
    unsigned surprising = 0;
    void add(ThreadId thread) { threads[regular + surprising] = thread; }
  };

  bool access(WordId word, const void* owner);
  void point();
  void run_fiber(ThreadId thread);
  void leave();
  void leave_to(const Options& options, Kind kind);
  void wake(ThreadId thread);
  void switch_to(ThreadId thread);
  Options awake(ThreadId first, ThreadId except) const;
  void add_sleepers(Options& options) const;
  [[nodiscard]] Options expiring() const;
  [[nodiscard]] std::string sleepers() const;
  void interrupt_others();
  void log(const char* what, WordId word, std::memory_order order, Bits before, Bits after);
  void log(const std::string& what);
  [[nodiscard]] std::string called(WordId word) const;

  Choices& choices_;
  Memory memory_;
  const std::size_t max_steps_;
  const bool tracing_;
  std::array<Thread, kMaxThreads> threads_;
  std::array<std::unique_ptr<Fiber>, kMaxThreads> fibers_;
  std::array<const void*, kMaxWords> owners_{};
  std::vector<Name> names_;
  std::size_t count_ = 1;
  ThreadId running_ = 0;
  std::size_t steps_ = 0;
  std::uint64_t sleeps_ = 0;
  std::string failure_;
  std::string trace_;
};

/// Requires: explore() is running.
Scheduler& scheduler() noexcept;

}  // namespace herald::model
