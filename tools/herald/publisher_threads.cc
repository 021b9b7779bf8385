#include "publisher_threads.h"

#include <pthread.h>
#include <sched.h>

#include <chrono>

#include "interrupt.h"

namespace herald::cli {
namespace {

void stay_on(unsigned processor) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace

PublisherThreads::PublisherThreads(std::span<const std::unique_ptr<EventSource>> sources,
                                   std::size_t threads, const Schedule& schedule,
                                   std::vector<unsigned> processors)
    : sources_(sources), schedule_(schedule), processors_(std::move(processors)), waits_(threads) {
  threads_.reserve(threads);
  try {
    for (std::size_t thread = 0; thread < threads; ++thread) {
      threads_.emplace_back([this, thread] { work(thread); });
    }
  } catch (...) {
    end();  // of those that there are
    throw;
  }
}

PublisherThreads::~PublisherThreads() { end(); }

void PublisherThreads::end() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void PublisherThreads::run(const Phase& phase, const std::function<void()>& tick) {
  constexpr auto kTick = std::chrono::milliseconds(200);
  std::unique_lock lock(mutex_);
  phase_ = phase;
  busy_ = threads_.size();
  ++phases_;
  changed_.notify_all();
  while (!changed_.wait_for(lock, kTick, [this] { return busy_ == 0; })) {
    lock.unlock();
    tick();
    lock.lock();
  }
}

std::vector<Interval> PublisherThreads::stalls() const {
  std::vector<Interval> all;
  for (const SpinWait& wait : waits_) {
    all.insert(all.end(), wait.stalls().begin(), wait.stalls().end());
  }
  return all;
}

std::uint64_t PublisherThreads::stalls_unrecorded() const noexcept {
  std::uint64_t count = 0;
  for (const SpinWait& wait : waits_) {
    count += wait.overflow();
  }
  return count;
}

void PublisherThreads::work(std::size_t thread) {
  if (!processors_.empty()) {
    stay_on(processors_[thread % processors_.size()]);
  }
  pthread_setname_np(pthread_self(), "verify-pub");
  std::unique_lock lock(mutex_);
  for (std::uint64_t done = 0;; ++done) {
    changed_.wait(lock, [this, done] { return ending_ || phases_ > done; });
    if (ending_) {
      return;
    }
    lock.unlock();
    if (schedule_.is_open()) {
      publish_open(thread, waits_[thread]);
    } else {
      publish_closed(thread);
    }
    lock.lock();
    --busy_;
    changed_.notify_all();
  }
}

void PublisherThreads::publish_open(std::size_t thread, SpinWait& wait) noexcept {
  wait.begin();
  // Turn by turn: event `index` belongs to publisher index % publishers.
  for (std::uint64_t turn = 0;; ++turn) {
    for (std::size_t publisher = thread; publisher < sources_.size(); publisher += waits_.size()) {
      const std::uint64_t index = turn * sources_.size() + publisher;
      const Instant due = schedule_.due_at(index);
      if (index >= phase_.events || wait.until(due) > phase_.end || interrupted()) {
        return;
      }
      sources_[publisher]->send(due);
    }
  }
}

void PublisherThreads::publish_closed(std::size_t thread) noexcept {
  constexpr int kEventsPerLook = 16;
  while (std::chrono::steady_clock::now() < phase_.end && !interrupted()) {
    for (std::size_t publisher = thread; publisher < sources_.size(); publisher += waits_.size()) {
      for (int event = 0; event < kEventsPerLook; ++event) {
        sources_[publisher]->send({});
      }
    }
  }
}

}  // namespace herald::cli
