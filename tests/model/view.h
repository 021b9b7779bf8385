// What a thread knows of the memory: for each word the oldest store that it may still read, for
// each thread how much of its past has happened before.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace herald::model {

inline constexpr std::size_t kMaxWords = 24;
inline constexpr std::size_t kMaxThreads = 8;

/// A place in a word's order of stores, or in a thread's order of steps. Signed and short: two
/// views are joined by a few vector instructions.
using Stamp = std::int16_t;

struct View {
  alignas(16) std::array<Stamp, kMaxWords> words{};
  alignas(16) std::array<Stamp, kMaxThreads> clocks{};

  void join(const View& other) noexcept {
    join_words(other);
    join(clocks, other.clocks);
  }
  void join_words(const View& other) noexcept { join(words, other.words); }

 private:
  // Eight at a time, whatever the compiler makes of loops: most of the time is spent here.
  template <std::size_t kCount>
  static void join(std::array<Stamp, kCount>& to, const std::array<Stamp, kCount>& from) noexcept {
    using Eight [[gnu::vector_size(16)]] = Stamp;
    static_assert(kCount % 8 == 0);
    for (std::size_t i = 0; i < kCount; i += 8) {
      Eight mine;
      Eight others;
      std::memcpy(&mine, &to[i], sizeof(mine));
      std::memcpy(&others, &from[i], sizeof(others));
      mine = mine > others ? mine : others;
      std::memcpy(&to[i], &mine, sizeof(mine));
    }
  }
};

}  // namespace herald::model
