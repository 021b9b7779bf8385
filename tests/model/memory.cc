#include "model/memory.h"

#include <algorithm>

#include "model/fail.h"

namespace herald::model {
namespace {

bool acquires(std::memory_order order) noexcept {
  return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

bool releases(std::memory_order order) noexcept {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

}  // namespace

void Memory::reset() {
  for (std::size_t i = 0; i < used_; ++i) {
    words_[i].stores.clear();
    words_[i].owner = nullptr;
  }
  used_ = 0;
  consistent_ = View{};
  threads_[0] = Knowledge{};
  threads_[0].current.clocks[0] = 1;
}

void Memory::start_thread(ThreadId parent, ThreadId child) {
  View& known = threads_[parent].current;
  threads_[child] = Knowledge{known, known, View{}};
  threads_[child].current.clocks[child] = 1;
  ++known.clocks[parent];
}

void Memory::end_thread(ThreadId parent, ThreadId child) {
  threads_[parent].current.join(threads_[child].current);
  threads_[parent].acquired.join(threads_[child].current);
}

WordId Memory::create(ThreadId thread, const void* owner, Bits bits) {
  if (used_ == kMaxWords) {
    fail("the scenario needs more atomic words than kMaxWords");
    return 0;
  }
  Word& word = words_[used_];
  word.owner = owner;
  word.created = now(thread);
  word.touched = {};
  word.stores.clear();
  word.stores.push_back(Store{bits, View{}, false});
  return static_cast<WordId>(used_++);
}

void Memory::destroy(ThreadId thread, WordId word, const void* owner) {
  if (!usable(thread, word, owner)) {
    return;
  }
  words_[word].owner = nullptr;
  for (ThreadId other = 0; other < kMaxThreads; ++other) {
    if (!knows(thread, Moment{other, words_[word].touched[other]})) {
      fail("destroyed while another thread may still use it: an atomic");
    }
  }
}

bool Memory::alive(WordId word, const void* owner) const noexcept {
  return word < used_ && words_[word].owner == owner;
}

bool Memory::usable(ThreadId thread, WordId word, const void* owner) {
  if (!alive(word, owner)) {
    fail("used after its destruction: an atomic");
    return false;
  }
  if (!knows(thread, words_[word].created)) {
    fail("used before its construction is visible: an atomic");
    return false;
  }
  words_[word].touched[thread] = now(thread).clock;
  return true;
}

Moment Memory::now(ThreadId thread) const noexcept {
  return {thread, threads_[thread].current.clocks[thread]};
}

bool Memory::knows(ThreadId thread, Moment moment) const noexcept {
  return threads_[thread].current.clocks[moment.thread] >= moment.clock;
}

Stamp Memory::latest(WordId word) const noexcept {
  return static_cast<Stamp>(words_[word].stores.size() - 1);
}

Stamp Memory::oldest(ThreadId thread, WordId word, std::memory_order order) const noexcept {
  const Stamp own = threads_[thread].current.words[word];
  return order == std::memory_order_seq_cst ? std::max(own, consistent_.words[word]) : own;
}

Bits Memory::read(ThreadId thread, WordId word, Stamp stamp, std::memory_order order) {
  const Store& store = words_[word].stores[static_cast<std::size_t>(stamp)];
  Knowledge& knowledge = threads_[thread];
  knowledge.current.words[word] = std::max(knowledge.current.words[word], stamp);
  if (acquires(order)) {
    knowledge.current.join(store.message);
  }
  knowledge.acquired.words[word] = std::max(knowledge.acquired.words[word], stamp);
  knowledge.acquired.join(store.message);
  staleness_ = static_cast<std::size_t>(latest(word) - stamp);
  return store.bits;
}

Bits Memory::load(ThreadId thread, WordId word, std::memory_order order) {
  const Stamp newest_stamp = latest(word);
  const auto old = static_cast<unsigned>(newest_stamp - oldest(thread, word, order));
  const unsigned back = choices_.pick(Kind::kStale, old + 1);
  return read(thread, word, static_cast<Stamp>(newest_stamp - static_cast<Stamp>(back)), order);
}

void Memory::append(ThreadId thread, WordId word, Bits bits, std::memory_order order,
                    bool modifies) {
  const auto stamp = static_cast<Stamp>(words_[word].stores.size());
  Knowledge& knowledge = threads_[thread];
  knowledge.current.words[word] = stamp;
  knowledge.acquired.words[word] = stamp;
  View message = releases(order) ? knowledge.current : knowledge.released;
  message.words[word] = stamp;
  if (modifies) {
    message.join(words_[word].stores.back().message);
  }
  words_[word].stores.push_back(Store{bits, message, modifies});
  if (order == std::memory_order_seq_cst) {
    consistent_.words[word] = stamp;
  }
  ++knowledge.current.clocks[thread];
}

void Memory::store(ThreadId thread, WordId word, Bits bits, std::memory_order order) {
  // Nothing comes between a read-modify-write and the store that it has read.
  for (Stamp stamp = latest(word); stamp > threads_[thread].current.words[word]; --stamp) {
    if (!words_[word].stores[static_cast<std::size_t>(stamp)].modifies) {
      fail("two stores to one atomic in no order: the model cannot tell which comes last");
    }
  }
  append(thread, word, bits, order, false);
}

void Memory::modify(ThreadId thread, WordId word, Bits bits, std::memory_order order) {
  read(thread, word, latest(word), order);
  append(thread, word, bits, order, true);
}

bool Memory::compare_exchange(ThreadId thread, WordId word, Bits& expected, Bits desired, bool weak,
                              std::memory_order success, std::memory_order failure) {
  const Stamp newest_stamp = latest(word);
  std::array<Stamp, 64> readable{newest_stamp};
  unsigned count = 1;
  for (auto stamp = static_cast<Stamp>(newest_stamp - 1);
       stamp >= oldest(thread, word, failure) && count < readable.size(); --stamp) {
    if (words_[word].stores[static_cast<std::size_t>(stamp)].bits != expected) {
      readable[count++] = stamp;
    }
  }
  const Stamp stamp = readable[choices_.pick(Kind::kStale, count)];
  const bool equal = words_[word].stores[static_cast<std::size_t>(stamp)].bits == expected;
  if (equal && !(weak && choices_.pick(Kind::kSurprise, 1, 1) == 1)) {
    modify(thread, word, desired, success);
    return true;
  }
  expected = read(thread, word, stamp, failure);
  return false;
}

void Memory::fence(ThreadId thread) {
  Knowledge& knowledge = threads_[thread];
  knowledge.current.join(knowledge.acquired);
  knowledge.current.join_words(consistent_);
  consistent_.join_words(knowledge.current);
  knowledge.acquired = knowledge.current;
  knowledge.released = knowledge.current;
  ++knowledge.current.clocks[thread];
}

}  // namespace herald::model
