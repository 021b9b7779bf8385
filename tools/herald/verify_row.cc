#include "verify_row.h"

namespace herald::cli {

std::string_view name_of(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::kPass:
      return "pass";
    case Outcome::kFail:
      return "fail";
    case Outcome::kOverloaded:
      return "overloaded";
    case Outcome::kInterrupted:
      break;
  }
  return "interrupted";
}

double VerifyRow::stalled_share() const noexcept {
  if (all.count() == 0) {
    return 0;
  }
  const std::size_t left_out = all.count() - unstalled.count();
  return static_cast<double>(left_out) / static_cast<double>(all.count());
}

}  // namespace herald::cli
