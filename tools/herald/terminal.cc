#include "terminal.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace herald::cli {
namespace {

int failed = 0;  // errno of print's first failure

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

/// A terminal on which lines can be written over and colored.
bool is_terminal(std::FILE* stream) {
  const char* kind = std::getenv("TERM");
  return isatty(fileno(stream)) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

/// The length of the control character or line end that the UTF-8 text begins with; 0: it does not.
std::size_t control_bytes(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if (byte < 0x20 || byte == 0x7F) {
    return 1;
  }
  if (byte == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0) {
    return 2;  // U+0080 to U+009F: a terminal may take them for ESC and the letter behind it
  }
  return text.starts_with("\u2028") || text.starts_with("\u2029") ? 3 : 0;
}

}  // namespace

bool takes_color(std::FILE* stream) { return is_terminal(stream) && !is_set("NO_COLOR"); }

std::string paint(std::string_view text, Color color, bool wanted) {
  if (!wanted) {
    return std::string(text);
  }
  std::string painted = "\033[3";
  painted += static_cast<char>(color);
  painted.append("m").append(text).append("\033[0m");
  return painted;
}

std::string one_line(std::string_view text) {
  using Json = nlohmann::json;
  // The JSON library knows what is UTF-8.
  const std::string line =
      Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace))
          .get<std::string>();
  std::string plain;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const std::size_t size = control_bytes(std::string_view(line).substr(i));
    plain += size == 0 ? line[i] : ' ';
    i += std::max<std::size_t>(size, 1) - 1;
  }
  return plain;
}

bool print(std::string_view text) {
  if (failed == 0 && (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
                      std::fflush(stdout) != 0)) {
    failed = errno;
  }
  return failed == 0;
}

int print_error() noexcept { return failed; }

ProgressLine::ProgressLine() : enabled_(is_terminal(stderr)) {}

void ProgressLine::show(const char* format, ...) noexcept {
  if (!enabled_) {
    return;
  }
  std::array<char, 100> text{};
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  std::fprintf(stderr, "\r\033[K%s", text.data());
  shown_ = true;
}

void ProgressLine::clear() noexcept {
  if (shown_) {
    std::fputs("\r\033[K", stderr);
    shown_ = false;
  }
}

}  // namespace herald::cli
