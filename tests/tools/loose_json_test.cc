#include "tools/herald/loose_json.h"

#include <gtest/gtest.h>

#include <string>

namespace herald::cli {
namespace {

TEST(MarkLoose, LeavesWhatAParserTakes) {
  for (const std::string json :
       {"", R"({"a":[1,"\n\\\"\u0041\uD83D\uDE00"]})", R"("\\ud83d")", R"("\u12)", "\\", "\\u"}) {
    EXPECT_EQ(mark_loose(json), json);
  }
}

TEST(MarkLoose, MarksHalvesBytesAndTheMarkItself) {
  EXPECT_EQ(mark_loose(R"(\uD83D\ud83d\ude00\uDE00)"), R"(\u0010d83d\ud83d\ude00\u0010de00)");
  EXPECT_EQ(mark_loose("\xC3x\xA9"), R"(\u001000c3x\u001000a9)");
  EXPECT_EQ(mark_loose(R"(\u0010\u0011)"), R"(\u00100010\u0011)");
}

TEST(LooseText, JoinsWhatWasMarked) {
  LooseText text;
  std::string out;
  text.add_marked(
      "a\x10"
      "00c3\x10"
      "00a9\x10"
      "0010b\x10"
      "d83d",
      out);
  EXPECT_EQ(out,
            "a\xC3\xA9\x10"
            "b");
  text.add("", out);
  text.add_marked(
      "\x10"
      "de00",
      out);
  EXPECT_EQ(out,
            "a\xC3\xA9\x10"
            "b\xF0\x9F\x98\x80");
}

TEST(LooseText, AHalfThatStandsAloneIsNoUtf8) {
  LooseText text;
  std::string out;
  text.add_marked(
      "\x10"
      "de00\x10"
      "d83d\x10"
      "d83d",
      out);
  EXPECT_EQ(out, "\xFF\xFF");
  text.add("x", out);
  EXPECT_EQ(out, "\xFF\xFF\xFFx");
  text.add_marked(
      "\x10"
      "d83d",
      out);
  text.finish(out);
  text.finish(out);
  EXPECT_EQ(out, "\xFF\xFF\xFFx\xFF");
}

}  // namespace
}  // namespace herald::cli
