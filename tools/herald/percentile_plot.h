// The percentile curve of a row, in text.
#pragma once

#include <string>

#include "verify_options.h"
#include "verify_row.h"

namespace herald::cli {

/// One line a percentile, each with a bar on a logarithmic scale and a mark at the SLO.
[[nodiscard]] std::string percentile_plot(const VerifyRow& row, const VerifyOptions& options);

}  // namespace herald::cli
