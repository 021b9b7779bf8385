#include "game_loop/gameplay.h"

namespace game {

using herald::Event;

Gameplay::Gameplay(herald::Bus& bus, const Types& types)
    : publisher_(bus.publisher({.name = "gameplay"}).value()), damage_(types.damage) {
  on_collision_ =
      bus.subscribe(types.collision, [this](const Collision& each, const Event&) { take(each); },
                    {.name = "gameplay: collisions"})
          .value();
  on_damage_ = bus.subscribe(types.damage, [this](const Damage& each, const Event&) { take(each); },
                             {.name = "gameplay: damage"})
                   .value();
  on_audio_ = bus.subscribe(types.audio,
                            [this](const Audio& each, const Event&) { sounds_.take(each.number); },
                            {.name = "gameplay: audio"})
                  .value();
}

void Gameplay::take(const Collision& collision) {
  collisions_.take(collision.number);
  if (collision.number % kCollisionsAWound == 0) {
    const Damage wound{raised_, collision.body, collision.impulse, Damage::Source::kCollision};
    raised_ += publisher_.publish(damage_, wound) == herald::PublishResult::kAccepted ? 1 : 0;
  }
}

void Gameplay::take(const Damage& damage) {
  Arrivals& source = damage.source == Damage::Source::kCombat ? blows_ : wounds_;
  source.take(damage.number);
}

}  // namespace game
