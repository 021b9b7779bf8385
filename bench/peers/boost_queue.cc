// Boost.Lockfree queue: many publishers, a fixed number of nodes.
#include <boost/lockfree/queue.hpp>

#include "measure.h"
#include "one_by_one.h"
#include "systems.h"
#include "table_bus.h"

namespace peers {
namespace {

class BoostQueue {
 public:
  static constexpr std::string_view kName = "boost_queue";

  BoostQueue(unsigned publishers, std::size_t capacity) : queue_(publishers * capacity) {}

  bool push(unsigned /*publisher*/, const Event& event) { return queue_.bounded_push(event); }
  std::size_t push_batch(unsigned publisher, std::span<const Event> events) {
    return one_by_one(events, [&](const Event& event) { return push(publisher, event); });
  }
  std::size_t pop_batch(std::span<Event> room) {
    return one_by_one(room, [&](Event& event) { return queue_.pop(event); });
  }

 private:
  boost::lockfree::queue<Event> queue_;
};

}  // namespace

Entry boost_queue() { return make_entry<TableBus<BoostQueue>>(); }

}  // namespace peers
