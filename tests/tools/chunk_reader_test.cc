#include "tools/herald/chunk_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "herald/stream_end.h"

namespace herald::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Answer {
  std::vector<std::string> tokens;
  FinishReason reason = FinishReason::kStop;
  Usage usage;
  std::string code;  // empty: no error
  std::string message;

  [[nodiscard]] std::string text() const {
    std::string all;
    for (const std::string& token : tokens) {
      all += token;
    }
    return all;
  }
};

void expect_same(const Answer& answer, const Answer& whole) {
  EXPECT_EQ(answer.tokens, whole.tokens);
  EXPECT_EQ(answer.reason, whole.reason);
  EXPECT_EQ(answer.usage.prompt_tokens, whole.usage.prompt_tokens);
  EXPECT_EQ(answer.usage.completion_tokens, whole.usage.completion_tokens);
  EXPECT_EQ(answer.code, whole.code);
  EXPECT_EQ(answer.message, whole.message);
}

Answer read_pieces(const std::vector<std::string_view>& pieces) {
  ChunkReader reader;
  Answer answer;
  for (std::string_view piece : pieces) {
    for (auto text = reader.next(piece); !text.empty(); text = reader.next(piece)) {
      answer.tokens.emplace_back(text);
    }
    EXPECT_TRUE(piece.empty());
  }
  if (const auto text = reader.finish(); !text.empty()) {
    answer.tokens.emplace_back(text);
  }
  EXPECT_TRUE(reader.ended());
  EXPECT_THAT(reader.finish(), IsEmpty());
  answer.reason = reader.finish_reason();
  answer.usage = reader.usage();
  if (reader.error().has_value()) {
    answer.code = reader.error()->code;
    answer.message = reader.error()->message;
  }
  return answer;
}

/// The answer, which must be the same for the bytes at once, one by one, and cut in two anywhere.
Answer read(std::string_view bytes) {
  const Answer whole = read_pieces({bytes});
  std::vector<std::string_view> single;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    single.push_back(bytes.substr(at, 1));
    SCOPED_TRACE("cut at " + std::to_string(at));
    expect_same(read_pieces({bytes.substr(0, at), bytes.substr(at)}), whole);
  }
  SCOPED_TRACE("byte by byte");
  expect_same(read_pieces(single), whole);
  return whole;
}

/// A chunk with that content, as it stands in JSON.
std::string chunk(const std::string& content) {
  return R"({"id":"x","choices":[{"index":0,"delta":{"content":")" + content +
         R"("},"finish_reason":null}]})";
}

constexpr const char* kDone = "data: [DONE]\n\n";

TEST(ChunkReader, GivesTheContentOfEachChunk) {
  const Answer answer =
      read("data: " + chunk("Hel") + "\n\ndata: " + chunk("lo ") + "\n\n" + kDone);
  EXPECT_THAT(answer.tokens, ElementsAre("Hel", "lo "));
  EXPECT_EQ(answer.code, "");
}

TEST(ChunkReader, TakesEveryLineEndAndSpelling) {
  for (const std::string end : {"\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\r\r"}) {
    for (const std::string field : {"data:", "data: ", "data:  \t"}) {
      const Answer answer = read(field + chunk("a") + end + field + chunk("b") + "  " + end +
                                 field + "[DONE] " + end);
      EXPECT_THAT(answer.tokens, ElementsAre("a", "b")) << field << end;
      EXPECT_EQ(answer.code, "");
    }
  }
}

TEST(ChunkReader, CommentsAndOtherFieldsSayNothing) {
  const Answer answer = read(
      "\xEF\xBB\xBF: OPENROUTER PROCESSING\n\nevent: message\nid: 1\ndata\n"
      "data:\nretry: 5\ndatas: {\n{\"error\":1}\ndata: " +
      chunk("x") + "\n:\n" + kDone);
  EXPECT_THAT(answer.tokens, ElementsAre("x"));
  EXPECT_EQ(answer.code, "");
}

TEST(ChunkReader, AByteOrderMarkMayStandInFront) {
  EXPECT_THAT(read("\xEF\xBB\xBF"
                   "data: " +
                   chunk("x") + "\n" + kDone)
                  .tokens,
              ElementsAre("x"));
}

TEST(ChunkReader, UndoesEscapes) {
  const Answer answer = read("data: " + chunk(R"(\"\\\/\n\t\u0041\u00e9\u20ac\ud83d\ude00)") +
                             "\ndata: " + chunk("e\xCC\x81\xF0\x9F\x98\x80") + "\n" + kDone);
  EXPECT_THAT(answer.tokens, ElementsAre("\"\\/\n\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
                                         "e\xCC\x81\xF0\x9F\x98\x80"));
}

TEST(ChunkReader, AChunkWithoutContentSaysNothing) {
  for (const std::string json :
       {R"({})", R"({"choices":null})", R"({"choices":[]})", R"({"choices":[{}]})",
        R"({"choices":[{"delta":null}]})", R"({"choices":[{"delta":{}}]})",
        R"({"choices":[{"delta":{"content":null}}]})", R"({"choices":[{"delta":{"content":""}}]})",
        R"({"choices":[{"index":1,"delta":{"content":"of another choice"}}]})",
        R"({"choices":[null]})", R"({"error":null})", R"({"usage":null})"}) {
    const Answer answer = read("data: " + json + "\n" + kDone);
    EXPECT_THAT(answer.tokens, IsEmpty()) << json;
    EXPECT_EQ(answer.code, "") << json;
  }
}

TEST(ChunkReader, KnowsWhyTheSourceStopped) {
  for (const auto& [reason, name] : kFinishReasons) {
    const std::string json =
        R"({"choices":[{"delta":{"content":"x"},"finish_reason":")" + std::string(name) + "\"}]}";
    EXPECT_EQ(read("data: " + json + "\n" + kDone).reason, reason);
  }
  const std::string unknown = R"(data: {"choices":[{"finish_reason":"bored"}]})";
  EXPECT_EQ(read(unknown + "\n" + kDone).reason, FinishReason::kStop);
}

TEST(ChunkReader, TakesUsageFromTheLastChunk) {
  const Answer answer = read("data: " + chunk("x") +
                             "\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,"
                             "\"completion_tokens\":99999999999}}\n" +
                             kDone);
  EXPECT_EQ(answer.usage.prompt_tokens, 12U);
  EXPECT_EQ(answer.usage.completion_tokens, 0xFFFF'FFFFU);
  const std::string odd = R"(data: {"usage":{"prompt_tokens":-1,"completion_tokens":"7"}})";
  EXPECT_EQ(read(odd + "\n" + kDone).usage.completion_tokens, 0U);
}

TEST(ChunkReader, AnErrorInsideA200EndsIt) {
  struct Case {
    const char* json;
    const char* code;
    const char* message;
  };
  for (const auto& [json, code, message] :
       {Case{R"({"error":{"code":"rate_limit","message":"slow down"}})", "rate_limit", "slow down"},
        Case{R"({"error":{"code":502,"message":"bad gateway"},"choices":[]})", "502",
             "bad gateway"},
        Case{R"({"error":{"code":null,"message":"boom","type":"server"}})", "upstream", "boom"},
        Case{R"({"error":{"message":"boom"}})", "upstream", "boom"},
        Case{R"({"error":"boom"})", "upstream", "boom"},
        Case{R"({"error":{}})", "upstream", "the source reported an error without a message"}}) {
    const Answer answer = read("data: " + chunk("before") + "\ndata: " + json +
                               "\ndata: " + chunk("behind") + "\n" + kDone);
    EXPECT_THAT(answer.tokens, ElementsAre("before")) << json;
    EXPECT_EQ(answer.code, code);
    EXPECT_EQ(answer.message, message);
  }
}

TEST(ChunkReader, AnErrorInPlaceOfAStreamIsToldToo) {
  const Answer answer = read(R"({"error":{"code":"model","message":"not found"}})");
  EXPECT_EQ(answer.code, "model");
  EXPECT_EQ(answer.message, "not found");
  EXPECT_EQ(read("{\"choices\":[]}\n").code, "truncated") << "no error, and no stream";
}

TEST(ChunkReader, SuchAnErrorMayStandOnSeveralLines) {
  const std::string error =
      "{\n  \"error\": {\n    \"message\": \"Bad key\",\n    \"code\": null\n  }\n}";
  for (const std::string& bytes :
       {error, error + "\n", "\xEF\xBB\xBF" + error, "\n \n: x\n\t" + error + "\n\n",
        std::string("{\"error\":\n\"Bad key\"\r\n}\r\n")}) {
    const Answer answer = read(bytes);
    EXPECT_EQ(answer.code, "upstream") << bytes;
    EXPECT_EQ(answer.message, "Bad key");
  }
  EXPECT_EQ(read(error.substr(0, error.size() - 1)).code, "truncated");
  EXPECT_EQ(read(error + "\n{}").code, "truncated");
  const Answer answer = read(error + "\ndata: " + chunk("x") + "\n" + kDone);
  EXPECT_THAT(answer.tokens, ElementsAre("x"));
  EXPECT_EQ(answer.code, "");
}

TEST(ChunkReader, AnErrorInPlaceOfAStreamHasALimitToo) {
  const std::string begin = "{\"error\":\n";
  const std::string blanks(LineSplitter::kMostBytes / 2, ' ');
  const auto behind = [&](std::size_t size) {
    return read_pieces({begin, blanks, "\n", std::string_view(blanks).substr(0, size), "\"m\"}"});
  };
  const std::size_t fitting = blanks.size() - begin.size() - std::string_view("\n\"m\"}\n").size();
  EXPECT_EQ(behind(fitting).message, "m");
  EXPECT_EQ(behind(fitting + 1).code, "truncated");
}

TEST(ChunkReader, NothingCountsBehindDone) {
  const Answer answer = read("data: " + chunk("x") + "\n" + kDone + "data: {\ndata: " + chunk("y"));
  EXPECT_THAT(answer.tokens, ElementsAre("x"));
  EXPECT_EQ(answer.code, "");
}

TEST(ChunkReader, AnEndWithoutDoneIsTruncated) {
  for (const std::string& bytes :
       {std::string(), std::string("\n: hello\n"), "data: " + chunk("x") + "\n\n",
        "data: " + chunk("x"), "data: " + chunk("x") + "\ndata: {\"choices\":[{\"del",
        "data: " + chunk("x") + "\ndata: [DON", "data: " + chunk("x") + "\r\ndat"}) {
    const Answer answer = read(bytes);
    EXPECT_EQ(answer.code, "truncated") << bytes;
    EXPECT_THAT(answer.message, HasSubstr("without [DONE]"));
    EXPECT_EQ(answer.text(), bytes.find("choices") == std::string::npos ? "" : "x");
  }
  EXPECT_THAT(read("").message, HasSubstr("without any chunk"));
}

TEST(ChunkReader, DoneNeedsNoLineEnd) {
  EXPECT_EQ(read("data: " + chunk("x") + "\ndata: [DONE]").code, "");
}

TEST(ChunkReader, WhatIsNoChunkIsMalformedAndNamesItsLine) {
  for (const std::string json :
       {"{", "nonsense", "[]", "7", "\"\xFF\"", R"({"choices":{}})",
        R"({"choices":[{"delta":{"content":["x"]}}]})", R"({"choices":[{"delta":{"content":1}}]})",
        "\xFF", R"({"choices":[{"delta":{"content":"\u12"}}]})", R"({"choices":[5]})",
        R"({"choices":[{"delta":"abc"}]})",
        R"({"choices":[{"index":"0","delta":{"content":"x"}}]})"}) {
    const Answer answer = read("data: " + chunk("x") + "\r\n\r\ndata: " + json + "\n" + kDone);
    EXPECT_THAT(answer.tokens, ElementsAre("x")) << json;
    EXPECT_EQ(answer.code, "malformed");
    EXPECT_THAT(answer.message, HasSubstr("line 3 "));
  }
}

/// The texts of chunks with these contents, behind which comes the end.
std::vector<std::string> texts_of(const std::vector<std::string>& contents) {
  std::string bytes;
  for (const std::string& content : contents) {
    bytes += "data: " + chunk(content) + "\n";
  }
  const Answer answer = read(bytes + kDone);
  EXPECT_EQ(answer.code, "");
  return answer.tokens;
}

TEST(ChunkReader, JoinsTheHalvesOfASurrogatePair) {
  EXPECT_THAT(texts_of({R"(a\ud83d)", R"(\ude00b)"}), ElementsAre("a",
                                                                  "\xF0\x9F\x98\x80"
                                                                  "b"));
  EXPECT_THAT(texts_of({R"(\uD83D)", "", R"(\uDE00\uD83D)", R"(\uDE00)"}),
              ElementsAre("\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"));
  EXPECT_THAT(texts_of({R"(\udbff)", R"(\udfff)"}), ElementsAre("\xF4\x8F\xBF\xBF"));
  const std::string other = R"({"choices":[{"index":1,"delta":{"content":"\udead \ud83d"}}]})";
  EXPECT_THAT(read("data: " + chunk(R"(\ud83d)") + "\ndata: " + other +
                   "\ndata: " + chunk(R"(\ude00)") + "\n" + kDone)
                  .tokens,
              ElementsAre("\xF0\x9F\x98\x80"));
}

// One byte that is no UTF-8, for which the stream gives and counts one U+FFFD.
TEST(ChunkReader, HalfASurrogatePairIsOneIllFormedByte) {
  EXPECT_THAT(texts_of({R"(a\ud83d)"}), ElementsAre("a", "\xFF"));
  EXPECT_THAT(texts_of({R"(\ud83d)", "x"}), ElementsAre("\xFF"
                                                        "x"));
  EXPECT_THAT(texts_of({R"(\ud83dx\ude00)"}), ElementsAre("\xFFx\xFF"));
  EXPECT_THAT(texts_of({R"(\ud83d\ud83d)", R"(\ude00)"}), ElementsAre("\xFF", "\xF0\x9F\x98\x80"));
  EXPECT_THAT(texts_of({R"(\ude00\ud83d\u0041)"}), ElementsAre("\xFF\xFF"
                                                               "A"));
  EXPECT_THAT(texts_of({R"(\ud83d\\ude00)"}), ElementsAre("\xFF\\ude00"));
  const Answer broken_off = read("data: " + chunk(R"(\ud83d)") + "\n");
  EXPECT_THAT(broken_off.tokens, ElementsAre("\xFF"));
  EXPECT_EQ(broken_off.code, "truncated");
  for (const std::string json : {"{", R"({"choices":[{"delta":{"content":"\ude00\ud83d"}},5]})"}) {
    const Answer failed = read("data: " + chunk(R"(\ud83d)") + "\ndata: " + json + "\n");
    EXPECT_THAT(failed.tokens, ElementsAre("\xFF"));
    EXPECT_EQ(failed.code, "malformed");
  }
}

TEST(ChunkReader, GivesBytesAsTheyWereCut) {
  EXPECT_THAT(texts_of({"a\xF0\x9F", "\x98\x80\\u00e9"}),
              ElementsAre("a\xF0\x9F", "\x98\x80\xC3\xA9"));
  EXPECT_THAT(texts_of({"\\u0010\xC3\xA9\xFF \\u0010"
                        "00ff"}),
              ElementsAre("\x10\xC3\xA9\xFF \x10"
                          "00ff"));
  EXPECT_THAT(texts_of({"\\u001000ff"}), ElementsAre("\x10"
                                                     "00ff"));
}

TEST(ChunkReader, AnErrorMayBeIllFormedToo) {
  const Answer answer = read(R"(data: {"error":{"code":"\u0010\ud83d","message":"\ude00)"
                             "\xC3\xA9\"}}\n");
  EXPECT_EQ(answer.code, "\x10\xFF");
  EXPECT_EQ(answer.message, "\xFF\xC3\xA9");
}

TEST(ChunkReader, AZeroByteIsNoEndOfItsLine) {
  const std::string zero("\0", 1);
  EXPECT_EQ(read("data: " + chunk("x") + zero + "{{{\n" + kDone).code, "malformed");
}

TEST(ChunkReader, AnErrorThatIsFalseIsNone) {
  const std::string json = R"({"error":false,"choices":[{"delta":{"content":"x"}}]})";
  const Answer answer = read("data: " + json + "\n" + kDone);
  EXPECT_EQ(answer.code, "");
  EXPECT_EQ(answer.text(), "x");
}

TEST(ChunkReader, ALineOverTheLimitIsMalformed) {
  const std::string content(LineSplitter::kMostBytes - chunk("").size() - 6, 'x');
  const std::string longest = "data: " + chunk(content);
  ASSERT_EQ(longest.size(), LineSplitter::kMostBytes);
  EXPECT_EQ(read_pieces({longest, "\n", kDone}).text(), content);
  const std::string too_long = "\n" + longest + " ";
  for (const std::size_t cut : {std::size_t{1}, std::size_t{500'000}, too_long.size()}) {
    const std::string_view bytes = too_long;
    const Answer answer = read_pieces({bytes.substr(0, cut), bytes.substr(cut), "\n", kDone});
    EXPECT_EQ(answer.code, "malformed");
    EXPECT_EQ(answer.message, "line 2 of the input is longer than 1 MiB");
    EXPECT_THAT(answer.tokens, IsEmpty());
  }
}

TEST(ChunkReader, DeepNestingDoesNoHarm) {
  const Answer answer = read_pieces({"data: " + std::string(500'000, '[') + "\n"});
  EXPECT_EQ(answer.code, "malformed");
  const std::string deep = std::string(250'000, '[') + std::string(250'000, ']');
  EXPECT_EQ(read_pieces({"data: {\"x\":" + deep + "}\n", kDone}).code, "");
}

}  // namespace
}  // namespace herald::cli
