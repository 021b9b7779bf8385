#include "word_agreement.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace inference_loop {
namespace {

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    if (length > 0) {
      words.push_back(text.substr(0, length));
    }
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return words;
}

// The edit distance of `from` to each beginning of `to`, by its length.
std::vector<std::size_t> distances(std::span<const std::string> from,
                                   std::span<const std::string_view> to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t length = 0; length < row.size(); ++length) {
    row[length] = length;
  }
  for (const std::string& word : from) {
    std::size_t diagonal = row[0]++;
    for (std::size_t length = 1; length < row.size(); ++length) {
      const std::size_t replaced = diagonal + (word == to[length - 1] ? 0 : 1);
      diagonal = row[length];
      row[length] = std::min({replaced, row[length] + 1, row[length - 1] + 1});
    }
  }
  return row;
}

}  // namespace

std::span<const std::string> WordAgreement::hear(std::string_view hypothesis) {
  const std::vector<std::string_view> words = split(hypothesis);
  const std::span<const std::string_view> behind = behind_settled(words);
  candidates_.resize(behind.size());
  for (std::size_t place = 0; place < behind.size(); ++place) {
    Candidate& candidate = candidates_[place];
    if (candidate.word != behind[place]) {
      candidate = {std::string(behind[place]), 0};
    }
    ++candidate.agreed;
  }
  const auto open = std::find_if(candidates_.begin(), candidates_.end(),
                                 [this](const Candidate& c) { return c.agreed < needed_; });
  const std::size_t before = settled_.size();
  std::for_each(candidates_.begin(), open,
                [this](Candidate& c) { settled_.push_back(std::move(c.word)); });
  candidates_.erase(candidates_.begin(), open);
  return std::span(settled_).subspan(before);
}

std::span<const std::string> WordAgreement::finish(std::string_view hypothesis) {
  const std::vector<std::string_view> words = split(hypothesis);
  const std::span<const std::string_view> behind = behind_settled(words);
  const std::size_t before = settled_.size();
  settled_.insert(settled_.end(), behind.begin(), behind.end());
  candidates_.clear();
  return std::span(settled_).subspan(before);
}

std::span<const std::string_view> WordAgreement::behind_settled(
    std::span<const std::string_view> words) {
  const std::vector<std::size_t> distance = distances(settled_, words);
  const auto rank = [&](std::size_t length) {
    const bool ends_alike = length > 0 && !settled_.empty() && words[length - 1] == settled_.back();
    const std::size_t off_by =
        std::max(length, settled_.size()) - std::min(length, settled_.size());
    return std::tuple(distance[length], !ends_alike, off_by);
  };
  std::size_t best = 0;
  for (std::size_t length = 1; length < distance.size(); ++length) {
    if (rank(length) < rank(best)) {
      best = length;
    }
  }
  return words.subspan(best);
}

}  // namespace inference_loop
