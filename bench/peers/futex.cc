// The yardstick of waking: one slot, handed to a thread that sleeps in the kernel. No library can
// wake a thread faster.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>
#include <thread>

#include "backoff.h"
#include "measure.h"
#include "processors.h"
#include "systems.h"

namespace peers {
namespace {

class Futex {
 public:
  static constexpr std::string_view kName = "futex";
  static constexpr Abilities kAbilities{
      .spins = false, .parks = true, .filters = false, .publishers = 1, .subscribers = 1};

  explicit Futex(const Setup& setup) : processor_(setup.processor) {}

  template <typename Receiver>
  void subscribe(const Interest& /*interest*/, Receiver& receiver) {
    receiver_ = &receiver;
    take_ = [](void* object, const Content& content) {
      static_cast<Receiver*>(object)->take(content);
    };
  }

  void start() {
    consumer_ = std::thread([this] {
      stay_on(processor_);
      consume();
    });
  }

  void publish(unsigned /*publisher*/, const Topic& /*topic*/, const Content& content) {
    wait_for_slot();
    slot_ = content;
    hand_over();
  }
  void publish_batch(unsigned publisher, const Topic& topic, std::span<const Content> contents) {
    for (const Content& content : contents) {
      publish(publisher, topic, content);
    }
  }

  void flush(const Totals& /*totals*/) const { wait_for_slot(); }

  void stop() {
    if (consumer_.joinable()) {
      stopping_ = true;
      hand_over();
      consumer_.join();
    }
  }

 private:
  void wait_for_slot() const {
    Backoff backoff;
    // acquire: the slot has been read; pairs with the release in consume().
    while (taken_.load(std::memory_order_acquire) != given_.load(std::memory_order_relaxed)) {
      backoff.pause();
    }
  }
  void hand_over() {
    // release: the slot is written; pairs with the acquire in consume().
    given_.store(given_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    syscall(SYS_futex, &given_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  void consume() {
    for (std::uint32_t taken = 0; true; ++taken) {
      // acquire: pairs with the release in hand_over().
      while (given_.load(std::memory_order_acquire) == taken) {
        syscall(SYS_futex, &given_, FUTEX_WAIT_PRIVATE, taken, nullptr, nullptr, 0);
      }
      if (stopping_) {
        return;
      }
      take_(receiver_, slot_);
      // release: slot and tallies; pairs with the acquire in wait_for_slot().
      taken_.store(taken + 1, std::memory_order_release);
    }
  }

  const unsigned processor_;
  void* receiver_ = nullptr;
  void (*take_)(void* object, const Content& content) = nullptr;
  std::thread consumer_;
  Content slot_{};         // belongs to whom the two counts say
  bool stopping_ = false;  // travels with a hand-over
  alignas(64) std::atomic<std::uint32_t> given_{0};
  alignas(64) std::atomic<std::uint32_t> taken_{0};
};

}  // namespace

Entry futex() { return make_entry<Futex>(); }

}  // namespace peers
