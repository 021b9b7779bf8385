// The default bus: takes the first call, makes the bus that all later calls get.
#include "herald/default_bus.h"

namespace herald {

Bus& default_bus() noexcept {
  // Never deleted: no order of destruction at exit could suit everybody who uses it.
  static Bus* const bus = new Bus();
  return *bus;
}

}  // namespace herald
