// What each stream of the assistant said: the evidence on which the example checks itself.
#pragma once

#include <herald/herald.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "assistant/conversation.h"

namespace assistant {

/// What one stream said.
struct Entry {
  std::uint64_t tokens = 0;
  std::string text = {};
  std::vector<std::uint32_t> steps = {};  ///< Their numbers, as they came.
  std::vector<std::string> infos = {};
  std::vector<float> progress = {};
  std::uint64_t cleared = 0;           ///< Times its metrics were cleared.
  std::vector<std::string> ends = {};  ///< Terminal events: "complete stop", "error cycle", ...
  std::uint64_t events_after_end = 0;
};

/// Threads: as Terminal. Read it when the bus is flushed.
class Ledger {
 public:
  explicit Ledger(herald::Bus& bus);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  [[nodiscard]] const Entry& of(Stream stream) const { return entries_[stream]; }

 private:
  void write(const herald::Event& event);

  std::array<Entry, kStreamNames.size()> entries_ = {};
  herald::Subscription subscription_;
};

}  // namespace assistant
