// An event as a line of JSON.
#pragma once

#include <string>

#include "herald/bus.h"
#include "herald/event.h"

namespace herald::cli {

/// Appends one object with its line end: sequence, type, stream, time (UTC, RFC 3339, microseconds)
/// and payload, which is as the event's type encodes it.
void append_event_line(const Bus& bus, const Event& event, std::string& lines);

}  // namespace herald::cli
