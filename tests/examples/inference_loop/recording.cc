#include "recording.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

namespace inference_loop {
namespace {

constexpr std::size_t kLimitSeconds = 600;
constexpr std::size_t kLimitBytes = std::size_t{64} << 20;  // of a file: read no endless one
constexpr std::uint32_t kUnknownSize = 0x7FFF'F000;         // and above

absl::Status refuse(const std::string& title, const std::string& why) {
  return absl::InvalidArgumentError(title + ": " + why);
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    value = value << 8U | static_cast<unsigned char>(*byte);
  }
  return value;
}

absl::StatusOr<std::string> read_bytes(const std::string& path) {
  const auto fail = [&path] {
    return absl::UnavailableError("cannot read " + path + ": " + std::strerror(errno));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr) {
    return fail();
  }
  std::string bytes;
  std::size_t got = 0;
  do {
    bytes.resize(bytes.size() + 65'536);
    got = std::fread(bytes.data() + bytes.size() - 65'536, 1, 65'536, file.get());
    bytes.resize(bytes.size() - 65'536 + got);
  } while (got == 65'536 && bytes.size() <= kLimitBytes);
  if (std::ferror(file.get()) != 0) {
    return fail();
  }
  if (bytes.size() > kLimitBytes) {
    return refuse(path, "larger than 64 MiB");
  }
  return bytes;
}

absl::StatusOr<Recording> make(std::string title, unsigned rate_hz, std::string_view data) {
  Recording recording{std::move(title), rate_hz, {}};
  if (data.size() < 2) {
    return refuse(recording.title, "there is no audio in it");
  }
  if (data.size() / 2 / kLimitSeconds > rate_hz) {
    return refuse(recording.title, "longer than 10 minutes");
  }
  recording.samples.reserve(data.size() / 2);
  for (; data.size() >= 2; data.remove_prefix(2)) {
    recording.samples.push_back(static_cast<std::int16_t>(little_endian(data.substr(0, 2))));
  }
  return recording;
}

std::string count_of(unsigned count, const char* thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

// Empty if the format is PCM of one channel and 16 bits, else what it is.
std::string describe_unless_fit(std::string_view format) {
  const std::uint32_t tag = little_endian(format.substr(0, 2));
  const std::uint32_t channels = little_endian(format.substr(2, 2));
  const std::uint32_t bits = little_endian(format.substr(14, 2));
  if (tag == 1 && channels == 1 && bits == 16) {
    return {};
  }
  return (tag == 1 ? "PCM" : "format " + std::to_string(tag)) + " of " +
         count_of(channels, "channel") + " and " + count_of(bits, "bit");
}

struct Chunk {
  std::string_view name;
  std::string_view body;
  bool whole = true;
};

// Takes the next chunk off `rest`, which has 8 bytes or more.
Chunk take_chunk(std::string_view& rest) {
  const std::uint32_t size = little_endian(rest.substr(4, 4));
  Chunk chunk{rest.substr(0, 4), rest.substr(8).substr(0, size)};
  chunk.whole = chunk.body.size() == size || size >= kUnknownSize;
  const std::size_t padded = 8 + chunk.body.size() + chunk.body.size() % 2;
  rest.remove_prefix(std::min(padded, rest.size()));
  return chunk;
}

}  // namespace

absl::StatusOr<Recording> parse_wav(std::string_view bytes, std::string title) {
  if (bytes.size() < 12 || bytes.substr(0, 4) != "RIFF" || bytes.substr(8, 4) != "WAVE") {
    return refuse(title, "not a WAV file");
  }
  bytes.remove_prefix(12);
  std::string_view format;
  while (bytes.size() >= 8) {
    const Chunk chunk = take_chunk(bytes);
    if (chunk.name == "fmt " && chunk.body.size() >= 16) {
      format = chunk.body;
    }
    if (chunk.name != "data") {
      continue;
    }
    if (format.empty()) {
      return refuse(title, "a WAV file that does not tell its format");
    }
    if (const std::string other = describe_unless_fit(format); !other.empty()) {
      return refuse(title, other + "; it must be PCM of 1 channel and 16 bits");
    }
    if (!chunk.whole) {
      return refuse(title, "cut short: only " + std::to_string(chunk.body.size()) +
                               " bytes of its audio are there");
    }
    return make(std::move(title), little_endian(format.substr(4, 4)), chunk.body);
  }
  return refuse(title, "a WAV file without audio");
}

absl::StatusOr<Recording> read_wav(const std::string& path) {
  const absl::StatusOr<std::string> bytes = read_bytes(path);
  if (!bytes.ok()) {
    return bytes.status();
  }
  absl::StatusOr<Recording> recording = parse_wav(*bytes, path);
  if (recording.ok() && recording->rate_hz != kSampleRateHz) {
    return refuse(path, std::to_string(recording->rate_hz) + " Hz; it must be 16000 Hz");
  }
  return recording;
}

absl::StatusOr<Recording> read_raw(const std::string& path) {
  const absl::StatusOr<std::string> bytes = read_bytes(path);
  if (!bytes.ok()) {
    return bytes.status();
  }
  return make(path, kSampleRateHz, *bytes);
}

Recording resample(Recording recording) {
  const std::vector<std::int16_t> from = std::move(recording.samples);
  const std::uint64_t from_hz = std::exchange(recording.rate_hz, kSampleRateHz);
  recording.samples.clear();
  for (std::uint64_t at = 0; at * from_hz / kSampleRateHz + 1 < from.size(); ++at) {
    const std::size_t left = at * from_hz / kSampleRateHz;
    const auto part = static_cast<std::int64_t>(at * from_hz % kSampleRateHz);
    const std::int64_t step = from[left + 1] - from[left];
    recording.samples.push_back(
        static_cast<std::int16_t>(from[left] + step * part / kSampleRateHz));
  }
  return recording;
}

}  // namespace inference_loop
