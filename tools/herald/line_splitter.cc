#include "line_splitter.h"

#include <algorithm>
#include <utility>

namespace herald::cli {

std::optional<std::string_view> LineSplitter::next(std::string_view& bytes) {
  if (std::exchange(complete_, false)) {
    line_.clear();
  }
  if (bytes.empty() || too_long_) {
    bytes = {};
    return std::nullopt;
  }
  if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
    bytes.remove_prefix(1);
  }
  const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
  if (end > kMostBytes - line_.size()) {
    too_long_ = true;
    ++number_;
    bytes = {};
    return std::nullopt;
  }
  line_.append(bytes, 0, end);
  bytes.remove_prefix(end);
  if (bytes.empty()) {
    return std::nullopt;
  }
  after_cr_ = bytes.front() == '\r';
  bytes.remove_prefix(1);
  complete_ = true;
  ++number_;
  return line_;
}

std::optional<std::string_view> LineSplitter::finish() {
  if (complete_ || too_long_ || line_.empty()) {
    return std::nullopt;
  }
  complete_ = true;
  ++number_;
  return line_;
}

}  // namespace herald::cli
