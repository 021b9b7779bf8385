// The report of `herald stream` for people, at most 100 columns wide.
#pragma once

#include <string>

#include "stream_options.h"
#include "stream_result.h"

namespace herald::cli {

[[nodiscard]] std::string stream_report(const StreamResult& result, const StreamOptions& options,
                                        bool color);

}  // namespace herald::cli
