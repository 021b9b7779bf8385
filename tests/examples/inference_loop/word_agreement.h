// When a word of a recognizer that changes its mind may be shown for good.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace inference_loop {

/// Settles the words of one utterance, one after the other, from its successive hypotheses.
///
/// A word is settled once `needed` successive hypotheses have had it at its place, or when the
///   utterance ends, and is never taken back.
/// The place of the next word is behind that beginning of a hypothesis which differs least from the
///   words already settled (fewest words added, left out or replaced; among equals one that ends
///   with the last settled word, then the one whose length is nearest). So when the recognizer
///   changes its mind about settled words they stay as they are, and what it now says behind them
///   follows: settled `his power do`, hypothesis `in his power to do how`, next word `how`.
/// Cost: O(settled words x words of the hypothesis) for each hypothesis.
class WordAgreement {
 public:
  explicit WordAgreement(unsigned needed) noexcept : needed_(needed) {}

  /// Takes the next hypothesis, words with spaces between them. Returns the words that it settles,
  /// valid until the next call.
  std::span<const std::string> hear(std::string_view hypothesis);
  /// Takes the last hypothesis, all of whose words behind the settled ones are settled by it.
  std::span<const std::string> finish(std::string_view hypothesis);

  [[nodiscard]] std::span<const std::string> settled() const noexcept { return settled_; }

 private:
  struct Candidate {
    std::string word;
    unsigned agreed;  // successive hypotheses that had it at this place
  };

  [[nodiscard]] std::span<const std::string_view> behind_settled(
      std::span<const std::string_view> words);

  unsigned needed_;
  std::vector<std::string> settled_;
  std::vector<Candidate> candidates_;  // for the places behind the settled words
};

}  // namespace inference_loop
