// What the parts of the game tell each other: typed events that fit in one, so that nothing is
// allocated. Each source numbers its events, so that a receiver can tell their order.
#pragma once

#include <herald/herald.h>

#include <cstdint>

namespace game {

struct Collision {
  std::uint32_t number;
  std::uint32_t body;
  std::uint32_t other;
  float impulse;
};

struct Damage {
  enum class Source : std::uint8_t { kCombat, kCollision };
  std::uint32_t number;  ///< Of this source.
  std::uint32_t entity;
  float amount;
  Source source;
};

struct Audio {
  std::uint32_t number;
  std::uint32_t sound;
  float volume;
};

struct Types {
  explicit Types(herald::Bus& bus)
      : collision(bus.define<Collision>("collision").value()),
        damage(bus.define<Damage>("damage").value()),
        audio(bus.define<Audio>("audio").value()) {}

  herald::EventType<Collision> collision;
  herald::EventType<Damage> damage;
  herald::EventType<Audio> audio;
};

}  // namespace game
