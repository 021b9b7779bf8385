#include "game_loop/jobs.h"

#include <utility>

namespace game {

Jobs::Jobs(herald::Bus& bus, const Types& types) {
  add(bus.publisher({.name = "physics"}).value(), types.collision, kCollisions,
      [](std::uint32_t number) {
        return Collision{number, number % 64, number % 61, static_cast<float>(number % 10)};
      });
  add(bus.publisher({.name = "combat"}).value(), types.damage, kDamages, [](std::uint32_t number) {
    return Damage{number, number % 64, 1.5F, Damage::Source::kCombat};
  });
  add(bus.publisher({.name = "sound"}).value(), types.audio, kSounds, [](std::uint32_t number) {
    return Audio{number, number % 16, 0.5F};
  });
}

template <typename T, typename Make>
void Jobs::add(herald::Publisher publisher, herald::EventType<T> type, std::uint32_t a_frame,
               Make make) {
  threads_.emplace_back([this, type, a_frame, make, publisher = std::move(publisher)]() mutable {
    for (std::uint32_t number = 0;;) {
      begin_.arrive_and_wait();
      if (over_) {
        return;
      }
      for (std::uint32_t i = 0; i < a_frame; ++i) {
        if (publisher.publish(type, make(number)) == herald::PublishResult::kAccepted) {
          ++number;
        } else {
          refused_.fetch_add(1, std::memory_order_relaxed);
        }
      }
      end_.arrive_and_wait();
    }
  });
}

Jobs::~Jobs() {
  over_ = true;
  begin_.arrive_and_wait();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void Jobs::begin_frame() { begin_.arrive_and_wait(); }
void Jobs::end_frame() { end_.arrive_and_wait(); }

}  // namespace game
