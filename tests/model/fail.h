// How a model says that something is wrong.
#pragma once

#include <string>

namespace herald::model {

/// Ends the execution. On a thread of the model it does not return; outside of them, in the set-up
/// and in the last checks of a scenario, it does. The first failure counts.
void fail(const std::string& message);

/// A claim of a scenario.
inline void check(bool claim, const char* broken) {
  if (!claim) {
    fail(broken);
  }
}

}  // namespace herald::model
