#include "console_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>

namespace inference_loop {
namespace {

std::size_t terminal_columns() noexcept {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

ConsoleLine::ConsoleLine(herald::Bus& bus, unsigned streams) : latest_(streams) {
  if (isatty(STDERR_FILENO) == 1) {
    const auto take = [this](const herald::Info& hypothesis, const herald::Event& event) {
      show(hypothesis, event.stream());
    };
    hypotheses_ = bus.subscribe(herald::kInfo, take, {.name = "console line"}).value();
  }
}

void ConsoleLine::clear() {
  if (hypotheses_.active()) {
    std::fputs("\r\033[K", stderr);
  }
}

void ConsoleLine::show(const herald::Info& hypothesis, herald::StreamId stream) {
  latest_[stream % latest_.size()] = hypothesis.message;
  const std::size_t columns = terminal_columns() / latest_.size();
  std::string line = "\r\033[K";
  for (const std::string& text : latest_) {
    // The end of what is too long: there the words change.
    const std::size_t room = columns < 4 ? 1 : columns - 3;
    line.append(text, text.size() - std::min(room, text.size())).append(" | ");
  }
  line.resize(line.size() - 3);
  std::fputs(line.c_str(), stderr);
}

}  // namespace inference_loop
