#include "model/choices.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace herald::model {

Choices::Choices(Bounds bounds) : way_(Way::kDepthFirst), bounds_(bounds) {}

Choices::Choices(std::uint64_t seed) : way_(Way::kChance), bounds_(), seed_(seed) {}

// "bounded:12=1,40=2": all decisions are 0 but the 12th and the 40th.
Choices::Choices(const std::string& schedule, Bounds bounds)
    : way_(Way::kReplay), bounds_(bounds), bounded_replay_(schedule.starts_with("bounded:")) {
  std::size_t at = schedule.find(':') + 1;
  while (at < schedule.size()) {
    char* end = nullptr;
    const std::size_t index = std::strtoul(schedule.c_str() + at, &end, 10);
    const auto chosen = static_cast<unsigned>(std::strtoul(end + 1, &end, 10));
    decisions_.resize(std::max(decisions_.size(), index + 1), Decision{0, 0});
    decisions_[index].chosen = chosen;
    at = static_cast<std::size_t>(end - schedule.c_str()) + 1;
  }
}

bool Choices::next() {
  position_ = 0;
  left_ = bounds_;
  const bool first = executions_++ == 0;
  if (way_ == Way::kChance) {
    decisions_.clear();
    state_ = seed_ + executions_;
    haste_ = 256U >> (1 + random() % 6);
    return true;
  }
  return first || (way_ == Way::kDepthFirst && step_back());
}

bool Choices::step_back() {
  while (!decisions_.empty() && decisions_.back().chosen + 1 == decisions_.back().options) {
    decisions_.pop_back();
  }
  if (decisions_.empty()) {
    return false;
  }
  ++decisions_.back().chosen;
  return true;
}

unsigned Choices::pick(Kind kind, unsigned regular, unsigned surprising) {
  const unsigned open = options(kind, regular, surprising);
  if (open <= 1) {
    return 0;
  }
  const unsigned chosen = decide(kind, regular, open);
  pay(kind, regular, chosen);
  return chosen;
}

unsigned Choices::options(Kind kind, unsigned regular, unsigned surprising) const noexcept {
  if (!bounded()) {
    return regular + surprising;
  }
  if ((kind == Kind::kStay && left_.preemptions == 0) ||
      (kind == Kind::kStale && left_.stale_loads == 0) ||
      (kind == Kind::kSurprise && left_.surprises == 0)) {
    return 1;
  }
  return left_.surprises == 0 ? regular : regular + surprising;
}

unsigned Choices::decide(Kind kind, unsigned regular, unsigned options) {
  const std::size_t now = position_++;
  if (way_ == Way::kChance || now == decisions_.size()) {
    const unsigned chosen = way_ == Way::kChance ? by_chance(kind, regular, options) : 0;
    decisions_.push_back({chosen, options});
    return chosen;
  }
  Decision& decision = decisions_[now];
  if (way_ == Way::kReplay) {
    decision.options = options;
  }
  if (decision.options != options || decision.chosen >= options) {
    std::fputs("model: the scenario does not repeat itself: is the schedule another one's?\n",
               stderr);
    std::abort();
  }
  return decision.chosen;
}

void Choices::pay(Kind kind, unsigned regular, unsigned chosen) noexcept {
  if (!bounded() || chosen == 0) {
    return;
  }
  if (kind == Kind::kStay) {
    --left_.preemptions;
  } else if (kind == Kind::kStale) {
    --left_.stale_loads;
  }
  if (kind == Kind::kSurprise || chosen >= regular) {
    --left_.surprises;
  }
}

unsigned Choices::by_chance(Kind kind, unsigned regular, unsigned options) {
  constexpr std::uint64_t kStaleOf256 = 64;
  constexpr std::uint64_t kSurpriseOf256 = 8;
  const std::uint64_t dice = random() % 256;
  const bool surprise = random() % 256 < kSurpriseOf256;
  if (options > regular && surprise) {
    return regular + static_cast<unsigned>(random() % (options - regular));
  }
  if ((kind == Kind::kStay && dice >= haste_) || (kind == Kind::kStale && dice >= kStaleOf256) ||
      (kind == Kind::kSurprise && !surprise)) {
    return 0;
  }
  return static_cast<unsigned>(random() % regular);
}

// splitmix64: every seed gives a good sequence, neighbours too.
std::uint64_t Choices::random() noexcept {
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state_ * 0xd1342543de82ef95U;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

std::string Choices::schedule() const {
  std::string text = bounded() ? "bounded:" : "chance:";
  for (std::size_t i = 0; i < std::min(position_, decisions_.size()); ++i) {
    if (decisions_[i].chosen != 0) {
      text += std::to_string(i) + "=" + std::to_string(decisions_[i].chosen) + ",";
    }
  }
  if (text.back() == ',') {
    text.pop_back();
  }
  return text;
}

}  // namespace herald::model
