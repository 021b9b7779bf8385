#include "chunk_reader.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "herald/stream_end.h"

namespace herald::cli {
namespace {

using Json = nlohmann::json;

/// The member of that name; null if it is missing, is JSON's null, or `json` is no object.
const Json* member(const Json& json, const char* name) {
  if (!json.is_object()) {
    return nullptr;
  }
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

std::uint32_t count(const Json& usage, const char* name) {
  const Json* const number = member(usage, name);
  if (number == nullptr || !number->is_number_unsigned()) {
    return 0;
  }
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(
      number->get<std::uint64_t>(), std::numeric_limits<std::uint32_t>::max()));
}

/// A text as it is, a number as it is written, else nothing.
std::string word(const Json* json) {
  if (json == nullptr) {
    return {};
  }
  return json->is_string()   ? json->get<std::string>()
         : json->is_number() ? json->dump()
                             : std::string();
}

Error upstream_error(const Json& error) {
  std::string code = word(member(error, "code"));
  std::string message =
      error.is_string() ? error.get<std::string>() : word(member(error, "message"));
  return {code.empty() ? std::string(error_code::kUpstream) : std::move(code),
          message.empty() ? "the source reported an error without a message" : std::move(message)};
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  const std::size_t end = text.find_last_not_of(" \t") + 1;
  return text.substr(begin, std::max(begin, end) - begin);
}

}  // namespace

/// One chunk, and what is wrong with it.
class ChunkReader::Chunk {
 public:
  explicit Chunk(std::string_view text) : json_(Json::parse(text, nullptr, false)) {
    // To the parser a zero byte is the end of its input.
    if (json_.is_discarded() || text.find('\0') != std::string_view::npos) {
      fault_ = "is no valid JSON";
    } else if (!json_.is_object()) {
      fault_ = "is no chunk: not a JSON object";
    }
  }

  [[nodiscard]] bool is_json() const { return !json_.is_discarded(); }
  /// Empty: nothing.
  [[nodiscard]] std::string_view fault() const { return fault_; }

  [[nodiscard]] std::optional<Error> error() const {
    const Json* const error = member(json_, "error");
    return error == nullptr || *error == false ? std::nullopt
                                               : std::optional(upstream_error(*error));
  }

  [[nodiscard]] std::optional<Usage> usage() const {
    const Json* const usage = member(json_, "usage");
    return usage == nullptr ? std::nullopt
                            : std::optional(Usage{count(*usage, "prompt_tokens"),
                                                  count(*usage, "completion_tokens")});
  }

  /// Adds the first choice's text, and notes why it ended if it did.
  void read_choices(std::string& content, FinishReason& reason) {
    const Json* const choices = member(json_, "choices");
    if (choices == nullptr) {
      return;
    }
    if (!choices->is_array()) {
      fault_ = "is no chunk: its choices are no array";
      return;
    }
    for (const Json& choice : *choices) {
      const Json* const index = member(choice, "index");
      if (!(choice.is_object() || choice.is_null()) || (index != nullptr && !index->is_number())) {
        fault_ = "is no chunk: a choice is no object with a number as index";
        return;
      }
      if (index == nullptr || *index == 0) {
        read_choice(choice, content, reason);
      }
    }
  }

 private:
  void read_choice(const Json& choice, std::string& content, FinishReason& reason) {
    const Json* const delta = member(choice, "delta");
    if (delta != nullptr && !delta->is_object()) {
      fault_ = "is no chunk: its delta is no object";
      return;
    }
    const Json* const text = delta == nullptr ? nullptr : member(*delta, "content");
    if (text != nullptr && !text->is_string()) {
      fault_ = "is no chunk: its content is no text";
      return;
    }
    if (text != nullptr) {
      content += text->get_ref<const std::string&>();
    }
    if (const std::string name = word(member(choice, "finish_reason")); !name.empty()) {
      // A word of theirs that we do not have means no more than that it ended.
      reason = find_finish_reason(name).value_or(FinishReason::kStop);
    }
  }

  Json json_;
  std::string_view fault_;
};

std::string_view ChunkReader::next(std::string_view& bytes) {
  content_.clear();
  while (!ended_ && content_.empty()) {
    const std::optional<std::string_view> line = lines_.next(bytes);
    if (line.has_value()) {
      take_line(*line);
    } else if (lines_.too_long()) {
      fail_at_line("is longer than 1 MiB");
    } else {
      return {};
    }
  }
  if (ended_) {
    bytes = {};
  }
  return content_;
}

std::string_view ChunkReader::finish() {
  content_.clear();
  if (ended_) {
    return {};
  }
  in_last_line_ = true;
  if (const std::optional<std::string_view> line = lines_.finish(); line.has_value()) {
    take_line(*line);
  }
  if (!ended_) {
    fail(error_code::kTruncated,
         any_chunk_
             ? "the input ended without [DONE], after line " + std::to_string(lines_.number())
             : std::string("the input ended without [DONE] and without any chunk"));
  }
  return content_;
}

void ChunkReader::take_line(std::string_view line) {
  constexpr std::string_view kField = "data:";
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (lines_.number() == 1 && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  if (!line.starts_with(kField)) {
    take_bare_error(line);
    return;
  }
  const std::string_view value = without_blanks(line.substr(kField.size()));
  if (value == "[DONE]") {
    ended_ = true;
  } else if (!value.empty()) {
    take_chunk(value);
  }
}

// What a server sends instead of a stream, as its first line.
void ChunkReader::take_bare_error(std::string_view line) {
  if (lines_.number() != 1 || !line.starts_with('{')) {
    return;
  }
  const Chunk chunk(line);
  if (std::optional<Error> error = chunk.error(); chunk.fault().empty() && error.has_value()) {
    fail(error->code, std::move(error->message));
  }
}

void ChunkReader::take_chunk(std::string_view json) {
  Chunk chunk(json);
  if (!chunk.is_json() && in_last_line_) {
    return;  // cut off within it
  }
  any_chunk_ = true;
  if (chunk.fault().empty()) {
    if (std::optional<Error> error = chunk.error(); error.has_value()) {
      fail(error->code, std::move(error->message));
      return;
    }
    usage_ = chunk.usage().value_or(usage_);
    chunk.read_choices(content_, finish_reason_);
  }
  if (!chunk.fault().empty()) {
    content_.clear();
    fail_at_line(chunk.fault());
  }
}

void ChunkReader::fail(std::string_view code, std::string message) {
  ended_ = true;
  error_ = {std::string(code), std::move(message), false};
}

void ChunkReader::fail_at_line(std::string_view what) {
  fail(error_code::kMalformed,
       "line " + std::to_string(lines_.number()) + " of the input " + std::string(what));
}

}  // namespace herald::cli
