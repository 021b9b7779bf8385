#include "tools/herald/text_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

namespace herald::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_.data()), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    close(ends_[1]);
  }

  [[nodiscard]] int writer() const { return ends_[1]; }
  std::string read(std::size_t size) {
    std::string text(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t count = ::read(ends_[0], text.data() + got, size - got);
      if (count <= 0) {
        break;
      }
      got += static_cast<std::size_t>(count);
    }
    text.resize(got);
    return text;
  }
  void close_reader() {
    if (const int reader = std::exchange(ends_[0], -1); reader >= 0) {
      close(reader);
    }
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

TEST(TextOutput, WritesEverythingInOrder) {
  Pipe pipe;
  TextOutput output(pipe.writer());
  std::string all;
  for (int i = 0; i < 1'000; ++i) {
    const std::string text = std::to_string(i) + " ";
    all += text;
    output.append(text);
  }
  EXPECT_EQ(pipe.read(all.size()), all);
  EXPECT_TRUE(output.settle(kPatience));
  EXPECT_EQ(output.written_bytes(), all.size());
  EXPECT_EQ(output.unwritten_bytes(), 0U);
  EXPECT_EQ(output.error(), 0);
}

TEST(TextOutput, AReaderThatDoesNotReadStopsNobody) {
  Pipe pipe;
  const std::string text(1'000'000, 'x');  // more than a pipe holds
  {
    TextOutput output(pipe.writer());
    output.append(text);
    output.append(text);
    EXPECT_FALSE(output.settle(10ms));
    EXPECT_GT(output.unwritten_bytes(), text.size());
    EXPECT_EQ(output.error(), 0);
  }  // ends nevertheless
}

// A terminal nobody shows: its other side is kept open, and not read.
class BlindTerminal {
 public:
  BlindTerminal() : primary_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    EXPECT_EQ(grantpt(primary_), 0);
    EXPECT_EQ(unlockpt(primary_), 0);
    writer_ = open(ptsname(primary_), O_WRONLY | O_NOCTTY | O_CLOEXEC);
  }
  BlindTerminal(const BlindTerminal&) = delete;
  BlindTerminal& operator=(const BlindTerminal&) = delete;
  ~BlindTerminal() {
    close(writer_);
    hang_up();
  }

  [[nodiscard]] int writer() const { return writer_; }
  [[nodiscard]] bool takes_more() const {
    pollfd asked{writer_, POLLOUT, 0};
    return poll(&asked, 1, 0) > 0;
  }
  void hang_up() {
    if (const int primary = std::exchange(primary_, -1); primary >= 0) {
      close(primary);
    }
  }

 private:
  int primary_;
  int writer_ = -1;
};

TEST(TextOutput, ATerminalThatShowsNothingStopsNobody) {
  const BlindTerminal terminal;
  ASSERT_EQ(isatty(terminal.writer()), 1);
  std::string text;
  while (text.size() < 1'000'000) {  // more than a terminal holds
    text += "line\n";
  }
  {
    TextOutput output(terminal.writer());
    output.append(text);
    while (terminal.takes_more() && output.error() == 0) {
      std::this_thread::yield();
    }
    EXPECT_GT(output.unwritten_bytes(), 0U);
    EXPECT_EQ(output.error(), 0);
  }  // ends nevertheless
  EXPECT_EQ(fcntl(terminal.writer(), F_GETFL) & O_NONBLOCK, 0) << "others use it, too";
}

TEST(TextOutput, AReaderThatGoesIsNoticedWithoutWriting) {
  Pipe pipe;
  TextOutput output(pipe.writer());
  output.look_at_reader();
  EXPECT_EQ(output.error(), 0);
  pipe.close_reader();
  EXPECT_EQ(output.error(), 0);
  output.look_at_reader();
  EXPECT_EQ(output.error(), EPIPE);
  output.append("x");
  EXPECT_TRUE(output.settle(0ms));
}

TEST(TextOutput, AClosedPipeIsAnErrorAndTheEndOfIt) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.close_reader();
  TextOutput output(pipe.writer());
  output.append("x");
  EXPECT_TRUE(output.settle(kPatience));
  EXPECT_EQ(output.error(), EPIPE);
  output.append("y");
  EXPECT_EQ(output.unwritten_bytes(), 0U);
  EXPECT_TRUE(output.settle(0ms));
}

TEST(TextOutput, TheFirstErrorStays) {
  BlindTerminal terminal;
  terminal.hang_up();
  TextOutput output(terminal.writer());
  output.append("x");
  EXPECT_TRUE(output.settle(kPatience));
  EXPECT_EQ(output.error(), EIO);
  output.look_at_reader();
  EXPECT_EQ(output.error(), EIO);
}

TEST(TextOutput, AFullDiskIsAnError) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  {
    TextOutput output(full);
    EXPECT_TRUE(output.settle(0ms));  // nothing to write yet
    output.append("x");
    EXPECT_TRUE(output.settle(kPatience));
    EXPECT_EQ(output.error(), ENOSPC);
  }
  close(full);
}

}  // namespace
}  // namespace herald::cli
