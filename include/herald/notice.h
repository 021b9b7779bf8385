#pragma once

#include <cstdint>
#include <variant>

namespace herald {

/// Events that this subscriber was to get and has lost, since the last such notice: dropped by the
/// overflow policy of its mailbox. Those that a conflating mailbox replaced are not lost.
struct Lagged {
  std::uint64_t events = 0;
};

/// Nothing comes after this.
struct End {
  enum class Reason : std::uint8_t {
    kClosed,        ///< The bus has ended, or the mailbox was closed.
    kDisconnected,  ///< The mailbox was full, and its policy or an event that ends a stream asked
                    ///< for it.
  };
  Reason reason = Reason::kClosed;
};

/// What a subscriber is told besides events: see SubscribeOptions::on_notice and Mailbox.
using Notice = std::variant<Lagged, End>;

}  // namespace herald
