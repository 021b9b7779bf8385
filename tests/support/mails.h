// What a mailbox gives, as words to compare.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "herald/herald.h"
#include "support/buses.h"

namespace herald::support {

inline std::string word_of(const Notice& notice) {
  if (const auto* lagged = std::get_if<Lagged>(&notice)) {
    return "lagged " + std::to_string(lagged->events);
  }
  if (const auto* gap = std::get_if<Gap>(&notice)) {
    return "gap " + std::to_string(gap->requested) + " to " + std::to_string(gap->oldest);
  }
  return std::get<End>(notice).reason == End::Reason::kClosed ? "closed" : "disconnected";
}

/// The text of an event (of kInfo its message), or "done"; else "lagged N", "closed" or
/// "disconnected".
inline std::string word_of(const Mailbox::Mail& mail) {
  if (const auto* event = std::get_if<Event>(&mail)) {
    const Info* const info = event->get<Info>();
    return event->is(kComplete) ? "done"
           : info != nullptr    ? info->message
                                : std::string(event->text());
  }
  if (const auto* lagged = std::get_if<Lagged>(&mail)) {
    return word_of(Notice(*lagged));
  }
  if (const auto* gap = std::get_if<Gap>(&mail)) {
    return word_of(Notice(*gap));
  }
  return word_of(Notice(std::get<End>(mail)));
}

/// All that is there, up to an end.
inline Texts pop_all(Mailbox& mailbox) {
  Texts words;
  while (std::optional<Mailbox::Mail> mail = mailbox.try_pop()) {
    words.push_back(word_of(*mail));
    if (std::holds_alternative<End>(*mail)) {
      break;
    }
  }
  return words;
}

/// The law of a subscription, exact at rest.
inline bool adds_up(const SubscriptionStats& stats) {
  return stats.offered == stats.delivered + stats.overflow_dropped + stats.conflated +
                              stats.detach_dropped + stats.queued;
}

}  // namespace herald::support
