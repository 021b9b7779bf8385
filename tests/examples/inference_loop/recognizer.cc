#include "recognizer.h"

#include <pocketsphinx.h>
#include <sphinxbase/err.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/status/status.h"

namespace inference_loop {
namespace {

const std::string kModel = HERALD_POCKETSPHINX_FOLDER "/model/en-us/";

// The first complaint of PocketSphinx on this thread: the later ones follow from it.
thread_local std::string complaint;

// One line without `ERROR: "file.c", line 5: `, and without what it quotes of a strange file.
std::string plain(std::string_view message) {
  if (const std::size_t line = message.find("\", line "); line != std::string_view::npos) {
    message.remove_prefix(std::min(message.find(": ", line), message.size() - 2) + 2);
  }
  std::string text(message.substr(0, message.find('\n')));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

// PocketSphinx ends the process, with status 1, after a fatal one.
void take_message(void*, err_lvl_t level, const char* format, ...) {
  if (level < ERR_ERROR || (level == ERR_ERROR && !complaint.empty())) {
    return;
  }
  std::array<char, 500> text{};
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  complaint = plain(text.data());
  if (level == ERR_FATAL) {
    std::fprintf(stderr, "inference_loop: PocketSphinx: %s\n", complaint.c_str());
  }
}

// The first `length` bytes of a file. Errors: Unavailable: it cannot be read.
absl::StatusOr<std::string> beginning(const std::string& path, std::size_t length) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             &std::fclose);
  std::string bytes(length, '\0');
  if (file != nullptr) {
    bytes.resize(std::fread(bytes.data(), 1, length, file.get()));
  }
  if (file == nullptr || std::ferror(file.get()) != 0) {
    return absl::UnavailableError("cannot read " + path + ": " + std::strerror(errno));
  }
  return bytes;
}

// What PocketSphinx itself meets by ending the process, or by printing the file.
absl::Status check_readable(const std::string& path, bool grammar) {
  constexpr std::string_view kGrammar = "#JSGF";  // how each one must begin
  const absl::StatusOr<std::string> found = beginning(path, kGrammar.size());
  if (!found.ok()) {
    return found.status();
  }
  return !grammar || *found == kGrammar
             ? absl::OkStatus()
             : absl::InvalidArgumentError(path + ": not a JSGF grammar: it begins without " +
                                          std::string(kGrammar));
}

}  // namespace

absl::StatusOr<Recognizer> Recognizer::load(const std::string& grammar) {
  const std::string acoustics = kModel + "en-us";
  const std::string words = kModel + "cmudict-en-us.dict";
  const std::string language = grammar.empty() ? kModel + "en-us.lm.bin" : grammar;
  absl::Status status = check_readable(words, false);
  status.Update(check_readable(language, !grammar.empty()));
  if (!status.ok()) {
    return status;
  }
  err_set_callback(&take_message, nullptr);
  err_set_logfp(nullptr);  // where it writes its options
  complaint.clear();
  cmd_ln_t* options =
      cmd_ln_init(nullptr, ps_args(), 1, "-hmm", acoustics.c_str(), "-dict", words.c_str(),
                  grammar.empty() ? "-lm" : "-jsgf", language.c_str(), nullptr);
  Decoder decoder(options == nullptr ? nullptr : ps_init(options), &ps_free);
  cmd_ln_free_r(options);
  if (decoder == nullptr) {
    return absl::InvalidArgumentError("PocketSphinx refuses " + language + ": " + complaint);
  }
  return Recognizer(std::move(decoder));
}

Recognizer::Recognizer(Decoder decoder)
    : decoder_(std::move(decoder)),
      first_mean_(static_cast<std::size_t>(ps_get_feat(decoder_.get())->cmn_struct->veclen)) {
  cmn_live_get(ps_get_feat(decoder_.get())->cmn_struct, first_mean_.data());
}

bool Recognizer::begin() noexcept {
  cmn_live_set(ps_get_feat(decoder_.get())->cmn_struct, first_mean_.data());
  begun_ = !begun_ && ps_start_stream(decoder_.get()) >= 0 && ps_start_utt(decoder_.get()) >= 0;
  return begun_;
}

bool Recognizer::hear(std::span<const std::int16_t> samples) noexcept {
  return begun_ && ps_process_raw(decoder_.get(), samples.data(), samples.size(), 0, 0) >= 0;
}

bool Recognizer::end() noexcept {
  return std::exchange(begun_, false) && ps_end_utt(decoder_.get()) >= 0;
}

std::string_view Recognizer::hypothesis() noexcept {
  const char* text = ps_get_hyp(decoder_.get(), nullptr);
  return text == nullptr ? std::string_view() : text;
}

}  // namespace inference_loop
