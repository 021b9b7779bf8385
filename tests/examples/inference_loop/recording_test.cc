#include "recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace inference_loop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string little_endian(std::uint32_t value, unsigned bytes) {
  std::string text;
  for (unsigned i = 0; i < bytes; ++i) {
    text += static_cast<char>(value >> (8 * i));
  }
  return text;
}

std::string chunk(std::string_view name, std::string_view body) {
  return std::string(name) + little_endian(static_cast<std::uint32_t>(body.size()), 4) +
         std::string(body) + (body.size() % 2 == 0 ? "" : std::string(1, '\0'));
}

std::string format(std::uint32_t tag = 1, std::uint32_t channels = 1, std::uint32_t rate = 16'000,
                   std::uint32_t bits = 16) {
  return chunk("fmt ", little_endian(tag, 2) + little_endian(channels, 2) + little_endian(rate, 4) +
                           little_endian(rate * channels * bits / 8, 4) +
                           little_endian(channels * bits / 8, 2) + little_endian(bits, 2));
}

std::string wav(const std::string& chunks) {
  return "RIFF" + little_endian(static_cast<std::uint32_t>(chunks.size() + 4), 4) + "WAVE" + chunks;
}

const std::string kSamples("\x01\x00\xFF\xFF\x00\x80", 6);  // 1, -1, -32768

std::string why_refused(const std::string& bytes) {
  const auto recording = parse_wav(bytes, "it");
  return recording.ok() ? "" : std::string(recording.status().message());
}

TEST(Recording, ReadsTheSamplesOfAWav) {
  const auto recording = parse_wav(wav(format() + chunk("data", kSamples)), "it");
  ASSERT_TRUE(recording.ok()) << recording.status();
  EXPECT_THAT(recording->samples, ElementsAre(1, -1, -32768));
  EXPECT_EQ(recording->rate_hz, 16'000U);
  EXPECT_EQ(recording->title, "it");
}

TEST(Recording, SkipsOtherChunksAlsoOfOddSize) {
  const auto recording = parse_wav(wav(chunk("LIST", "odd") + format() + chunk("cue ", "") +
                                       chunk("data", kSamples) + chunk("LIST", "behind")),
                                   "it");
  ASSERT_TRUE(recording.ok()) << recording.status();
  EXPECT_EQ(recording->samples.size(), 3U);
}

TEST(Recording, TakesAllThatFollowsIfTheSizeIsUnknown) {
  for (const std::uint32_t size : {0x7FFF'F000U, 0xFFFF'FFFFU}) {
    const auto recording =
        parse_wav(wav(format() + "data" + little_endian(size, 4) + kSamples), "it");
    ASSERT_TRUE(recording.ok()) << recording.status();
    EXPECT_EQ(recording->samples.size(), 3U);
  }
}

TEST(Recording, SaysWhatIsWrongWithAWav) {
  const std::string data = chunk("data", kSamples);
  EXPECT_EQ(why_refused(""), "it: not a WAV file");
  EXPECT_EQ(why_refused("RIFF\1\1\1\1AVI "), "it: not a WAV file");
  EXPECT_EQ(why_refused(wav("")), "it: a WAV file without audio");
  EXPECT_EQ(why_refused(wav(format())), "it: a WAV file without audio");
  EXPECT_EQ(why_refused(wav(data)), "it: a WAV file that does not tell its format");
  EXPECT_EQ(why_refused(wav(chunk("fmt ", "short") + data)),
            "it: a WAV file that does not tell its format");
  EXPECT_EQ(why_refused(wav(format() + chunk("data", ""))), "it: there is no audio in it");
  EXPECT_THAT(why_refused(wav(format(1, 2) + data)), HasSubstr("PCM of 2 channels and 16 bits"));
  EXPECT_THAT(why_refused(wav(format(1, 1, 16'000, 8) + data)), HasSubstr("and 8 bits"));
  EXPECT_THAT(why_refused(wav(format(3, 1, 16'000, 32) + data)),
              HasSubstr("format 3 of 1 channel"));
  EXPECT_THAT(why_refused(wav(format() + chunk("data", std::string(19'300'000, 'x')))),
              HasSubstr("longer than 10 minutes"));
}

TEST(Recording, RefusesAWavCutAnywhere) {
  const std::string whole = wav(format() + chunk("data", kSamples));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(why_refused(whole.substr(0, length)), "") << length;
  }
}

TEST(Recording, ResamplesByStraightLines) {
  EXPECT_THAT(resample({"it", 32'000, {0, 100, 200, 300, 400}}).samples, ElementsAre(0, 200));
  EXPECT_THAT(resample({"it", 8'000, {0, 100, -100}}).samples, ElementsAre(0, 50, 100, 0));
  EXPECT_THAT(resample({"it", 16'000, {32'767, -32'768, 5}}).samples, ElementsAre(32'767, -32'768));
  EXPECT_THAT(resample({"it", 8'000, {32'767, -32'768}}).samples, ElementsAre(32'767, 0));
  EXPECT_EQ(resample({"it", 22'050, std::vector<std::int16_t>(22'051, 7)}).samples,
            std::vector<std::int16_t>(16'000, 7));
  EXPECT_TRUE(resample({"it", 22'050, {7}}).samples.empty());
}

}  // namespace
}  // namespace inference_loop
