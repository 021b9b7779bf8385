// Boost.Lockfree spsc_queue: a ring for one publisher and one consumer.
#include <boost/lockfree/spsc_queue.hpp>

#include "measure.h"
#include "polled_rings.h"
#include "systems.h"
#include "table_bus.h"

namespace peers {
namespace {

class BoostSpsc {
 public:
  static constexpr std::string_view kName = "boost_spsc";

  explicit BoostSpsc(std::size_t capacity) : ring_(capacity) {}

  bool push(const Event& event) { return ring_.push(event); }
  std::size_t push_batch(std::span<const Event> events) {
    return ring_.push(events.data(), events.size());
  }
  std::size_t pop_batch(std::span<Event> room) { return ring_.pop(room.data(), room.size()); }

 private:
  boost::lockfree::spsc_queue<Event> ring_;
};

}  // namespace

Entry boost_spsc() { return make_entry<TableBus<PolledRings<BoostSpsc>>>(); }

}  // namespace peers
