#include "tools/herald/input_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>

namespace herald::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto kPatience = 60s;

class InputFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const int file = mkstemp(path.data());
    ASSERT_GE(file, 0);
    close(file);
  }
  void TearDown() override { unlink(path.c_str()); }

  void write(const std::string& text) { std::ofstream(path) << text; }
  static std::string read_all(InputFile& input) {
    std::string text;
    while (!input.at_end()) {
      text += input.read(kPatience);
    }
    return text;
  }

  std::string path = ::testing::TempDir() + "input_file_test_XXXXXX";
};

TEST_F(InputFileTest, ReadsAFileWhole) {
  const std::string text(200'000, 'x');
  write(text);
  auto input = InputFile::open(path);
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(read_all(*input), text);
  EXPECT_TRUE(input->status().ok());
  EXPECT_EQ(input->read_bytes(), text.size());
  EXPECT_EQ(input->read(kPatience), "");
}

TEST_F(InputFileTest, AnEmptyFileIsAtItsEndAtOnce) {
  auto input = InputFile::open(path);
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(read_all(*input), "");
  EXPECT_TRUE(input->status().ok());
}

TEST_F(InputFileTest, AFileThatIsRemovedMeanwhileIsReadWhole) {
  write("still here");
  auto input = InputFile::open(path);
  unlink(path.c_str());
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(read_all(*input), "still here");
  EXPECT_TRUE(input->status().ok());
}

TEST_F(InputFileTest, AFileThatGetsShorterMeanwhileIsAnError) {
  write(std::string(200'000, 'x'));
  auto input = InputFile::open(path);
  ASSERT_TRUE(input.ok());
  EXPECT_FALSE(input->read(kPatience).empty());
  ASSERT_EQ(truncate(path.c_str(), 10), 0);
  read_all(*input);
  EXPECT_THAT(std::string(input->status().message()), HasSubstr("shorter"));
  EXPECT_THAT(std::string(input->status().message()), HasSubstr("of 200,000 bytes"));
}

TEST_F(InputFileTest, AFileThatGrowsMeanwhileIsReadToItsEnd) {
  write("one ");
  auto input = InputFile::open(path);
  ASSERT_TRUE(input.ok());
  std::string text(input->read(kPatience));
  std::ofstream(path, std::ios::app) << "two";
  text += read_all(*input);
  EXPECT_EQ(text, "one two");
  EXPECT_TRUE(input->status().ok());
}

TEST_F(InputFileTest, ANamedPipeIsOpenedWithoutAWriter) {
  unlink(path.c_str());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  auto input = InputFile::open(path);
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(input->read(1ms), "");
  EXPECT_FALSE(input->at_end()) << "one may come";
  write("late");
  EXPECT_EQ(read_all(*input), "late");
  EXPECT_TRUE(input->status().ok());
}

TEST(InputFile, WhatCannotBeReadIsNamedWithTheReason) {
  EXPECT_EQ(InputFile::open("/nowhere/x").status().message(),
            "cannot read /nowhere/x: No such file or directory");
  EXPECT_EQ(InputFile::open("/").status().message(), "cannot read /: Is a directory");
  EXPECT_THAT(std::string(InputFile::open("a\n\033[2Jb").status().message()),
              HasSubstr("cannot read a  [2Jb: "));
  EXPECT_THAT(std::string(InputFile::open("\xC3\xA4\xFF.txt").status().message()),
              HasSubstr("cannot read \u00E4\uFFFD.txt: "));
}

TEST(InputFile, AReadErrorIsTheEnd) {
  auto input = InputFile::open("/proc/self/mem");  // nothing is mapped at 0
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(input->read(kPatience), "");
  EXPECT_TRUE(input->at_end());
  EXPECT_EQ(input->status().message(), "cannot read /proc/self/mem: Input/output error");
}

}  // namespace
}  // namespace herald::cli
