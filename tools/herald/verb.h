// One verb of the program, as the command line sees it.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace herald::cli {

/// Declares a verb and its options. What they write into must live until the command line is
/// parsed; the texts are copied.
class Verb {
 public:
  /// `what` it does, in a line, and the `footer` of its help.
  Verb(CLI::App& program, const char* name, const char* what, const char* footer);

  /// An option with a value, which has its default already. `kind` stands for a value in the help.
  /// A name without dashes is that of an argument.
  void text(const char* name, std::string& value, const char* kind, const char* what);
  void flag(const char* name, bool& value, const char* what);
  /// Two options of which one may be given. Requires: both are declared.
  void exclude(const char* name, const char* other);

  /// What parsing the command line does if the verb is named there.
  void run(std::function<void()> action);

 private:
  CLI::App* verb_;
};

}  // namespace herald::cli
