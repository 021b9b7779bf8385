// The yardstick of fan-out: one thread, one loop over {function, receiver}.
#include "measure.h"
#include "same_thread.h"
#include "systems.h"
#include "table.h"

namespace peers {
namespace {

class BareLoop : public SameThread<BareLoop> {
 public:
  static constexpr std::string_view kName = "bare_loop";

  explicit BareLoop(const Setup& /*setup*/) {}

  template <typename Receiver>
  void subscribe(const Interest& interest, Receiver& receiver) {
    table_.subscribe(interest, receiver);
  }
  void deliver(const Event& event) const { table_.deliver(event); }

 private:
  Table table_;
};

}  // namespace

Entry bare_loop() { return make_entry<BareLoop>(); }

}  // namespace peers
