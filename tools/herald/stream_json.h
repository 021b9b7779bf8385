// The report of `herald stream` for programs.
#pragma once

#include <string>

#include "stream_options.h"
#include "stream_result.h"

namespace herald::cli {

/// One JSON object, with a line end. Times are in microseconds, shares from 0 to 1. What there is
/// not is null: the rate asked at --rate max, the time without --coalesce, the offset of ill-formed
/// bytes that are not there, the code and message of an end that is no error.
[[nodiscard]] std::string stream_json(const StreamResult& result, const StreamOptions& options);

}  // namespace herald::cli
