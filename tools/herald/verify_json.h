// The report of `herald verify` for programs.
#pragma once

#include <string>
#include <vector>

#include "machine.h"
#include "verify_options.h"
#include "verify_row.h"

namespace herald::cli {

/// One JSON object, with a line end. Times are in microseconds, shares from 0 to 1; rate_asked is
/// null at --rate max, and p999_unstalled_us is null if every sample overlaps a stall.
[[nodiscard]] std::string verify_json(const Machine& machine, const VerifyOptions& options,
                                      const std::vector<VerifyRow>& rows);

}  // namespace herald::cli
