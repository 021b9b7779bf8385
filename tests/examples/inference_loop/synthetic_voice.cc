#include "synthetic_voice.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"

namespace inference_loop {
namespace {

absl::Status fail(int error) {
  return absl::UnavailableError(std::string("cannot run espeak-ng: ") + std::strerror(error));
}

// Starts the child; its standard output goes to `output`. Returns errno's value, 0 if all is well.
int start(const std::string& text, int output, pid_t& child) {
  std::array<std::string, 6> words{"espeak-ng", "-v", "en-us", "--stdout", "--", text};
  std::array<char*, words.size() + 1> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    arguments[i] = words[i].data();
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

std::string read_all(int input) {
  std::string bytes;
  std::array<char, 65'536> buffer;
  while (true) {
    const ssize_t got = read(input, buffer.data(), buffer.size());
    if (got > 0) {
      bytes.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      return bytes;
    }
  }
}

}  // namespace

absl::StatusOr<Recording> speak(const std::string& text) {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(errno);
  }
  pid_t child = 0;
  const int error = start(text, ends[1], child);
  close(ends[1]);
  const std::string wav = error == 0 ? read_all(ends[0]) : std::string();
  close(ends[0]);
  if (error != 0) {
    return fail(error);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::UnavailableError("espeak-ng failed");
  }
  absl::StatusOr<Recording> recording = parse_wav(wav, '"' + text + "\" as espeak-ng says it");
  if (!recording.ok()) {
    return recording;
  }
  return resample(*std::move(recording));
}

}  // namespace inference_loop
