// What a thread knows of the memory: for each word the oldest store that it may still read, for
// each thread how much of its past has happened before.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace herald::model {

inline constexpr std::size_t kMaxWords = 40;
inline constexpr std::size_t kMaxThreads = 8;

/// A place in a word's order of stores, or in a thread's order of steps. Signed and short: two
/// views are joined by a few vector instructions.
using Stamp = std::int16_t;

struct View {
  alignas(16) std::array<Stamp, kMaxWords> words{};
  std::array<Stamp, kMaxThreads> clocks{};

  void join(const View& other) noexcept {
    join_words(other);
    for (std::size_t i = 0; i < clocks.size(); ++i) {
      clocks[i] = std::max(clocks[i], other.clocks[i]);
    }
  }
  void join_words(const View& other) noexcept {
    for (std::size_t i = 0; i < words.size(); ++i) {
      words[i] = std::max(words[i], other.words[i]);
    }
  }
};

}  // namespace herald::model
