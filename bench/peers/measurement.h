// What one measurement found.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace peers {

struct Measurement {
  double value = 0;
  std::string unit = {};
  std::vector<std::pair<std::string, double>> facts = {};  ///< By name, units last.
  std::string failure = {};  ///< Empty: every subscriber got what it should.

  void add(std::string name, double fact) { facts.emplace_back(std::move(name), fact); }
};

/// The sample below which `share` of them lie. Requires: sorted, not empty.
inline std::int64_t quantile(std::span<const std::int64_t> sorted, double share) {
  const double place = share * static_cast<double>(sorted.size());
  return sorted[std::min(static_cast<std::size_t>(place), sorted.size() - 1)];
}

}  // namespace peers
