// What the main thread makes of the events, inside its pump: it counts them, and every fourth
// collision hurts somebody. That damage is raised in a callback: it comes with the next pump.
#pragma once

#include <herald/herald.h>

#include <cstdint>

#include "game_loop/game_events.h"

namespace game {

/// The numbered events of one source, as they came.
struct Arrivals {
  std::uint32_t count = 0;
  std::uint32_t out_of_order = 0;

  void take(std::uint32_t number) {
    out_of_order += number == count ? 0 : 1;
    ++count;
  }
};

/// Threads: the one that pumps.
class Gameplay {
 public:
  static constexpr std::uint32_t kCollisionsAWound = 4;

  Gameplay(herald::Bus& bus, const Types& types);
  Gameplay(const Gameplay&) = delete;
  Gameplay& operator=(const Gameplay&) = delete;

  [[nodiscard]] const Arrivals& collisions() const { return collisions_; }
  [[nodiscard]] const Arrivals& blows() const { return blows_; }
  [[nodiscard]] const Arrivals& wounds() const { return wounds_; }  ///< By collisions.
  [[nodiscard]] const Arrivals& sounds() const { return sounds_; }
  [[nodiscard]] std::uint32_t raised() const { return raised_; }  ///< Wounds published.
  [[nodiscard]] std::uint32_t out_of_order() const {
    return collisions_.out_of_order + blows_.out_of_order + wounds_.out_of_order +
           sounds_.out_of_order;
  }

 private:
  void take(const Collision& collision);
  void take(const Damage& damage);

  herald::Publisher publisher_;
  herald::EventType<Damage> damage_;
  Arrivals collisions_;
  Arrivals blows_;
  Arrivals wounds_;
  Arrivals sounds_;
  std::uint32_t raised_ = 0;
  // Last, so first to go: they call the rest.
  herald::Subscription on_collision_;
  herald::Subscription on_damage_;
  herald::Subscription on_audio_;
};

}  // namespace game
