#include "tools/herald/line_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace herald::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> split(std::string_view text, std::size_t cut = 0) {
  LineSplitter splitter;
  std::vector<std::string> lines;
  for (std::string_view piece : {text.substr(0, cut), text.substr(cut)}) {
    for (auto line = splitter.next(piece); line.has_value(); line = splitter.next(piece)) {
      lines.emplace_back(*line);
      EXPECT_EQ(splitter.number(), lines.size());
    }
    EXPECT_TRUE(piece.empty());
  }
  if (const auto line = splitter.finish(); line.has_value()) {
    lines.emplace_back(*line);
  }
  EXPECT_FALSE(splitter.finish().has_value());
  return lines;
}

TEST(LineSplitter, KnowsEveryLineEndWhereverItIsCut) {
  const std::string text = "a\nb\r\nc\rd\n\r\n\r\re\r\n\nf";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_THAT(split(text, cut), ElementsAre("a", "b", "c", "d", "", "", "", "e", "", "f"));
  }
}

TEST(LineSplitter, NothingIsNoLineAndTheLastNeedsNoEnd) {
  EXPECT_THAT(split(""), IsEmpty());
  EXPECT_THAT(split("\n"), ElementsAre(""));
  EXPECT_THAT(split("x"), ElementsAre("x"));
  EXPECT_THAT(split("x\r"), ElementsAre("x"));
}

TEST(LineSplitter, ALineAtTheLimitPassesAndOneByteMoreEndsIt) {
  const std::string longest(LineSplitter::kMostBytes, 'x');
  EXPECT_THAT(split(longest + "\ny"), ElementsAre(longest, "y"));
  for (const std::size_t cut : {std::size_t{0}, std::size_t{7}, longest.size()}) {
    LineSplitter splitter;
    const std::string text = "ok\n" + longest + "x\nnext\n";
    std::string_view first = std::string_view(text).substr(0, cut);
    std::string_view rest = std::string_view(text).substr(cut);
    std::vector<std::string> lines;
    for (std::string_view* piece : {&first, &rest}) {
      for (auto line = splitter.next(*piece); line.has_value(); line = splitter.next(*piece)) {
        lines.emplace_back(*line);
      }
    }
    EXPECT_THAT(lines, ElementsAre("ok"));
    EXPECT_TRUE(splitter.too_long());
    EXPECT_EQ(splitter.number(), 2U);
    EXPECT_FALSE(splitter.finish().has_value());
  }
}

}  // namespace
}  // namespace herald::cli
