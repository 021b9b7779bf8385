#include "support/stress_run.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "base/cpu_pause.h"

namespace herald::stress {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

std::uint64_t choose_seed() {
  if (const char* given = std::getenv("HERALD_SEED"); given != nullptr) {
    return std::strtoull(given, nullptr, 0);
  }
  return std::random_device{}();
}

}  // namespace

std::uint64_t Random::next() noexcept {
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
  return mixed ^ (mixed >> 31U);
}

void dawdle(Random& random, std::uint64_t most) noexcept {
  const std::uint64_t choice = random.below(8);
  if (choice == 0) {
    std::this_thread::yield();
  } else if (choice < 4) {
    for (std::uint64_t turns = random.below(most + 1); turns != 0; --turns) {
      base::cpu_pause();
    }
  }
}

bool full_run() noexcept {
  const char* full = std::getenv("HERALD_FULL");
  return full != nullptr && *full != '\0' && *full != '0';
}

bool sanitized() noexcept { return kSanitized; }

std::uint64_t rounds(std::uint64_t usual, std::uint64_t full) noexcept {
  const std::uint64_t asked = full_run() ? full : usual;
  return kSanitized ? (asked + 9) / 10 : asked;
}

Watchdog::Watchdog(std::function<void()> describe)
    : describe_(std::move(describe)), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchdog::watch() {
  constexpr int kPatienceSeconds = 60;
  std::uint64_t seen = 0;
  int idle_seconds = 0;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; })) {
    const std::uint64_t now = steps_.load(std::memory_order_relaxed);
    idle_seconds = now == seen ? idle_seconds + 1 : 0;
    seen = now;
    if (idle_seconds >= kPatienceSeconds) {
      bite();
    }
  }
}

void Watchdog::bite() {
  std::fprintf(stderr, "FORBIDDEN: no progress for a minute, after %llu steps\n",
               static_cast<unsigned long long>(steps_.load(std::memory_order_relaxed)));
  alarm(10);  // the bus may be stuck: describing it must not keep the process
  if (describe_) {
    describe_();
  }
  std::abort();
}

Test::Test() : seed_(choose_seed()) {
  std::printf("HERALD_SEED=%llu\n", static_cast<unsigned long long>(seed_));
  std::fflush(stdout);
}

Random Test::random(std::uint64_t part) const noexcept {
  Random mixer(seed_ + part * 0x632BE59BD9B4E019U);
  return Random(mixer.next());
}

}  // namespace herald::stress
