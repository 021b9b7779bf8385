// What every event of verify carries, and how one sees that it arrived whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "herald/event.h"
#include "herald/event_type.h"

namespace herald::cli {

/// Who sent an event, which one it is, and a checksum over both.
struct Stamp {
  std::uint64_t number = 0;  ///< From 1, dense for each publisher.
  std::uint32_t publisher = 0;
  std::uint32_t checksum = 0;

  [[nodiscard]] static Stamp make(std::uint32_t publisher, std::uint64_t number) noexcept {
    return {number, publisher, checksum_of(publisher, number)};
  }
  [[nodiscard]] bool intact() const noexcept { return checksum == checksum_of(publisher, number); }

 private:
  /// The finalizer of splitmix64: every input bit moves every output bit.
  [[nodiscard]] static std::uint32_t checksum_of(std::uint32_t publisher,
                                                 std::uint64_t number) noexcept {
    std::uint64_t mixed = number + 0x9E37'79B9'7F4A'7C15U * (std::uint64_t{publisher} + 1);
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D0'49BB'1331'11EBU;
    return static_cast<std::uint32_t>(mixed >> 32U);
  }
};
static_assert(sizeof(Stamp) == 16);

/// Events of 16 bytes: the stamp, kept inside the event.
class StampPayload {
 public:
  using Type = Stamp;

  explicit StampPayload(std::size_t /*size_bytes*/) noexcept {}

  /// What to publish.
  [[nodiscard]] const Stamp& fill(const Stamp& stamp) noexcept {
    stamp_ = stamp;
    return stamp_;
  }

  /// What every subscriber reads of an event: publisher and checksum. 0 if there is no stamp.
  [[nodiscard]] static std::uint64_t word(const Event& event) noexcept {
    const Stamp* stamp = event.get<Stamp>();
    return stamp == nullptr ? 0 : std::uint64_t{stamp->checksum} << 32U | stamp->publisher;
  }
  /// The stamp, if the whole payload is intact.
  [[nodiscard]] static std::optional<Stamp> read(const Event& event,
                                                 std::size_t /*size_bytes*/) noexcept {
    const Stamp* stamp = event.get<Stamp>();
    return stamp != nullptr && stamp->intact() ? std::optional(*stamp) : std::nullopt;
  }

 private:
  Stamp stamp_;
};

/// Larger events: text of a given size that begins with the stamp; what follows is derived from it.
/// Up to 32 bytes are kept inside the event, more in a shared block.
class TextPayload {
 public:
  using Type = Text;

  /// Requires: size_bytes >= sizeof(Stamp).
  explicit TextPayload(std::size_t size_bytes) : text_(size_bytes, '\0') {}

  [[nodiscard]] std::string_view fill(const Stamp& stamp) noexcept {
    std::memcpy(text_.data(), &stamp, sizeof stamp);
    for (std::size_t place = sizeof stamp; place < text_.size(); ++place) {
      text_[place] = filler(stamp, place);
    }
    return text_;
  }

  [[nodiscard]] static std::uint64_t word(const Event& event) noexcept {
    const std::string_view text = event.text();
    std::uint64_t word = 0;
    if (text.size() >= sizeof(Stamp)) {
      std::memcpy(&word, text.data() + offsetof(Stamp, publisher), sizeof word);
    }
    return word;
  }
  [[nodiscard]] static std::optional<Stamp> read(const Event& event,
                                                 std::size_t size_bytes) noexcept {
    const std::string_view text = event.text();
    Stamp stamp;
    if (text.size() != size_bytes) {
      return std::nullopt;
    }
    std::memcpy(&stamp, text.data(), sizeof stamp);
    bool intact = stamp.intact();
    for (std::size_t place = sizeof stamp; place < text.size(); ++place) {
      intact &= text[place] == filler(stamp, place);
    }
    return intact ? std::optional(stamp) : std::nullopt;
  }

 private:
  [[nodiscard]] static char filler(const Stamp& stamp, std::size_t place) noexcept {
    return static_cast<char>(stamp.checksum + place);
  }

  std::string text_;
};

}  // namespace herald::cli
