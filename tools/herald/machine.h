// The machine that the figures are for.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace herald::cli {

struct Machine {
  std::string cpu;
  std::size_t cores = 1;  ///< That this process may use.
  std::string kernel;
  std::string compiler;
  std::string flags;  ///< Of the compiler.
  std::string fence;  ///< How publishers and dispatcher agree on going to sleep.

  [[nodiscard]] static Machine read();
};

/// Processors that this process may use.
[[nodiscard]] std::vector<unsigned> usable_processors();

}  // namespace herald::cli
