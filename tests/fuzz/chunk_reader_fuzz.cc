// ChunkReader for any bytes cut anywhere, and against completions whose text is known.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "herald/stream_end.h"
#include "support/fuzz_input.h"
#include "tools/herald/chunk_reader.h"

namespace herald {
namespace {

using cli::ChunkReader;

/// All that a reader says.
struct Answer {
  std::string text;
  FinishReason reason = FinishReason::kStop;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t completion_tokens = 0;
  bool failed = false;
  std::string code;
  std::string message;

  friend bool operator==(const Answer&, const Answer&) = default;
};

Answer read(PieceCutter cutter) {
  ChunkReader reader;
  Answer answer;
  while (!cutter.done()) {
    std::string_view piece = cutter.next();
    const bool ended_before = reader.ended();
    while (!piece.empty()) {
      const std::size_t size = piece.size();
      const std::string_view text = reader.next(piece);
      require(piece.size() < size && (!ended_before || text.empty()));
      require(piece.empty() || !text.empty());
      answer.text += text;
    }
  }
  answer.text += reader.finish();
  require(reader.ended() && reader.finish().empty());
  answer.reason = reader.finish_reason();
  answer.prompt_tokens = reader.usage().prompt_tokens;
  answer.completion_tokens = reader.usage().completion_tokens;
  if (reader.error().has_value()) {
    answer.failed = true;
    answer.code = reader.error()->code;
    answer.message = reader.error()->message;
    require(!answer.code.empty() && !answer.message.empty());
  }
  return answer;
}

/// The same answer for every way to cut the bytes.
Answer read_every_way(std::string_view bytes, std::uint32_t seed) {
  constexpr std::uint32_t kLongPieces = 0x9E3779B9;
  const Answer answer = read(PieceCutter(bytes, 0));
  require(read(PieceCutter(bytes, seed + 1)) == answer);
  require(read(PieceCutter(bytes, seed ^ kLongPieces)) == answer);
  return answer;
}

/// Writes a completion as servers do, in every spelling that means the same.
class Completion {
 public:
  explicit Completion(FuzzInput input) : input_(input), broken_off_at_(input_.byte()) {}

  Answer write() {
    while (!input_.empty() && expected_.code.empty() && !done_) {
      write_line();
    }
    if (!done_ && expected_.code.empty()) {
      expected_.failed = true;
      expected_.code = error_code::kTruncated;
      write_beginning_of_line();
    }
    return expected_;
  }
  /// What the message must begin with; empty: anything.
  [[nodiscard]] const std::string& message_begin() const noexcept { return message_begin_; }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

 private:
  void write_line() {
    switch (input_.choice(12)) {
      case 0:
        bytes_ += ": comment {\"error\":1}";
        break;
      case 1:
        bytes_ += pick({"event: error", "id: 7", "retry: 10", "", "data:", "data", "dat: {}"});
        break;
      case 2:
        data(pick({R"({"choices":null})", R"({"choices":[]})", "{}", R"({"choices":[{}]})",
                   R"({"choices":[{"delta":null,"finish_reason":null}]})", R"({"usage":null})",
                   R"({"error":null,"choices":[{"index":1,"delta":{"content":"no"}}]})",
                   R"({"choices":[{"index":0,"delta":{"content":null,"role":"assistant"}}]})"}));
        break;
      case 3:
        write_reason();
        break;
      case 4:
        write_usage();
        break;
      case 5:
        write_end();
        break;
      default:
        write_content();
        break;
    }
    bytes_ += pick({"\n", "\r\n", "\r", "\n\n", "\r\n\r\n"});
  }

  /// A chunk that breaks off says nothing.
  void write_beginning_of_line() {
    constexpr std::string_view kLine = R"(data: {"choices":[{"delta":{"content":"never"}}]})";
    bytes_ += kLine.substr(0, broken_off_at_ % kLine.size());
  }

  void write_content() {
    std::string json = R"({"id":"x","choices":[{)";
    json += pick({"", R"("index":0,)", R"("index": 0 , "logprobs":[[]],)"});
    json += R"("delta":{"content":")";
    for (std::size_t left = input_.choice(24); left > 0; --left) {
      write_character(json);
    }
    data(json + pick({"\"}}]}", "\", \"role\":null }}]} ", "\"},\"finish_reason\":null}]}"}));
  }

  /// One character in one of its spellings, and what it stands for.
  void write_character(std::string& json) {
    struct Spelling {
      const char* json;
      const char* text;
    };
    constexpr std::array<Spelling, 19> kSpellings{{
        {" ", " "},
        {"\\n", "\n"},
        {"\\\"", "\""},
        {"\\\\", "\\"},
        {"\\/", "/"},
        {"\\u0041", "A"},
        {"\\u00e9", "\xC3\xA9"},
        {"\xC3\xA9", "\xC3\xA9"},
        {"\\u20AC", "\xE2\x82\xAC"},
        {"\\ud83d\\ude00", "\xF0\x9F\x98\x80"},
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"e\xCC\x81", "e\xCC\x81"},
        {"\xE2\x80\xA8", "\xE2\x80\xA8"},  // a line end to Unicode, not to this format
        {"data: [DONE]", "data: [DONE]"},
        {"\\r", "\r"},
        {"\\u0010", "\x10"},
        {"\\udc00", "\xFF"},       // half a pair
        {"\xF0\x9F", "\xF0\x9F"},  // half a character
        {"\\u0000", ""},
    }};
    const std::size_t which = input_.choice(kSpellings.size() + 16);
    if (which >= kSpellings.size()) {
      const char letter = static_cast<char>('a' + which - kSpellings.size());
      json += letter;
      expected_.text += letter;
      return;
    }
    json += kSpellings[which].json;
    expected_.text +=
        which + 1 == kSpellings.size() ? std::string(1, '\0') : std::string(kSpellings[which].text);
  }

  void write_reason() {
    const auto& [reason, name] = kFinishReasons[input_.choice(kFinishReasons.size())];
    expected_.reason = reason;
    data(R"({"choices":[{"index":0,"delta":{},"finish_reason":")" + std::string(name) + "\"}]}");
  }

  void write_usage() {
    expected_.prompt_tokens = input_.byte();
    expected_.completion_tokens = input_.byte();
    data(R"({"choices":[],"usage":{"prompt_tokens":)" + std::to_string(expected_.prompt_tokens) +
         R"(,"completion_tokens":)" + std::to_string(expected_.completion_tokens) + "}}");
  }

  void write_end() {
    switch (input_.choice(8)) {
      case 0:
        fail("overloaded", R"({"error":{"message":"m","code":"overloaded"}})");
        break;
      case 1:
        fail("502", R"({"error":{"message":"m","code":502},"choices":[]})");
        break;
      case 2:
        fail(error_code::kUpstream, R"({"error":{"message":null,"code":null}})");
        break;
      case 3:
        fail(error_code::kUpstream, R"({"error":"m"})");
        break;
      case 4:
        message_begin_ = "line " + std::to_string(count_line_ends() + 1) + " ";
        fail(error_code::kMalformed,
             pick({"{", "[]", "{\"choices\":1}", "\"\xFF\"", "\xFF", "nul", "[DONE", "[DONE]]",
                   R"({"choices":[{"delta":{"content":7}}]})"}));
        break;
      default:
        done_ = true;
        data("[DONE]");
        break;
    }
  }

  [[nodiscard]] std::size_t count_line_ends() const noexcept {
    std::size_t count = 0;
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      count += bytes_[i] == '\r' || (bytes_[i] == '\n' && (i == 0 || bytes_[i - 1] != '\r'));
    }
    return count;
  }
  void fail(std::string_view code, const std::string& json) {
    expected_.failed = true;
    expected_.code = code;
    data(json);
  }
  void data(const std::string& json) {
    bytes_ += pick({"data: ", "data:"});
    bytes_ += json;
  }
  template <std::size_t kCount>
  std::string pick(const char* const (&words)[kCount]) {
    return words[input_.choice(kCount)];
  }

  FuzzInput input_;
  std::size_t broken_off_at_;  // taken first: there is nothing left to take in the end
  std::string bytes_;
  Answer expected_;
  std::string message_begin_;
  bool done_ = false;
};

/// Damages a few bytes, so that what was nearly right is read as well.
void damage(std::string& bytes, std::uint32_t seed) {
  std::uint32_t state = seed * 0x01000193U + 1;
  for (std::uint32_t left = 1 + seed % 5; left > 0 && !bytes.empty(); --left) {
    state = state * 1'664'525U + 1'013'904'223U;
    bytes[state % bytes.size()] = static_cast<char>(state >> 24U);
  }
}

}  // namespace
}  // namespace herald

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace herald;
  FuzzInput input(bytes, size);
  const std::size_t kind = input.choice(3);
  const std::uint32_t seed = input.byte();
  if (kind == 0) {
    static_cast<void>(read_every_way(input.rest(), seed));
    return 0;
  }
  Completion completion(input);
  const Answer expected = completion.write();
  if (kind == 1) {
    std::string damaged = completion.bytes();
    damage(damaged, seed);
    static_cast<void>(read_every_way(damaged, seed));
    return 0;
  }
  Answer answer = read_every_way(completion.bytes(), seed);
  require(answer.message.starts_with(completion.message_begin()));
  answer.message.clear();
  require(answer == expected);
  return 0;
}
