#include "core/stream/utf8_splitter.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace herald::core {
namespace {

using namespace std::string_literals;

struct Split {
  std::string text;
  std::uint64_t ill_formed = 0;
  std::uint64_t first_offset = 0;
};

// The whole of `chunks`, which may cut characters.
Split split(const std::vector<std::string>& chunks) {
  Utf8Splitter splitter;
  std::string joined;
  Split out;
  std::size_t taken = 0;
  for (const std::string& chunk : chunks) {
    const std::string_view text = splitter.next(chunk, joined);
    EXPECT_EQ(Utf8Splitter::well_formed_prefix(text), text.size()) << "cut inside a character";
    EXPECT_LE(splitter.held_bytes(), 3u);
    out.text += text;
    taken += chunk.size();
    EXPECT_EQ(splitter.bytes_taken(), taken);
  }
  out.text += splitter.finish();
  EXPECT_EQ(splitter.held_bytes(), 0u);
  out.ill_formed = splitter.ill_formed();
  out.first_offset = out.ill_formed == 0 ? 0 : splitter.first_ill_formed_offset();
  return out;
}

std::vector<std::string> bytes_of(std::string_view text) {
  std::vector<std::string> chunks;
  for (const char byte : text) {
    chunks.emplace_back(1, byte);
  }
  return chunks;
}

const std::string kReplacement(Utf8Splitter::kReplacement);

// What each sequence of bytes becomes, with R for U+FFFD.
std::string expected(std::string_view pattern) {
  std::string text;
  for (const char c : pattern) {
    text += c == 'R' ? kReplacement : std::string(1, c);
  }
  return text;
}

TEST(Utf8Splitter, WellFormedTextComesOutByteForByte) {
  const std::string text =
      "plain, \u00E4\u00F6\u00FC, \u0939\u093F\u0928\u094D\u0926\u0940, "
      "\U0001F469\u200D\U0001F680, "
      "e\u0301, \u0000, \uFFFD, \U0010FFFF, \u0080, \u0800, \uD7FF, \uE000, \U00010000"s;
  for (const auto& chunks : {std::vector<std::string>{text}, bytes_of(text)}) {
    const Split out = split(chunks);
    EXPECT_EQ(out.text, text);
    EXPECT_EQ(out.ill_formed, 0u);
  }
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(split({text.substr(0, cut), text.substr(cut)}).text, text);
  }
}

// Characters of every length, next to those of every other, and the first and last of each.
std::string text_of_every_length(int rounds) {
  const std::vector<std::string> characters{"a",      "\u00E4",     "\u20AC", "\U0001F600",
                                            "\u007F", "\u0080",     "\u07FF", "\u0800",
                                            "\uFFFF", "\U00010000", "\uD7FF", "\U0010FFFF"};
  std::string text;
  for (int round = 0; round < rounds; ++round) {
    const std::size_t stride = static_cast<std::size_t>(2 * round) + 1;
    for (std::size_t i = 0; i < characters.size(); ++i) {
      text += characters[i * stride % characters.size()];
    }
  }
  return text;
}

TEST(Utf8Splitter, AnyCutOfALongTextGivesItBack) {
  const std::string text = text_of_every_length(12);
  ASSERT_GT(text.size(), 300u);
  EXPECT_EQ(split(bytes_of(text)).text, text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const Split out = split({text.substr(0, cut), text.substr(cut)});
    EXPECT_EQ(out.text, text) << cut;
    EXPECT_EQ(out.ill_formed, 0u) << cut;
  }
}

TEST(Utf8Splitter, AnyTwoCutsGiveTheTextBack) {
  const std::string text = text_of_every_length(3);
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      const Split out =
          split({text.substr(0, first), text.substr(first, second - first), text.substr(second)});
      EXPECT_EQ(out.text, text) << first << ", " << second;
      EXPECT_EQ(out.ill_formed, 0u) << first << ", " << second;
    }
  }
}

// The examples of Unicode 15, section 3.9, tables 3-8 to 3-11, and the limits of each length.
TEST(Utf8Splitter, EachMaximalIllFormedSequenceBecomesOneReplacement) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "RRRRRRRRA"},
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "RRRRRRRRA"},
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "RRRRRARRB"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "RRRRA"},
      {"\x80", "R"},
      {"\xC2", "R"},
      {"\xC2\x41", "RA"},
      {"\xE2\x82", "R"},
      {"\xF0\x9F\x98", "R"},
      {"\xF0\x9F\x98\xF0", "RR"},
      {"\xE0\xA0\x41", "RA"},
      {"\xF4\x8F\xBF\x41", "RA"},
      {"\xF4\x90", "RR"},
      {"\xF0\x8F", "RR"},
      {"\xED\x9F", "R"},
      {"\xF5", "R"},
      {"\xC1\xBF", "RR"},
      {"a\xFF\xFE\x62", "aRRb"},
  };
  for (const auto& [bytes, pattern] : cases) {
    for (const auto& chunks : {std::vector<std::string>{bytes}, bytes_of(bytes)}) {
      EXPECT_EQ(split(chunks).text, expected(pattern)) << testing::PrintToString(bytes);
    }
  }
}

TEST(Utf8Splitter, CountsAndNamesTheFirstIllFormedOffset) {
  const Split out = split({"good \xC3", "\xA4 then \xE2\x82", "x and \xFF"});
  EXPECT_EQ(out.ill_formed, 2u);
  EXPECT_EQ(out.first_offset, 13u);
  EXPECT_EQ(split({"\xFF"}).first_offset, 0u);
  EXPECT_EQ(split({"ab\xF0\x9F"}).first_offset, 2u) << "found at the end";
}

TEST(Utf8Splitter, GivesAViewOfTheBytesWhenNothingIsCut) {
  Utf8Splitter splitter;
  std::string joined = "untouched";
  const std::string text = "h\u00E4llo";
  EXPECT_EQ(splitter.next(text, joined).data(), text.data());
  EXPECT_EQ(joined, "untouched");
}

TEST(Utf8Splitter, EmptyChunksChangeNothing) {
  EXPECT_EQ(split({}).text, "");
  EXPECT_EQ(split({"", "\xE2", "", "\x82", "", "\xAC", ""}).text, "\u20AC");
}

TEST(Utf8Splitter, BeginsAnewAfterReset) {
  Utf8Splitter splitter;
  std::string joined;
  EXPECT_EQ(splitter.next("\xFF\xE2", joined), kReplacement);
  splitter.reset();
  EXPECT_EQ(splitter.next("ok", joined), "ok");
  EXPECT_EQ(splitter.ill_formed(), 0u);
  EXPECT_EQ(splitter.bytes_taken(), 2u);
}

// Bytes that meet the limits of the tables often.
rc::Gen<std::string> bytes() {
  return rc::gen::container<std::string>(rc::gen::map(
      rc::gen::oneOf(rc::gen::inRange(0, 256),
                     rc::gen::element(0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2,
                                      0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5)),
      [](int byte) { return static_cast<char>(byte); }));
}

RC_GTEST_PROP(Utf8Splitter, CutsNeverMatter, ()) {
  const std::vector<std::string> chunks = *rc::gen::container<std::vector<std::string>>(bytes());
  std::string whole;
  for (const std::string& chunk : chunks) {
    whole += chunk;
  }
  const Split cut = split(chunks);
  const Split uncut = split({whole});
  RC_ASSERT(cut.text == uncut.text);
  RC_ASSERT(cut.ill_formed == uncut.ill_formed);
  RC_ASSERT(cut.first_offset == uncut.first_offset);
}

RC_GTEST_PROP(Utf8Splitter, NothingIsLostBetweenReplacements, ()) {
  const std::string whole = *bytes();
  const Split out = split({whole});
  // Each replacement stands for 1 to 3 bytes; all others are there.
  const std::size_t kept = out.text.size() - out.ill_formed * kReplacement.size();
  RC_ASSERT(whole.size() - kept >= out.ill_formed);
  RC_ASSERT(whole.size() - kept <= 3 * out.ill_formed);
}

}  // namespace
}  // namespace herald::core
