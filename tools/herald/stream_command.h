// The verb `stream`.
#pragma once

namespace CLI {
class App;
}

namespace herald::cli {

/// Adds the verb to the program. If it is named, parsing the command line runs it and sets
/// `exit_status`.
void add_stream(CLI::App& program, int& exit_status);

}  // namespace herald::cli
