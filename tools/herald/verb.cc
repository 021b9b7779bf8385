#include "verb.h"

#include <CLI/CLI.hpp>
#include <utility>

namespace herald::cli {

Verb::Verb(CLI::App& program, const char* name, const char* what, const char* footer)
    : verb_(program.add_subcommand(name, what)) {
  verb_->footer(footer);
}

void Verb::text(const char* name, std::string& value, const char* kind, const char* what) {
  verb_->add_option(name, value, what)->type_name(kind)->capture_default_str();
}

void Verb::flag(const char* name, bool& value, const char* what) {
  verb_->add_flag(name, value, what);
}

void Verb::exclude(const char* name, const char* other) {
  verb_->get_option(name)->excludes(verb_->get_option(other));
}

void Verb::run(std::function<void()> action) { verb_->callback(std::move(action)); }

}  // namespace herald::cli
