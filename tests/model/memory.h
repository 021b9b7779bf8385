// The memory of a model: what a load may return, and what happens before what.
//
// Every word keeps all its stores, in modification order. Every thread has a view: for each word
// the oldest store that it may still read. A load may read any store from there to the newest;
// which one is decided by Choices. A release store carries its thread's view, an acquire load joins
// it; a relaxed load joins it at the next fence. A read-modify-write reads the newest store and
// carries the view of that on (release sequence).
//
// seq_cst: their order is the order of execution. A global view holds the newest seq_cst store of
// each word and all that was known at a fence; a seq_cst load reads nothing older, and a fence
// joins it both ways. Not more than that: a seq_cst access is no fence for its relaxed neighbours.
//
// A failing compare-exchange is a load of its own (failure) order: it may read an old store, if
// that differs from the expected value.
//
// Not modelled, weaker in C++ than here:
//  - a store is never moved before an earlier load (no load buffering, nothing out of thin air);
//  - a store always comes last in the modification order. To be safe, a plain store that might also
//    come earlier (two threads store to one word in no order) ends the execution with an error;
//  - seq_cst mixed with weaker accesses of the same words, on processors where a store reaches
//    others at different times (POWER; not x86, not ARMv8).
// Not modelled, stronger in C++ than here (a model could fail without reason): a seq_cst load is
// bound by seq_cst stores and fences, not by what other seq_cst loads have read.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/choices.h"
#include "model/view.h"

namespace herald::model {

using ThreadId = std::size_t;
using WordId = std::uint32_t;
using Bits = std::uint64_t;

/// One step of one thread.
struct Moment {
  ThreadId thread = 0;
  Stamp clock = 0;
};

class Memory {
 public:
  explicit Memory(Choices& choices) : choices_(choices) {}

  /// Forgets all words and threads; thread 0 is there.
  void reset();
  /// `child` knows all that `parent` knows.
  void start_thread(ThreadId parent, ThreadId child);
  /// `parent` knows all that `child` knew at its end.
  void end_thread(ThreadId parent, ThreadId child);

  // Words. `owner` is the address of the atomic object: it tells a word from what was there before.

  WordId create(ThreadId thread, const void* owner, Bits bits);
  void destroy(ThreadId thread, WordId word, const void* owner);
  [[nodiscard]] bool alive(WordId word, const void* owner) const noexcept;

  Bits load(ThreadId thread, WordId word, std::memory_order order);
  void store(ThreadId thread, WordId word, Bits bits, std::memory_order order);
  /// The first half of a read-modify-write; modify() must follow at once.
  [[nodiscard]] Bits newest(WordId word) const noexcept { return words_[word].stores.back().bits; }
  void modify(ThreadId thread, WordId word, Bits bits, std::memory_order order);
  bool compare_exchange(ThreadId thread, WordId word, Bits& expected, Bits desired, bool weak,
                        std::memory_order success, std::memory_order failure);

  /// A sequentially consistent fence.
  void fence(ThreadId thread);

  // Happens-before, for what is not atomic.

  [[nodiscard]] Moment now(ThreadId thread) const noexcept;
  [[nodiscard]] bool knows(ThreadId thread, Moment moment) const noexcept;

  /// Checks that `thread` may use the word: it is alive, and its creation happened before.
  bool usable(ThreadId thread, WordId word, const void* owner);
  /// What the last load did not see, for the trace.
  [[nodiscard]] std::size_t staleness() const noexcept { return staleness_; }

 private:
  struct Store {
    Bits bits;
    View message;  // what an acquire load learns
    bool modifies;
  };
  struct Word {
    std::vector<Store> stores;
    const void* owner = nullptr;
    Moment created;
    std::array<Stamp, kMaxThreads> touched{};
  };
  struct Knowledge {
    View current;
    View acquired;  // with what relaxed loads have read: current after the next fence
    View released;  // carried by relaxed stores: current at the last fence
  };

  [[nodiscard]] Stamp oldest(ThreadId thread, WordId word, std::memory_order order) const noexcept;
  [[nodiscard]] Stamp latest(WordId word) const noexcept;
  Bits read(ThreadId thread, WordId word, Stamp stamp, std::memory_order order);
  void append(ThreadId thread, WordId word, Bits bits, std::memory_order order, bool modifies);

  Choices& choices_;
  std::array<Word, kMaxWords> words_;
  std::size_t used_ = 0;
  std::array<Knowledge, kMaxThreads> threads_{};
  View consistent_;  // words only
  std::size_t staleness_ = 0;
};

}  // namespace herald::model
