// libsigc++ 2.
#include <sigc++/sigc++.h>

#include "measure.h"
#include "signal_table.h"
#include "systems.h"

namespace peers {
namespace {

class SigCpp : public SignalTable<SigCpp, sigc::signal<void, const Event&>> {
 public:
  static constexpr std::string_view kName = "sigcpp";
  using SignalTable::SignalTable;
};

}  // namespace

Entry sigcpp() { return make_entry<SigCpp>(); }

}  // namespace peers
