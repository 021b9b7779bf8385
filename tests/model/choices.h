// Decides whatever a model leaves open: who runs, which store a load reads, what comes as a
// surprise; remembers each decision, so that an execution can be repeated.
//
// Three ways to decide: depth first over all decisions within bounds, by chance, as before.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace herald::model {

enum class Kind : std::uint8_t {
  kStay,      ///< Option 0: the running thread goes on. The others are preemptions.
  kNext,      ///< The running thread cannot go on: all options are alike.
  kStale,     ///< Option 0: the newest store. The others are stale loads.
  kSurprise,  ///< Option 0: what one would expect.
};

/// How many decisions of an execution may differ from option 0.
struct Bounds {
  unsigned preemptions = 2;
  unsigned stale_loads = 2;
  unsigned surprises = 1;  // early wake-ups, time-outs, failures of a weak exchange, odd barriers
};

class Choices {
 public:
  /// All executions within `bounds`, one after the other.
  explicit Choices(Bounds bounds);
  /// Executions by chance, without bounds.
  explicit Choices(std::uint64_t seed);
  /// One execution, as schedule() described it.
  explicit Choices(const std::string& schedule, Bounds bounds);

  /// Starts the next execution. False: there is none left.
  bool next();

  /// A number below `regular` + `surprising`; the surprising options come last.
  unsigned pick(Kind kind, unsigned regular, unsigned surprising = 0);

  /// The decisions of this execution in words that the environment variable takes.
  [[nodiscard]] std::string schedule() const;

 private:
  enum class Way : std::uint8_t { kDepthFirst, kChance, kReplay };
  struct Decision {
    unsigned chosen;
    unsigned options;
  };

  [[nodiscard]] bool bounded() const noexcept { return way_ != Way::kChance && bounded_replay_; }
  unsigned options(Kind kind, unsigned regular, unsigned surprising) const noexcept;
  unsigned decide(Kind kind, unsigned regular, unsigned options);
  void pay(Kind kind, unsigned regular, unsigned chosen) noexcept;
  bool step_back();
  unsigned by_chance(Kind kind, unsigned regular, unsigned options);
  std::uint64_t random() noexcept;

  const Way way_;
  const Bounds bounds_;
  bool bounded_replay_ = true;
  Bounds left_{};
  std::vector<Decision> decisions_;
  std::size_t position_ = 0;
  std::uint64_t executions_ = 0;
  std::uint64_t seed_ = 0;
  std::uint64_t state_ = 0;
  std::uint64_t haste_ = 0;  // of 256: how often a thread is preempted, differs by execution
};

}  // namespace herald::model
