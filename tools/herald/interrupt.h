// Ctrl-C: the first one asks for an end with a report, the second one ends the process.
#pragma once

namespace herald::cli {

/// From now on the first SIGINT sets a flag.
void catch_interrupt() noexcept;

/// Whether it has come. Any thread; costs one load.
[[nodiscard]] bool interrupted() noexcept;

}  // namespace herald::cli
