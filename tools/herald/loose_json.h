// JSON whose texts are cut within characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace herald::cli {

/// The JSON with what no parser takes in a text marked, so that it does: each byte that is not
/// ASCII, and the escape of each half of a surrogate pair that stands alone.
[[nodiscard]] std::string mark_loose(std::string_view json);

/// Joins texts that were cut anywhere. Gives UTF-8, in which what was ill-formed still is: a byte
/// as it came, half a surrogate pair as one byte 0xFF.
class LooseText {
 public:
  /// Adds to `out` what is complete with `text`, which was parsed from mark_loose()'s result.
  void add_marked(std::string_view text, std::string& out);
  /// The same with one of a JSON as it came.
  void add(std::string_view text, std::string& out);
  /// The end of all texts.
  void finish(std::string& out);

 private:
  void add_unit(std::uint32_t unit, std::string& out);

  std::uint32_t high_ = 0;  // the first half of a pair whose second may come; 0: none
};

}  // namespace herald::cli
