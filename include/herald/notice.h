#pragma once

#include <cstdint>
#include <variant>

namespace herald {

/// Events that this subscriber was to get and has lost, since the last such notice: dropped by the
/// overflow policy of its mailbox. Those that a conflating mailbox replaced are not lost.
struct Lagged {
  std::uint64_t events = 0;
};

/// Events [requested, oldest), of which some may match the filter, can no longer be replayed: they
/// have left the replay ring, or one was too large for it. The subscription goes on at `oldest`.
struct Gap {
  std::uint64_t requested = 0;  ///< The sequence that was to come next.
  std::uint64_t oldest = 0;     ///< The first that is still there, or the next one of the bus.
  std::uint64_t newest = 0;     ///< The last that the bus has dispatched.
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

/// What a subscriber is told besides events; visit it, as more kinds may come. A mailbox gives them
/// in band.
using Notice = std::variant<Lagged, Gap, End>;

}  // namespace herald
