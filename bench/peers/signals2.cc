// Boost.Signals2, told that one thread uses it, so that it takes no lock.
#include <boost/signals2/dummy_mutex.hpp>
#include <boost/signals2/signal_type.hpp>

#include "measure.h"
#include "signal_table.h"
#include "systems.h"

namespace peers {
namespace {

namespace keywords = boost::signals2::keywords;
using Signal =
    boost::signals2::signal_type<void(const Event&),
                                 keywords::mutex_type<boost::signals2::dummy_mutex>>::type;

class Signals2 : public SignalTable<Signals2, Signal> {
 public:
  static constexpr std::string_view kName = "signals2";
  using SignalTable::SignalTable;
};

}  // namespace

Entry signals2() { return make_entry<Signals2>(); }

}  // namespace peers
