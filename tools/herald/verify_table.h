// The report of `herald verify` for people, at most 100 columns wide.
#pragma once

#include <string>
#include <vector>

#include "machine.h"
#include "verify_options.h"
#include "verify_row.h"

namespace herald::cli {

/// What is measured, where, and the names of the columns.
[[nodiscard]] std::string table_heading(const VerifyOptions& options, const Machine& machine);
/// One row, with what belongs to it on the lines below.
[[nodiscard]] std::string table_row(const VerifyRow& row, const VerifyOptions& options, bool color);
/// How many rows passed, of all that were asked for.
[[nodiscard]] std::string table_summary(const std::vector<VerifyRow>& rows,
                                        const VerifyOptions& options, bool color);

}  // namespace herald::cli
