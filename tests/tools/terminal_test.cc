#include "tools/herald/terminal.h"

#include <gtest/gtest.h>

namespace herald::cli {
namespace {

TEST(OneLine, KeepsWhatIsOne) {
  EXPECT_EQ(one_line(""), "");
  EXPECT_EQ(one_line("a b ü 漢 🙂"), "a b ü 漢 🙂");
  EXPECT_EQ(one_line("\u00A0"), "\u00A0") << "the first behind the control characters";
}

TEST(OneLine, HasNoControlCharacterAndNoLineEnd) {
  EXPECT_EQ(one_line("a\nb\r\tc\x1b[31md\x7f"), "a b  c [31md ");
  EXPECT_EQ(one_line("a\u0080\u009B31m\u009Fb"), "a  31m b");
  EXPECT_EQ(one_line("a\u0085b\u2028c\u2029d"), "a b c d");
}

TEST(OneLine, ReplacesWhatIsIllFormed) { EXPECT_EQ(one_line("a\xff"), "a\uFFFD"); }

}  // namespace
}  // namespace herald::cli
