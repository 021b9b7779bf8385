#include "integration/herald_measured.h"

extern "C" std::uint64_t herald_measured(Work work, Bench& bench) { return work(bench); }
