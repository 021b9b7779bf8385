#include "tools/herald/word_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace herald::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Tokens = std::vector<std::string>;

void take_all(WordSplitter& splitter, std::string_view bytes, Tokens& tokens) {
  for (auto token = splitter.next(bytes); !token.empty(); token = splitter.next(bytes)) {
    tokens.emplace_back(token);
  }
  EXPECT_TRUE(bytes.empty());
}

/// The tokens of a text that comes in two pieces.
Tokens split(std::string_view text, std::size_t first_piece = std::string_view::npos) {
  WordSplitter splitter;
  Tokens tokens;
  take_all(splitter, text.substr(0, first_piece), tokens);
  take_all(splitter, text.substr(std::min(first_piece, text.size())), tokens);
  if (const auto last = splitter.finish(); !last.empty()) {
    tokens.emplace_back(last);
  }
  EXPECT_THAT(splitter.finish(), IsEmpty());
  return tokens;
}

std::string join(const Tokens& tokens) {
  std::string text;
  for (const std::string& token : tokens) {
    text += token;
  }
  return text;
}

TEST(WordSplitter, NothingGivesNothing) { EXPECT_THAT(split(""), IsEmpty()); }

TEST(WordSplitter, AWordKeepsTheSpacesBeforeIt) {
  EXPECT_THAT(split("one two  three\tfour"), ElementsAre("one", " two", "  three", "\tfour"));
  EXPECT_THAT(split("  in front"), ElementsAre("  in", " front"));
  EXPECT_THAT(split("behind  "), ElementsAre("behind", "  "));
}

TEST(WordSplitter, ALineEndGoesWithTheWordBeforeIt) {
  EXPECT_THAT(split("end\nnext \r\nCRLF\r\n\n x"),
              ElementsAre("end\n", "next", " \r\n", "CRLF\r\n", "\n", " x"));
}

TEST(WordSplitter, ATokenIsCompleteOnceItsWordIs) {
  WordSplitter splitter;
  std::string_view bytes = "word ";
  EXPECT_EQ(splitter.next(bytes), "word");
  EXPECT_EQ(splitter.next(bytes), "");
  bytes = "typed\n";
  EXPECT_EQ(splitter.next(bytes), " typed\n");
  EXPECT_TRUE(bytes.empty());
}

TEST(WordSplitter, ALongWordIsCutAtTheLimit) {
  const std::string word(70, 'x');
  EXPECT_THAT(split(word + " y"),
              ElementsAre(std::string(32, 'x'), std::string(32, 'x'), std::string(6, 'x'), " y"));
  EXPECT_THAT(split(std::string(32, 'x') + " y"), ElementsAre(std::string(32, 'x'), " y"));
}

TEST(WordSplitter, ALongWordIsCutBetweenCharacters) {
  for (const std::string_view character : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    for (std::size_t before = 0; before < 4; ++before) {
      std::string text(before, 'x');
      for (int i = 0; i < 50; ++i) {
        text += character;
      }
      for (const std::string& token : split(text)) {
        EXPECT_NE(static_cast<unsigned char>(token.front()) & 0xC0U, 0x80U) << text;
        EXPECT_GE(token.size(), token == split(text).back() ? 1U : 29U);
        EXPECT_LE(token.size(), WordSplitter::kMostBytes);
      }
      EXPECT_EQ(join(split(text)), text);
    }
  }
}

TEST(WordSplitter, IllFormedBytesPassUnchanged) {
  const std::string text(100, '\x80');
  EXPECT_EQ(join(split(text)), text);
  EXPECT_EQ(join(split("\xFF \xC3 \xE2\x82 \xF0")), "\xFF \xC3 \xE2\x82 \xF0");
}

TEST(WordSplitter, WhereTheInputIsCutMakesNoDifference) {
  std::string text =
      "Stra\xC3\x9F"
      "en \xE2\x82\xAC"
      "5, e\xCC\x81 \r\n \n";
  for (int i = 0; i < 20; ++i) {
    text += "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB";
  }
  text += " \xFF\xC3 end\n";
  const Tokens whole = split(text);
  EXPECT_EQ(join(whole), text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(split(text, cut), whole) << "cut at " << cut;
  }
}

RC_GTEST_PROP(WordSplitter, AnyBytesComeOutAsTheyAreHoweverCut, (const std::string& bytes)) {
  const auto cut = *rc::gen::inRange<std::size_t>(0, bytes.size() + 1);
  const Tokens tokens = split(bytes, cut);
  RC_ASSERT(join(tokens) == bytes);
  RC_ASSERT(tokens == split(bytes));
}

}  // namespace
}  // namespace herald::cli
