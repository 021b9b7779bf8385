// How the examples check themselves.
#pragma once

#include <cstdlib>
#include <iostream>

/// Unless that holds, says so and ends the program.
inline void expect(bool holds, const char* what) {
  if (!holds) {
    std::cerr << "not so: " << what << '\n';
    std::exit(EXIT_FAILURE);
  }
}
