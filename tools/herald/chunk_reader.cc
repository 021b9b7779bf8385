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
    if (json_.is_discarded()) {
      json_ = Json::parse(mark_loose(text), nullptr, false);
      marked_ = true;
    }
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
    if (error == nullptr || *error == false) {
      return std::nullopt;
    }
    Error told = upstream_error(*error);
    if (marked_) {
      told.code = unmarked(told.code);
      told.message = unmarked(told.message);
    }
    return told;
  }

  [[nodiscard]] std::optional<Usage> usage() const {
    const Json* const usage = member(json_, "usage");
    return usage == nullptr ? std::nullopt
                            : std::optional(Usage{count(*usage, "prompt_tokens"),
                                                  count(*usage, "completion_tokens")});
  }

  /// Adds the first choice's text, which `text` joins, and notes why it ended if it did.
  void read_choices(LooseText& text, std::string& content, FinishReason& reason) {
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
        read_choice(choice, text, content, reason);
      }
    }
  }

 private:
  static std::string unmarked(std::string_view word) {
    std::string out;
    LooseText text;
    text.add_marked(word, out);
    text.finish(out);
    return out;
  }

  void read_choice(const Json& choice, LooseText& text, std::string& content,
                   FinishReason& reason) {
    const Json* const delta = member(choice, "delta");
    if (delta != nullptr && !delta->is_object()) {
      fault_ = "is no chunk: its delta is no object";
      return;
    }
    const Json* const part = delta == nullptr ? nullptr : member(*delta, "content");
    if (part != nullptr && !part->is_string()) {
      fault_ = "is no chunk: its content is no text";
      return;
    }
    if (part != nullptr) {
      const auto& bytes = part->get_ref<const std::string&>();
      if (marked_) {
        text.add_marked(bytes, content);
      } else {
        text.add(bytes, content);
      }
    }
    if (const std::string name = word(member(choice, "finish_reason")); !name.empty()) {
      // A word of theirs that we do not have means no more than that it ended.
      reason = find_finish_reason(name).value_or(FinishReason::kStop);
    }
  }

  Json json_;
  bool marked_ = false;
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
    text_.finish(content_);
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
  if (!ended_ && may_be_bare_) {
    take_bare_error();
  }
  if (!ended_) {
    fail(error_code::kTruncated,
         any_chunk_
             ? "the input ended without [DONE], after line " + std::to_string(lines_.number())
             : std::string("the input ended without [DONE] and without any chunk"));
  }
  text_.finish(content_);
  return content_;
}

void ChunkReader::take_line(std::string_view line) {
  constexpr std::string_view kField = "data:";
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (lines_.number() == 1 && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  if (!line.starts_with(kField)) {
    keep_bare_line(line);
    return;
  }
  const std::string_view value = without_blanks(line.substr(kField.size()));
  if (value == "[DONE]") {
    ended_ = true;
  } else if (!value.empty()) {
    take_chunk(value);
  }
}

// It may be a part of what a server sends instead of a stream.
void ChunkReader::keep_bare_line(std::string_view line) {
  const bool begun = !bare_.empty() || without_blanks(line).starts_with('{');
  may_be_bare_ = may_be_bare_ && bare_.size() + line.size() < LineSplitter::kMostBytes;
  if (begun && may_be_bare_) {
    bare_ += line;
    bare_ += '\n';
  }
}

void ChunkReader::take_bare_error() {
  const Chunk chunk(bare_);
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
  may_be_bare_ = false;
  const LooseText before = text_;
  if (chunk.fault().empty()) {
    if (std::optional<Error> error = chunk.error(); error.has_value()) {
      fail(error->code, std::move(error->message));
      return;
    }
    usage_ = chunk.usage().value_or(usage_);
    chunk.read_choices(text_, content_, finish_reason_);
  }
  if (!chunk.fault().empty()) {
    content_.clear();
    text_ = before;
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
