// Lets 1 in N events of each type pass.
#include "herald/sample.h"

#include <cstdint>

#include "middleware/option_range.h"

namespace herald {

absl::StatusOr<Sample> Sample::create(const SampleOptions& options) {
  if (absl::Status legal =
          middleware::check_between("SampleOptions::one_in", options.one_in, 1, UINT32_MAX);
      !legal.ok()) {
    return legal;
  }
  return Sample(options);
}

Sample::Sample(const SampleOptions& options)
    : one_in_(options.one_in),
      always_(options.always),
      ledger_(std::make_shared<detail::FlowLedger>()) {}

Verdict Sample::operator()(Event& event, Emitter&) noexcept {
  const std::size_t bytes = event.text().size();
  ledger_->take(bytes);
  if (!always_.contains(event.type_index())) {
    std::uint32_t& skip = skip_[event.type_index()];
    if (skip != 0) {
      --skip;
      ledger_->drop(bytes);
      return Verdict::kDrop;
    }
    skip = one_in_ - 1;
  }
  ledger_->pass(bytes);
  return Verdict::kPass;
}

}  // namespace herald
