#pragma once

#include <cstdint>

struct Bench;  // what instruction_cost.cc works on

/// What is to be counted; returns how many times it was done.
using Work = std::uint64_t (*)(Bench& bench);

/// Does `work`. callgrind counts in it (see support/callgrind.py), so it is in a file of its own,
/// where no compiler inlines it or makes a second one of it for a certain `work`.
extern "C" std::uint64_t herald_measured(Work work, Bench& bench);
